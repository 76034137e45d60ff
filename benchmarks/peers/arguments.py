"""The command line that the peers share."""

from __future__ import annotations

import argparse

__all__ = ["parse"]


def parse() -> tuple[str, dict[str, str], str]:
    """The name of the problem, the file of each split, and the folder to write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("problem")
    parser.add_argument("--output", required=True)
    parser.add_argument("--input", action="append", required=True, metavar="SPLIT=FILE")
    options = parser.parse_args()
    return options.problem, dict(one.split("=", 1) for one in options.input), options.output
