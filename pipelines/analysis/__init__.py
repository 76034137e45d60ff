"""Analysis of a `preprocessing_fn`: one pass over the rows a phase."""
