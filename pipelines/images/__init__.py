"""Stages for images: list, check, hash, encode through the graph."""
