"""Fused analysis of a `preprocessing_fn`: one pass over the rows for each phase."""
