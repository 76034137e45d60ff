"""Small inputs drawn for the built-in recipes."""
