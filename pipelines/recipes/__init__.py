"""Recipe files: YAML to a `Recipe`, its errors, and the built-in ones."""
