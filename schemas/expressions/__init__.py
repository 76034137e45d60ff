"""Expressions over columns: their parser and their syntax tree."""
