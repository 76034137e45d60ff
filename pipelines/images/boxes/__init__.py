"""Checks of boxes: their convention, their frame, and doubtful ones."""
