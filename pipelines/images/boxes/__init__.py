"""Checks of boxes: their convention, their frame and what is doubtful of them."""
