"""Anomalies of data against a schema or other data."""
