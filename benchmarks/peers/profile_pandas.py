"""pandas as a notebook has it: `read_csv`, `describe(include="all")` and `value_counts`.

The whole file is in memory. `describe.csv` holds the table, and `value_counts.csv` the most
frequent values of each column.
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from .arguments import parse

__all__ = ["profile"]

_TOP = 100


def profile(path: str, output: str) -> None:
    """Write what pandas says of a CSV file.

    Args:
      path: The file, with a header.
      output: The folder to write.
    """
    folder = Path(output)
    folder.mkdir(parents=True)
    rows = pd.read_csv(path)
    described = rows.describe(include="all")
    described.to_csv(folder / "describe.csv")
    counted = {name: rows[name].value_counts() for name in rows.columns}
    top = pd.concat({name: values.head(_TOP) for name, values in counted.items()})
    top.to_csv(folder / "value_counts.csv")
    columns = {
        name: {
            "missing": len(rows) - int(described.at["count", name]),
            "mean": _number(described.at["mean", name]),
        }
        for name in rows.columns
    }
    (folder / "columns.json").write_text(json.dumps({"rows": len(rows), "columns": columns}))


def _number(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


if __name__ == "__main__":
    _, files, written = parse()
    (file,) = files.values()
    profile(file, written)
