"""`recordmill schema update`: accepts chosen anomalies of data that is right."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..schemas.errors import RecipeError
from ..schemas.manifest import MANIFEST
from .validate import csv_format_of

__all__ = ["update"]


def update(
    path: str,
    *,
    accepted: Sequence[str],
    data: Sequence[str],
    csv: Sequence[str],
    output: str | None,
) -> int:
    """Write a schema that takes chosen anomalies for right, and print what changed.

    Args:
      path: A `schema.pbtxt`; or a prepared dataset, whose own schema stays as it is.
      accepted: "COLUMN" or "COLUMN:KIND".
      data: The files with the anomalies.
      csv: How a CSV is written, as `KEY=VALUE`.
      output: Where the schema goes; None for where it came from.

    Raises:
      RecipeError: There is no such anomaly, or the schema is a prepared dataset's own.
    """
    from google.protobuf import text_format

    from ..pipelines.runtime import filesystem as files
    from ..pipelines.validation.validate import csv_format_of as stored_format
    from ..pipelines.validation.validate import validate
    from ..schemas.anomalies.update import update_schema
    from .logging_setup import quiet_beam

    if output is None and _is_of_a_dataset(path):
        raise RecipeError(
            f"{path}: the schema of a prepared dataset says what its graph takes, so it is left "
            "alone. Give --output FILE.pbtxt."
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


def _is_of_a_dataset(path: str) -> bool:
    folder = os.path.dirname(os.path.dirname(os.path.realpath(path)))
    return any(os.path.exists(os.path.join(one, MANIFEST)) for one in (path, folder))
