"""Keys, splits and the canonical order of rows."""
