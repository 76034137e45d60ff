"""Checks of what each split got: no row at all ends the run, few rows or classes are warned of."""

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
"""The name of the fold."""

_FEW_ROWS = 30
"""Numbers measured on fewer rows say little."""

_MOST_LABELS = 1000
_MOST_NUMBERS = 20
"""So many different whole numbers at most are classes."""

_SHOWN = 5
_CURE = "or set allow_empty: true. Nothing was published"

Labels: TypeAlias = "Counter[str] | None"
"""The rows, or boxes, of each label; None where there are more different ones than are counted."""


@dataclass(frozen=True)
class LabelsFold:
    """A `Fold` of how often each label occurs.

    Attributes:
      column: The label's column; "" where there is none that can have classes.
    """

    column: str

    @classmethod
    def of(cls, schema: Schema | ImageSchema) -> LabelsFold:
        """The fold of a table's or an image's label, or of the classes of boxes."""
        if isinstance(schema, ImageSchema) and schema.kind == "detection":
            return cls(BOX_LABELS)
        label = schema.label
        return cls(label.name if label and label.type != "float32" else "")

    def setup(self) -> None:
        """Do nothing: there is nothing to load."""

    def start(self) -> Labels:
        return Counter()

    def add(self, accumulator: Labels, batch: pa.RecordBatch) -> Labels:
        if accumulator is None or not self.column:
            return accumulator
        labels = batch.column(self.column)
        if pa.types.is_list(labels.type):
            labels = labels.flatten()
        counts = pc.value_counts(labels.drop_null())
        if len(counts) > _MOST_LABELS:
            return None
        values = counts.field("values").cast(pa.string()).to_pylist()
        of_batch = dict(zip(values, counts.field("counts").to_pylist(), strict=True))
        return self.merge([accumulator, Counter(of_batch)])

    def merge(self, accumulators: list[Labels]) -> Labels:
        merged: Counter[str] = Counter()
        for labels in accumulators:
            if labels is None or len(merged.keys() | labels.keys()) > _MOST_LABELS:
                return None
            merged.update(labels)
        return merged


def check_splits(
    account: ReadCounts, *, splits: Sequence[str], recipe: Recipe, by_content: bool
) -> ReadCounts:
    """Check that each split has a row left.

    Args:
      account: Of all records, up to the shuffle.
      splits: All splits.
      recipe: What is run.
      by_content: Whether content decides the split.

    Returns:
      `account`.

    Raises:
      DataError: A split has none, and the recipe does not allow it.
    """
    left = {name: _left(account.ledger.get(name, Ledger())) for name in splits}
    empty = [name for name, rows in left.items() if not rows]
    if not empty or recipe.allow_empty:
        return account
    if by_content and any(left.values()):
        why = (
            f"{_all_elsewhere(left, account, recipe)}. Give each split inputs of its own "
            f"(--input {empty[0]}=FILE, as for the others), change split.ratios or the seed"
        )
    else:
        ledgers = [account.ledger.get(name, Ledger()) for name in empty]
        why = _none_kept(account.ledger.values() if by_content else ledgers, _noun(recipe.schema))
        why += ". Check the inputs"
    raise DataError(f"{' and '.join(empty)} got no {_noun(recipe.schema)}: {why}, {_CURE}")


def check_records(
    records: Mapping[str, int], ledger: Mapping[str, Ledger], *, recipe: Recipe
) -> None:
    """Check that each split has a record, once near duplicates and tiles are left out.

    Args:
      records: The records written, by split.
      ledger: The whole ledger, by split.
      recipe: What is run.

    Raises:
      DataError: A split has none, and the recipe does not allow it.
    """
    for name, written in records.items():
        if not written and not recipe.allow_empty:
            images = ledger[name]
            why = (
                f"all its {images.written:,} images were cut into tiles that are left out"
                if images.written
                else f"all its {images.duplicates:,} {_noun(recipe.schema)}s are duplicates"
            )
            raise DataError(f"{name} got no record: {why}. Change that in the recipe, {_CURE}")


def split_warnings(
    ledger: Mapping[str, Ledger],
    *,
    splits: Sequence[str],
    schema: Schema | ImageSchema,
    folds: Iterable[tuple[str, str, Any]],
) -> list[str]:
    """Warns of each split that has few rows, or none of a class of the label.

    Args:
      ledger: The whole ledger, by split.
      splits: All splits, in the order people see.
      schema: What has the label.
      folds: (fold, split, accumulator) of the run.
    """
    labels = {split: found for fold, split, found in folds if fold == LABELS}
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
        absent = [one for one in classes if counts is not None and not counts[one]] if rows else []
        if absent:
            warnings.append(f"{name} has {_absent(absent, classes, schema)}")
    return warnings


def _left(ledger: Ledger) -> int:
    """The rows that nothing has left out so far."""
    return ledger.read - ledger.accounted


def _noun(schema: Schema | ImageSchema) -> str:
    return "image" if isinstance(schema, ImageSchema) else "row"


def _all_elsewhere(left: Mapping[str, int], account: ReadCounts, recipe: Recipe) -> str:
    """The reason where content gave all rows to other splits."""
    rows = sum(left.values())
    others = " and ".join(name for name, count in left.items() if count)
    noun = _noun(recipe.schema) + "s" * (rows != 1)
    why = f"content decides the split, and all {rows:,} {noun} went to {others}"
    if recipe.split.columns:
        columns = ", ".join(f'"{name}"' for name in recipe.split.columns)
        return f"{why}; rows that are equal in {columns} stay together"
    different = len(account.contents or ())
    if 0 < different < rows:
        contents = f"{different} different content{'s' * (different != 1)}"
        return f"{why}; they have only {contents}, and equal ones stay together"
    return why


def _none_kept(ledgers: Iterable[Ledger], noun: str) -> str:
    """The reason where there are no rows to give."""
    total = sum(ledgers, Ledger())
    if not total.read:
        return f"the inputs have no {noun}"
    others = {
        "filtered": total.filtered,
        "sampled out": total.sampled_out,
        **{f"rejected as {reason}": count for reason, count in total.rejected.items()},
    }
    counts = ", ".join(f"{count:,} {what}" for what, count in others.items() if count)
    plural = "s" * (total.read != 1)
    return f"of {total.read:,} {noun}{plural} read none is left, {counts}"


def _classes(schema: Schema | ImageSchema, train: Labels) -> Sequence[str]:
    """The classes of the label: those that are declared, or else those of train."""
    if isinstance(schema, ImageSchema):
        return schema.classes
    label: Column | None = schema.label
    if label is not None and label.domain:
        return label.domain
    if label is None or train is None:
        return ()
    numbers = label.type == "int64" and len(train) > _MOST_NUMBERS
    return () if numbers else sorted(train)


def _absent(absent: Sequence[str], classes: Sequence[str], schema: Schema | ImageSchema) -> str:
    noun = "box" if isinstance(schema, ImageSchema) and not schema.label else _noun(schema)
    shown = ", ".join(f'"{one}"' for one in absent[:_SHOWN])
    if len(absent) == 1:
        return f"no {noun} of the class {shown}"
    more = f" and {len(absent) - _SHOWN:,} more" if len(absent) > _SHOWN else ""
    return f"no {noun} of {len(absent):,} of the {len(classes):,} classes: {shown}{more}"
