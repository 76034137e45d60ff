"""Rows made of other rows by a function of Beam DataFrames."""
