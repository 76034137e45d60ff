"""Report page of a dataset or a profile."""
