"""Command line of the peers."""

from __future__ import annotations

import argparse

__all__ = ["parse"]


def parse() -> tuple[str, dict[str, str], str]:
    """Return the name of the problem, the file of each split, and the folder to write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("problem")
    parser.add_argument("--output", required=True)
    parser.add_argument("--input", action="append", required=True, metavar="SPLIT=FILE")
    options = parser.parse_args()
    return options.problem, dict(item.split("=", 1) for item in options.input), options.output
