"""Rows computed from other rows by a function of Beam DataFrames."""
