"""Metadata files of datasets and profiles."""
