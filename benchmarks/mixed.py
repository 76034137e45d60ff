"""CSV file to profile: a table of 500 columns of many kinds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

__all__ = ["COLUMNS", "LABEL", "ROWS", "mixed"]

COLUMNS = 500
ROWS = 100_000
LABEL = "label"

_BLOCK_ROWS = 5_000
_TOKENS = tuple(f"token-{i:05}" for i in range(20_000))
_DAY_SECONDS = 86_400
_MISSING = 0.08


def mixed(folder: Path, *, rows: int = ROWS, columns: int = COLUMNS) -> Path:
    """Return a CSV file with a header, with the same bytes every time.

    The columns are alternately numbers, categories of few and of many values, dates, times, text,
    flags and identifiers; some have missing values, which are empty or "NA". The last column is the
    label, 0 or 1, with which a few others are associated.

    Args:
      folder: Folder of the file, which is written if it does not exist.
      rows: Number of rows. A file with a multiple of 5,000 rows is the beginning of a longer one.
      columns: Number of columns, at least 2.
    """
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    path = folder / f"mixed-{columns}x{rows}-{version}.csv"
    if path.exists():
        return path
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write((",".join(_names(columns)) + "\n").encode())
        plain = csv.WriteOptions(include_header=False, quoting_style="none")
        for start in range(0, rows, _BLOCK_ROWS):
            count = min(_BLOCK_ROWS, rows - start)
            arrays = list(_block(columns, start, count))
            csv.write_csv(pa.table(arrays, _names(columns)), file, plain)
    return part.rename(path)


def _names(columns: int) -> list[str]:
    kinds = enumerate(islice(cycle(_KINDS), columns - 1))
    return [*(f"{kind}_{index:03}" for index, kind in kinds), LABEL]


def _block(columns: int, start: int, count: int) -> Iterator[pa.Array]:
    label = np.random.default_rng([start]).random(count) < 0.3
    for index, kind in enumerate(islice(cycle(_KINDS.values()), columns - 1)):
        yield kind(np.random.default_rng([start, index]), np.arange(start, start + count), label)
    yield pa.array(label.astype(np.int64))


_Kind = Callable[[np.random.Generator, np.ndarray, np.ndarray], pa.Array]
"""Function (random generator, numbers of the rows, their labels) -> values of a column."""


def _numbers(draw: np.random.Generator, rows: np.ndarray, label: np.ndarray) -> pa.Array:
    return pa.array(draw.normal(10 + 2 * label, 3).round(4))


def _numbers_with_missing(
    draw: np.random.Generator, rows: np.ndarray, label: np.ndarray
) -> pa.Array:
    return pc.fill_null(_with_missing(draw, _numbers(draw, rows, label)).cast("string"), "NA")


def _amounts(draw: np.random.Generator, rows: np.ndarray, label: np.ndarray) -> pa.Array:
    return pa.array(draw.lognormal(6, 2, len(rows)).round(2))


def _counts(draw: np.random.Generator, rows: np.ndarray, label: np.ndarray) -> pa.Array:
    return pa.array(draw.poisson(30 + 5 * label))


def _counts_with_missing(
    draw: np.random.Generator, rows: np.ndarray, label: np.ndarray
) -> pa.Array:
    return _with_missing(draw, _counts(draw, rows, label))


def _integers(draw: np.random.Generator, rows: np.ndarray, label: np.ndarray) -> pa.Array:
    return pa.array(draw.integers(-(10**6), 10**6, len(rows)))


def _mostly_zero(draw: np.random.Generator, rows: np.ndarray, label: np.ndarray) -> pa.Array:
    return pa.array(draw.poisson(50, len(rows)) * (draw.random(len(rows)) < 0.05))


def _categories(count: int) -> _Kind:
    """Return a function that draws tokens with Zipf's distribution: frequency 1 / rank."""
    share = 1 / np.arange(1, count + 1)

    def draw_tokens(draw: np.random.Generator, rows: np.ndarray, label: np.ndarray) -> pa.Array:
        chosen = draw.choice(count, len(rows), p=share / share.sum())
        return pa.array(_TOKENS[:count]).take(pa.array(chosen))

    return draw_tokens


def _categories_with_missing(
    draw: np.random.Generator, rows: np.ndarray, label: np.ndarray
) -> pa.Array:
    return _with_missing(draw, _categories(50)(draw, rows, label))


def _flags(draw: np.random.Generator, rows: np.ndarray, label: np.ndarray) -> pa.Array:
    return pa.array(np.where(draw.random(len(rows)) < 0.4 + 0.2 * label, "yes", "no"))


def _dates(draw: np.random.Generator, rows: np.ndarray, label: np.ndarray) -> pa.Array:
    return pa.array(draw.integers(15_000, 20_000, len(rows)).astype("datetime64[D]"))


def _american_dates(draw: np.random.Generator, rows: np.ndarray, label: np.ndarray) -> pa.Array:
    return pc.strftime(_dates(draw, rows, label), format="%m/%d/%Y")


def _times(draw: np.random.Generator, rows: np.ndarray, label: np.ndarray) -> pa.Array:
    seconds = draw.integers(15_000 * _DAY_SECONDS, 20_000 * _DAY_SECONDS, len(rows))
    return pa.array(seconds.astype("datetime64[s]"))


def _text(draw: np.random.Generator, rows: np.ndarray, label: np.ndarray) -> pa.Array:
    """Draw texts of 3 to 10 words."""
    lengths = draw.integers(3, 11, len(rows))
    words = pa.array(_TOKENS[:2_000]).take(pa.array(draw.integers(0, 2_000, lengths.sum())))
    offsets = pa.array(np.concatenate([[0], lengths.cumsum()]).astype(np.int32))
    return pc.binary_join(pa.ListArray.from_arrays(offsets, words), " ")


def _text_with_missing(draw: np.random.Generator, rows: np.ndarray, label: np.ndarray) -> pa.Array:
    return _with_missing(draw, _text(draw, rows, label))


def _row_numbers(draw: np.random.Generator, rows: np.ndarray, label: np.ndarray) -> pa.Array:
    return pa.array(rows + 1)


def _keys(draw: np.random.Generator, rows: np.ndarray, label: np.ndarray) -> pa.Array:
    drawn = draw.integers(0, 2**32, len(rows))
    return pa.array([f"{row:06x}-{low:08x}" for row, low in zip(rows, drawn, strict=True)])


def _with_missing(draw: np.random.Generator, values: pa.Array) -> pa.Array:
    return pc.if_else(pa.array(draw.random(len(values)) < _MISSING), None, values)


_KINDS: dict[str, _Kind] = {
    "number": _numbers,
    "number_with_missing": _numbers_with_missing,
    "amount": _amounts,
    "count": _counts,
    "count_with_missing": _counts_with_missing,
    "integer": _integers,
    "mostly_zero": _mostly_zero,
    "category_of_3": _categories(3),
    "category_of_12": _categories(12),
    "category_with_missing": _categories_with_missing,
    "category_of_2000": _categories(2_000),
    "category_of_20000": _categories(20_000),
    "flag": _flags,
    "date": _dates,
    "american_date": _american_dates,
    "time": _times,
    "text": _text,
    "text_with_missing": _text_with_missing,
    "row_number": _row_numbers,
    "key": _keys,
}
