"""Input tables: the Adult files or synthetic ones, copies of them, and a wide table."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from itertools import accumulate, chain, cycle, islice, repeat
from pathlib import Path

from recordmill.schemas.census import CENSUS

__all__ = [
    "ADULT_ROWS",
    "WIDE_CATEGORIES",
    "WIDE_NUMBERS",
    "WIDE_ROWS",
    "adult",
    "copies",
    "requests",
    "wide",
]

ADULT_ROWS = {"train": 32_561, "eval": 16_281}
WIDE_ROWS = 20_000
WIDE_NUMBERS = tuple(f"number_{i:02}" for i in range(100))
WIDE_CATEGORIES = tuple(f"category_{i:02}" for i in range(50))

_ADULT_FILES = {"train": "adult.data", "eval": "adult.test"}
_TOKENS = 1_000


def adult(folder: Path, sample: Path, scratch: Path) -> tuple[dict[str, Path], bool]:
    """Return the Adult files, or synthetic ones with as many rows.

    Args:
      folder: Folder that may contain adult.data and adult.test.
      sample: Folder with a small synthetic adult.data and adult.test.
      scratch: Folder for synthetic files with as many rows, repeated from the sample.

    Returns:
      The file of each split, and whether they are the published ones.
    """
    real = {split: folder / name for split, name in _ADULT_FILES.items()}
    if all(path.is_file() for path in real.values()):
        return real, True
    synthetic = {split: scratch / name for split, name in _ADULT_FILES.items()}
    for split, path in synthetic.items():
        header, rows = _lines(sample / path.name)
        path.write_text("".join([*header, *islice(cycle(rows), ADULT_ROWS[split])]))
    return synthetic, False


def copies(path: Path, count: int, scratch: Path) -> Path:
    """Write a file with all rows of the training file at `path`, `count` times."""
    copy = scratch / f"adult-x{count}.data"
    _, rows = _lines(path)
    text = "".join(rows)
    with copy.open("w") as file:
        file.writelines(repeat(text, count))
    return copy


def requests(path: Path, count: int, scratch: Path) -> Path:
    """Write the first rows of an Adult file as raw requests, one JSON object a line.

    Text keeps the blank after each comma; the label is left out.
    """
    output = scratch / f"requests-{count}.jsonl"
    columns = [column for column in CENSUS if column.role != "label"]
    _, rows = _lines(path)
    with output.open("w") as file:
        for row in rows[:count]:
            fields = row.split(",")[: len(columns)]
            texts = zip(columns, fields, strict=True)
            request = {c.name: text if c.type == "string" else int(text) for c, text in texts}
            file.write(json.dumps(request) + "\n")
    return output


def wide(scratch: Path, *, rows: int = WIDE_ROWS) -> Mapping[str, Path]:
    """Write a CSV file with a header: normal numbers, and categories of 1,000 skewed tokens."""
    draw = random.Random(150)
    tokens = [f"token-{i}" for i in range(_TOKENS)]
    skew = list(accumulate(1 / (1 + i) for i in range(_TOKENS)))
    path = scratch / "wide.csv"
    with path.open("w") as file:
        file.write(",".join(chain(WIDE_NUMBERS, WIDE_CATEGORIES)) + "\n")
        for _ in range(rows):
            numbers = (f"{draw.gauss(10, 3):.4f}" for _ in WIDE_NUMBERS)
            categories = draw.choices(tokens, cum_weights=skew, k=len(WIDE_CATEGORIES))
            file.write(",".join(chain(numbers, categories)) + "\n")
    return {"train": path}


def _lines(path: Path) -> tuple[list[str], list[str]]:
    """Return the comment lines at the top of an Adult file, and its rows."""
    lines = path.read_text().splitlines(keepends=True)
    header = [line for line in lines[:1] if line.startswith("|")]
    return header, [line for line in lines[len(header) :] if line.strip()]
