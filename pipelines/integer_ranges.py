"""The check that the integers of a column stay different where a feature is computed in floats.

A float64 has every integer up to 2^53 and a float32 up to 2^24; beyond, neighbours become equal.
Where the values of a column are that large and lie close together, a z-score of them is noise or 0
for all of them, so the run is refused once their range is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..schemas.errors import DataError
from ..schemas.images import ImageSchema
from ..schemas.schema import Schema
from . import files

__all__ = ["INTEGER_RANGES", "IntegerRangesFold", "Ranges", "check_integer_ranges", "few_steps"]

INTEGER_RANGES = "integer_ranges"
"""The name of the fold."""

_LEAST_STEPS = 1000
"""The least number of floats that the range of a column must span, where it is not all integers."""

Ranges: TypeAlias = Mapping[str, tuple[int, int]]
"""By column: its smallest and its largest value; a column without any value is left out."""


@dataclass(frozen=True)
class IntegerRangesFold:
    """A `Fold` of the exact ranges of int64 columns.

    Attributes:
      columns: Their names.
    """

    columns: tuple[str, ...]

    @classmethod
    def of(cls, schema: Schema | ImageSchema) -> IntegerRangesFold:
        """The fold of the columns of a table that features are made of."""
        inputs = schema.inputs if isinstance(schema, Schema) else ()
        return cls(tuple(column.name for column in inputs if column.type == "int64"))

    def setup(self) -> None:
        """Does nothing: there is nothing to load."""

    def start(self) -> Ranges:
        return {}

    def add(self, accumulator: Ranges, batch: pa.RecordBatch) -> Ranges:
        ranges = [pc.min_max(batch.column(name)).as_py() for name in self.columns]
        found = {
            name: (one["min"], one["max"])
            for name, one in zip(self.columns, ranges, strict=True)
            if one["min"] is not None
        }
        return self.merge([accumulator, found])

    def merge(self, accumulators: list[Ranges]) -> Ranges:
        merged: dict[str, tuple[int, int]] = {}
        for ranges in accumulators:
            for name, (low, high) in ranges.items():
                before = merged.get(name, (low, high))
                merged[name] = min(before[0], low), max(before[1], high)
        return merged


def few_steps(low: float, high: float, *, dtype: str) -> bool:
    """Whether floats tell apart less than a thousand values of a range, and not all integers.

    Args:
      low: The smallest value.
      high: The largest value.
      dtype: "float32" or "float64".

    >>> few_steps(2**62, 2**62 + 999, dtype="float64"), few_steps(0, 2**62, dtype="float64")
    (True, False)
    >>> few_steps(2**24 + 1, 2**24 + 999, dtype="float32"), few_steps(0, 999, dtype="float32")
    (True, False)
    """
    step = float(np.spacing(np.dtype(dtype).type(max(abs(low), abs(high)))))
    return step > 1 and low != high and high - low < _LEAST_STEPS * step


def check_integer_ranges(transform_fn: str, *, folds: Iterable[tuple[str, str, Any]]) -> str:
    """Checks that no feature takes integers of train for floats that are mostly equal.

    Args:
      transform_fn: The folder of the graph.
      folds: (fold, split, accumulator) of the run.

    Returns:
      `transform_fn`.

    Raises:
      DataError: A feature does; the message names the column, its range, the features and a way
        out.
    """
    ranges = {
        name: (low, high)
        for fold, split, found in folds
        if fold == INTEGER_RANGES and split == "train"
        for name, (low, high) in found.items()
        if few_steps(low, high, dtype="float32")
    }
    if not ranges:
        return transform_fn
    from ..transforms.graph import TransformGraph

    graph = TransformGraph(files.join(transform_fn, "transform_fn"))
    for name, (low, high) in ranges.items():
        casts = graph.float_casts(name) if name in graph.inputs else {}
        lossy = {
            feature: dtype
            for feature, dtype in casts.items()
            if few_steps(low, high, dtype=dtype.name)
        }
        if lossy:
            raise DataError(_refusal(name, low, high, lossy))
    return transform_fn


def _refusal(name: str, low: int, high: int, features: Mapping[str, Any]) -> str:
    dtype = max(one.name for one in features.values())
    names = ", ".join(f'"{feature}"' for feature in sorted(features))
    exact = 24 if dtype == "float32" else 53
    return (
        f'train: column "{name}": the integers from {low} to {high} lie too close together for '
        f"{dtype}, which makes neighbours beyond 2^{exact} equal, and in which "
        f"{names} would be computed. Of an identifier make vocabulary_ids or hash_buckets; write "
        f"an amount into the input as its distance from a number near by, such as {low}"
    )
