"""Arguments that several commands share."""

from __future__ import annotations

from argparse import ArgumentParser

__all__ = ["add_csv", "add_inputs", "add_output", "add_statistics_cache"]


def add_csv(parser: ArgumentParser) -> None:
    """Add `--csv`, the format of CSV files."""
    parser.add_argument(
        "--csv",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="format of the CSV files, such as header=false; can be repeated",
    )


def add_inputs(parser: ArgumentParser, default: str) -> None:
    """Add `--input`; `default` describes what is read without it."""
    parser.add_argument(
        "--input",
        metavar="[SPLIT=]GLOB",
        action="append",
        dest="inputs",
        default=[],
        help=f"files to read, and their split; can be repeated; default: {default}",
    )


def add_output(parser: ArgumentParser, description: str) -> None:
    """Add `--output`, a folder with this description, and `--overwrite`."""
    parser.add_argument("--output", metavar="DIR", required=True, help=description)
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace an earlier dataset or profile; refused if the folder contains anything else",
    )


def add_statistics_cache(parser: ArgumentParser) -> None:
    """Add `--statistics-cache`."""
    parser.add_argument(
        "--statistics-cache",
        metavar="DIR",
        help="folder that keeps the statistics of each day of a `{date}` input, so that later runs "
        "compute only the new days",
    )
