"""ydata-profiling in its minimal mode: what `ProfileReport(…, minimal=True)` tells, without a page.

It runs in an environment of its own. The whole file is in memory. Its page of 500 columns, of which
it draws each, takes it longer than anything else.
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
from ydata_profiling import ProfileReport

from .arguments import parse

__all__ = ["profile"]


def profile(path: str, output: str) -> None:
    """Write what it says of a CSV file.

    Args:
      path: The file, with a header.
      output: The folder to write.
    """
    folder = Path(output)
    folder.mkdir(parents=True)
    rows = pd.read_csv(path)
    report = ProfileReport(rows, minimal=True, progress_bar=False)
    variables = report.get_description().variables
    columns = {
        name: {"missing": int(variable["n_missing"]), "mean": _number(variable)}
        for name, variable in variables.items()
    }
    (folder / "columns.json").write_text(json.dumps({"rows": len(rows), "columns": columns}))


def _number(variable: dict[str, object]) -> float | None:
    mean = variable.get("mean")
    return float(mean) if isinstance(mean, float) else None


if __name__ == "__main__":
    _, files, output = parse()
    (file,) = files.values()
    profile(file, output)
