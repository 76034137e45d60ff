"""Stages for the rows of CSV and Parquet files."""
