"""Readers of CSV and Parquet files: from stored bytes to batches of text with line numbers."""
