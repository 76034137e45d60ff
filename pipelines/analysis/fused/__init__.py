"""The fused analyzer: a `preprocessing_fn` analyzed in one pass over the rows a phase."""
