"""Small synthetic inputs of the built-in recipes."""
