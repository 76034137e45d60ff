"""Typed values, filters, sampling, counts and routing of rows, shared by tables and images."""
