"""Command line: one module for each command, Beam's options and runners, progress."""
