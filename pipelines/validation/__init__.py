"""Validation of data against a schema, training data or an earlier state of the data."""
