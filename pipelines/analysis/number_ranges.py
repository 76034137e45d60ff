"""Check that the values of a column remain distinct as floats.

A float64 represents every integer up to 2^53 and a float32 up to 2^24; beyond, neighbours become
equal. Where the integers of a column are that large and close together, their z-scores are noise
or all 0, so the run fails once their range is known. For a float32 column, whose values were
rounded when they were read, the run warns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.errors import DataError
from ...schemas.images import ImageSchema
from ...schemas.schema import Schema
from ..runtime import filesystem as files

__all__ = [
    "NUMBER_RANGES",
    "NumberRangesFold",
    "Ranges",
    "check_integers",
    "few_steps",
    "rounded_columns",
]

NUMBER_RANGES = "number_ranges"
"""Name of the fold."""

_LEAST_STEPS = 1000
"""Number of floats that the range of a column must span, where floats skip integers of it."""

Ranges: TypeAlias = Mapping[str, tuple[float, float]]
"""Smallest and largest value by column; columns without any value are omitted."""


@dataclass(frozen=True)
class NumberRangesFold:
    """A `Fold` that computes the exact ranges of numeric columns.

    Attributes:
      columns: Names of the columns.
    """

    columns: tuple[str, ...]

    @classmethod
    def of(cls, schema: Schema | ImageSchema) -> NumberRangesFold:
        """Create the fold of the numeric feature columns of a schema; of images there are none."""
        inputs = schema.inputs if isinstance(schema, Schema) else ()
        return cls(tuple(column.name for column in inputs if column.type != "string"))

    def setup(self) -> None:
        """Do nothing: there is nothing to load."""

    def start(self) -> Ranges:
        """Return no ranges."""
        return {}

    def add(self, accumulator: Ranges, batch: pa.RecordBatch) -> Ranges:
        """Return the ranges extended by those of a batch."""
        extremes = [pc.min_max(batch.column(name)).as_py() for name in self.columns]
        ranges = {
            name: (extreme["min"], extreme["max"])
            for name, extreme in zip(self.columns, extremes, strict=True)
            if extreme["min"] is not None
        }
        return self.merge([accumulator, ranges])

    def merge(self, accumulators: list[Ranges]) -> Ranges:
        """Return the union of the ranges of each column."""
        merged: dict[str, tuple[float, float]] = {}
        for ranges in accumulators:
            for name, (low, high) in ranges.items():
                union = merged.get(name, (low, high))
                merged[name] = min(union[0], low), max(union[1], high)
        return merged


def few_steps(low: float, high: float, *, dtype: str) -> bool:
    """Return whether floats have less than 1,000 values in a range, and skip integers of it.

    Args:
      low: Smallest value.
      high: Largest value.
      dtype: "float32" or "float64".

    >>> few_steps(2**62, 2**62 + 999, dtype="float64"), few_steps(0, 2**62, dtype="float64")
    (True, False)
    >>> few_steps(2**24 + 1, 2**24 + 999, dtype="float32"), few_steps(0, 999, dtype="float32")
    (True, False)
    """
    step = float(np.spacing(np.dtype(dtype).type(max(abs(low), abs(high)))))
    return step > 1 and low != high and high - low < _LEAST_STEPS * step


def check_integers(
    transform_fn: str, *, schema: Schema | ImageSchema, folds: Iterable[tuple[str, str, Any]]
) -> str:
    """Check that no feature casts integers of train to floats that are mostly equal.

    Args:
      transform_fn: Path of the folder of the graph.
      schema: Schema of the columns.
      folds: (fold, split, accumulator) of the run.

    Returns:
      `transform_fn`.

    Raises:
      DataError: A feature does; the message names the column, its range, the features and a
        remedy.
    """
    ranges = _close(schema, "int64", folds)
    if not ranges:
        return transform_fn
    from ...transforms.serving.transform_graph import TransformGraph

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


def rounded_columns(
    schema: Schema | ImageSchema, folds: Iterable[tuple[str, str, Any]]
) -> list[str]:
    """Return a warning for each float32 column of train whose values became equal by rounding."""
    return [
        f'train: column "{name}" is float32, and its values from {low:.0f} to {high:.0f} lie so '
        "close together that neighbours became equal; make the column int64"
        for name, (low, high) in _close(schema, "float32", folds).items()
    ]


def _close(
    schema: Schema | ImageSchema, column_type: str, folds: Iterable[tuple[str, str, Any]]
) -> Ranges:
    """Return the ranges in train in which float32 has few values, for columns of a type."""
    return {
        name: (low, high)
        for fold, split, ranges in folds
        if fold == NUMBER_RANGES and split == "train"
        for name, (low, high) in ranges.items()
        if schema[name].type == column_type and few_steps(low, high, dtype="float32")
    }


def _refusal(name: str, low: float, high: float, features: Mapping[str, Any]) -> str:
    dtype = max(dtype.name for dtype in features.values())
    names = ", ".join(f'"{feature}"' for feature in sorted(features))
    exact = 24 if dtype == "float32" else 53
    return (
        f'train: column "{name}": the integers from {low} to {high} lie too close together for '
        f"{dtype}, which makes neighbours beyond 2^{exact} equal, and in which "
        f"{names} would be computed. Of an identifier make vocabulary_ids or hash_buckets; write "
        f"an amount into the input as its distance from a number near by, such as {low}"
    )
