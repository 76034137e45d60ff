"""Checks of the size of each split: one without rows fails the run, one with few is warned of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.column import Column
from ...schemas.errors import DataError
from ...schemas.images import BOX_LABELS, ImageSchema
from ...schemas.manifest import Ledger
from ...schemas.schema import Schema
from ..config.recipe import Recipe
from ..selection.read_counts import ReadCounts

__all__ = [
    "LABELS",
    "LabelsFold",
    "check_records",
    "check_splits",
    "split_warnings",
]

LABELS = "labels"
"""Name of the fold."""

_FEW_ROWS = 30
"""Splits with fewer rows are warned of: numbers measured on them say little."""

_MAX_LABELS = 1000
_MAX_INTEGER_CLASSES = 20
"""Most distinct integers of a label that count as classes."""

_SHOWN = 5
_CURE = "or set allow_empty: true. Nothing was published"

Labels: TypeAlias = "Counter[str] | None"
"""Number of rows, or boxes, of each label; None where there are more than 1,000 labels."""


@dataclass(frozen=True)
class LabelsFold:
    """`Fold` that counts each label.

    Attributes:
      column: Column of the label; "" where no label can have classes.
    """

    column: str

    @classmethod
    def of(cls, schema: Schema | ImageSchema) -> LabelsFold:
        """Return the fold of the label of a table or of images, or of the classes of boxes."""
        if isinstance(schema, ImageSchema) and schema.kind == "detection":
            return cls(BOX_LABELS)
        label = schema.label
        return cls(label.name if label and label.type != "float32" else "")

    def setup(self) -> None:
        """Do nothing: there is nothing to load."""

    def start(self) -> Labels:
        """Return empty counts."""
        return Counter()

    def add(self, accumulator: Labels, batch: pa.RecordBatch) -> Labels:
        """Count the labels of a batch."""
        if accumulator is None or not self.column:
            return accumulator
        labels = batch.column(self.column)
        if pa.types.is_list(labels.type):
            labels = labels.flatten()
        counts = pc.value_counts(labels.drop_null())
        if len(counts) > _MAX_LABELS:
            return None
        values = counts.field("values").cast(pa.string()).to_pylist()
        by_label = dict(zip(values, counts.field("counts").to_pylist(), strict=True))
        return self.merge([accumulator, Counter(by_label)])

    def merge(self, accumulators: list[Labels]) -> Labels:
        """Sum counts; None where there are too many labels."""
        merged: Counter[str] = Counter()
        for labels in accumulators:
            if labels is None or len(merged.keys() | labels.keys()) > _MAX_LABELS:
                return None
            merged.update(labels)
        return merged


def check_splits(
    counts: ReadCounts, *, splits: Sequence[str], recipe: Recipe, by_content: bool
) -> ReadCounts:
    """Check that each split has a row left.

    Args:
      counts: Counts of all records up to the shuffle.
      splits: All splits.
      recipe: Settings of the dataset.
      by_content: Whether content decides the split.

    Returns:
      `counts`.

    Raises:
      DataError: A split has no row, and the recipe does not allow it.
    """
    rows = {name: _rows_left(counts.ledger.get(name, Ledger())) for name in splits}
    empty = [name for name, count in rows.items() if not count]
    if not empty or recipe.allow_empty:
        return counts
    if by_content and any(rows.values()):
        reason = (
            f"{_all_elsewhere(rows, counts, recipe)}. Give each split inputs of its own "
            f"(--input {empty[0]}=FILE, as for the others), change split.ratios or the seed"
        )
    else:
        ledgers = [counts.ledger.get(name, Ledger()) for name in empty]
        reason = _none_left(counts.ledger.values() if by_content else ledgers, _noun(recipe.schema))
        reason += ". Check the inputs"
    raise DataError(f"{' and '.join(empty)} got no {_noun(recipe.schema)}: {reason}, {_CURE}")


def check_records(
    records: Mapping[str, int], ledger: Mapping[str, Ledger], *, recipe: Recipe
) -> None:
    """Check that each split has a record after near duplicates and tiles are left out.

    Args:
      records: Number of records written of each split.
      ledger: Complete ledger of each split.
      recipe: Settings of the dataset.

    Raises:
      DataError: A split has no record, and the recipe does not allow it.
    """
    for name, written in records.items():
        if not written and not recipe.allow_empty:
            images = ledger[name]
            reason = (
                f"all its {images.written:,} images were cut into tiles that are left out"
                if images.written
                else f"all its {images.duplicates:,} {_noun(recipe.schema)}s are duplicates"
            )
            raise DataError(f"{name} got no record: {reason}. Change that in the recipe, {_CURE}")


def split_warnings(
    ledger: Mapping[str, Ledger],
    *,
    splits: Sequence[str],
    schema: Schema | ImageSchema,
    folds: Iterable[tuple[str, str, Any]],
) -> list[str]:
    """Return a warning for each split that has few rows, or none of a class of the label.

    Args:
      ledger: Complete ledger of each split.
      splits: All splits, in the order people see.
      schema: Schema with the label.
      folds: (fold, split, accumulator) of the run.
    """
    labels = {split: counts for fold, split, counts in folds if fold == LABELS}
    classes = _classes(schema, labels.get("train", Counter()))
    warnings: list[str] = []
    for name in splits:
        rows = ledger[name].written
        if rows < _FEW_ROWS:
            noun = _noun(schema) + "s" * (rows != 1)
            warnings.append(
                f"{name} has {rows} {noun}, and numbers measured on less than {_FEW_ROWS} say "
                "little"
            )
        counts = labels.get(name, Counter())
        absent = [label for label in classes if rows and counts is not None and not counts[label]]
        if absent:
            warnings.append(f"{name} has {_absent(absent, classes, schema)}")
    return warnings


def _rows_left(ledger: Ledger) -> int:
    """Return the number of rows after rejects, filters and sampling."""
    return ledger.read - ledger.accounted


def _noun(schema: Schema | ImageSchema) -> str:
    return "image" if isinstance(schema, ImageSchema) else "row"


def _all_elsewhere(rows: Mapping[str, int], counts: ReadCounts, recipe: Recipe) -> str:
    """Return the reason where content assigned all rows to other splits."""
    total = sum(rows.values())
    others = " and ".join(name for name, count in rows.items() if count)
    noun = _noun(recipe.schema) + "s" * (total != 1)
    reason = f"content decides the split, and all {total:,} {noun} went to {others}"
    if recipe.split.columns:
        columns = ", ".join(f'"{name}"' for name in recipe.split.columns)
        return f"{reason}; rows that are equal in {columns} stay together"
    distinct = len(counts.contents or ())
    if 0 < distinct < total:
        contents = f"{distinct} different content{'s' * (distinct != 1)}"
        return f"{reason}; they have only {contents}, and equal ones stay together"
    return reason


def _none_left(ledgers: Iterable[Ledger], noun: str) -> str:
    """Return the reason where no row is left to assign."""
    total = sum(ledgers, Ledger())
    if not total.read:
        return f"the inputs have no {noun}"
    lost = {
        "filtered": total.filtered,
        "sampled out": total.sampled_out,
        **{f"rejected as {reason}": count for reason, count in total.rejected.items()},
    }
    counts = ", ".join(f"{count:,} {cause}" for cause, count in lost.items() if count)
    plural = "s" * (total.read != 1)
    return f"of {total.read:,} {noun}{plural} read none is left, {counts}"


def _classes(schema: Schema | ImageSchema, train: Labels) -> Sequence[str]:
    """Return the classes of the label: the declared ones, or else those that occur in train."""
    if isinstance(schema, ImageSchema):
        return schema.classes
    label: Column | None = schema.label
    if label is not None and label.domain:
        return label.domain
    if label is None or train is None:
        return ()
    numbers = label.type == "int64" and len(train) > _MAX_INTEGER_CLASSES
    return () if numbers else sorted(train)


def _absent(absent: Sequence[str], classes: Sequence[str], schema: Schema | ImageSchema) -> str:
    noun = "box" if isinstance(schema, ImageSchema) and not schema.label else _noun(schema)
    shown = ", ".join(f'"{name}"' for name in absent[:_SHOWN])
    if len(absent) == 1:
        return f"no {noun} of the class {shown}"
    more = f" and {len(absent) - _SHOWN:,} more" if len(absent) > _SHOWN else ""
    return f"no {noun} of {len(absent):,} of the {len(classes):,} classes: {shown}{more}"
