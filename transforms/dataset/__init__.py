"""Loader of a prepared dataset, for trainers."""
