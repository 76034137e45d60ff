"""`recordmill schema update`: accepts chosen anomalies into a schema."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Sequence

from ..schemas.errors import RecipeError
from ..schemas.manifest import MANIFEST
from .arguments import add_csv
from .validate import csv_format_of

__all__ = ["add_arguments", "update"]


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command `update`, the only one under `recordmill schema`, and its arguments."""
    commands = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
    update_parser = commands.add_parser(
        "update",
        help="accept chosen anomalies into the schema",
        description="Accept chosen anomalies into the schema.",
    )
    update_parser.set_defaults(function=update)
    update_parser.add_argument(
        "path", metavar="SCHEMA", help="a schema.pbtxt, or a prepared dataset"
    )
    update_parser.add_argument(
        "--accept",
        dest="accepted",
        metavar="COLUMN[:KIND]",
        action="append",
        required=True,
        help="an anomaly, as `validate` names it; can be repeated",
    )
    update_parser.add_argument(
        "--from",
        dest="data",
        metavar="DATA",
        nargs="+",
        required=True,
        help="files with the anomalies",
    )
    add_csv(update_parser)
    update_parser.add_argument(
        "--output", metavar="FILE.pbtxt", help="file to write (default: the schema.pbtxt itself)"
    )


def update(
    path: str,
    *,
    accepted: Sequence[str],
    data: Sequence[str],
    csv: Sequence[str],
    output: str | None,
) -> int:
    """Write a schema that accepts chosen anomalies, and print the changes.

    Args:
      path: A `schema.pbtxt`; or a prepared dataset, whose own schema does not change.
      accepted: "COLUMN" or "COLUMN:KIND".
      data: Files with the anomalies.
      csv: Format of the CSV files, as `KEY=VALUE`.
      output: File to write; None for `path`.

    Raises:
      RecipeError: There is no such anomaly, or `output` is None and the schema belongs to a
        prepared dataset.
    """
    from google.protobuf import text_format

    from ..pipelines.runtime import filesystem as files
    from ..pipelines.validation.validate import csv_format_of as stored_format
    from ..pipelines.validation.validate import validate
    from ..schemas.anomalies.update import update_schema
    from .logging_setup import quiet_beam

    if output is None and _belongs_to_a_dataset(path):
        raise RecipeError(
            f"{path}: the schema of a prepared dataset describes the inputs of its graph, so it is "
            "not changed. Give --output FILE.pbtxt."
        )
    quiet_beam()
    csv_format = csv_format_of(csv, stored_format(path)) if csv else None
    findings = validate(data, against=path, csv_format=csv_format)
    schema, changes = update_schema(findings, accepted)
    target = output or path
    with files.create(target) as file:
        file.write(text_format.MessageToString(schema, as_utf8=True).encode())
    print("\n".join(changes))
    print(f"wrote {target}")
    return 0


def _belongs_to_a_dataset(path: str) -> bool:
    dataset = os.path.dirname(os.path.dirname(os.path.realpath(path)))
    return any(os.path.exists(os.path.join(folder, MANIFEST)) for folder in (path, dataset))
