"""Statistics and a report without a dataset, and a cache of them by day."""
