"""New data held against a schema, against training data or against yesterday."""
