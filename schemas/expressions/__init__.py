"""Expressions over columns: the text, and the tree it is read into."""
