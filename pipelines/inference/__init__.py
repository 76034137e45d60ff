"""A CSV file that nobody has described to a commented recipe."""
