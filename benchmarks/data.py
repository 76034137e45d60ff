"""The rows: the Adult files and copies of them, or synthetic ones, and a wide table."""

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
WIDE_NUMBERS = tuple(f"number_{place:02}" for place in range(100))
WIDE_CATEGORIES = tuple(f"category_{place:02}" for place in range(50))

_ADULT_FILES = {"train": "adult.data", "eval": "adult.test"}
_TOKENS = 1_000


def adult(folder: Path, sample: Path, scratch: Path) -> tuple[dict[str, Path], bool]:
    """The Adult files, or synthetic ones of as many rows.

    Args:
      folder: Where adult.data and adult.test are looked for.
      sample: A folder with a small synthetic adult.data and adult.test.
      scratch: Where files of as many rows are made of the sample, if they must be.

    Returns:
      The file of each split, and whether they are the real ones.
    """
    real = {split: folder / name for split, name in _ADULT_FILES.items()}
    if all(path.is_file() for path in real.values()):
        return real, True
    made = {split: scratch / name for split, name in _ADULT_FILES.items()}
    for split, path in made.items():
        header, rows = _lines(sample / path.name)
        path.write_text("".join([*header, *islice(cycle(rows), ADULT_ROWS[split])]))
    return made, False


def copies(path: Path, count: int, scratch: Path) -> Path:
    """A file of all rows of the training file at `path`, `count` times over."""
    made = scratch / f"adult-x{count}.data"
    _, rows = _lines(path)
    text = "".join(rows)
    with made.open("w") as file:
        file.writelines(repeat(text, count))
    return made


def requests(path: Path, count: int, scratch: Path) -> Path:
    """A file of the first rows of an Adult file as raw requests, one JSON object a line.

    Text has the blank that follows each comma; the label is left out.
    """
    made = scratch / f"requests-{count}.jsonl"
    columns = [column for column in CENSUS if column.role != "label"]
    _, rows = _lines(path)
    with made.open("w") as file:
        for row in rows[:count]:
            fields = row.split(",")[: len(columns)]
            texts = zip(columns, fields, strict=True)
            request = {c.name: text if c.type == "string" else int(text) for c, text in texts}
            file.write(json.dumps(request) + "\n")
    return made


def wide(scratch: Path, *, rows: int = WIDE_ROWS) -> Mapping[str, Path]:
    """A CSV file with a header: normal numbers, and categories of up to 1,000 skewed tokens."""
    draw = random.Random(150)
    tokens = [f"token-{place}" for place in range(_TOKENS)]
    skew = list(accumulate(1 / (1 + place) for place in range(_TOKENS)))
    path = scratch / "wide.csv"
    with path.open("w") as file:
        file.write(",".join(chain(WIDE_NUMBERS, WIDE_CATEGORIES)) + "\n")
        for _ in range(rows):
            numbers = (f"{draw.gauss(10, 3):.4f}" for _ in WIDE_NUMBERS)
            categories = draw.choices(tokens, cum_weights=skew, k=len(WIDE_CATEGORIES))
            file.write(",".join(chain(numbers, categories)) + "\n")
    return {"train": path}


def _lines(path: Path) -> tuple[list[str], list[str]]:
    """The comment lines at the top of an Adult file, and its rows."""
    lines = path.read_text().splitlines(keepends=True)
    header = [line for line in lines[:1] if line.startswith("|")]
    return header, [line for line in lines[len(header) :] if line.strip()]
