"""Comparisons of recordmill with its peers, in one session and on the same rows; see README.md."""
