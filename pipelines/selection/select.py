"""Filters, splits and sampling of good rows, with a count of every record."""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import acero

from ...schemas.errors import DataError, RecipeError
from ...schemas.images import ImageSchema
from ...schemas.manifest import Ledger
from ...schemas.schema import Schema
from ...schemas.split_names import UNSPLIT
from ..config.row_selection import RowSelection
from ..runtime.dictionaries import compact
from ..runtime.elements import Reject
from ..shuffle.fingerprint import Lane
from ..shuffle.split import SplitIndex, assign, sampled
from .convert import Mask, fill_false

__all__ = ["CleanBatch", "check_filters", "filter_rows", "select_rows"]


@dataclass(frozen=True)
class CleanBatch:
    """Selected rows of a block, with their keys and splits, and the counts of all its records.

    Attributes:
      batch: Good rows that pass the filters and the sampling, in file order, of
        `Schema.arrow_schema()`. A dictionary contains each value once, and none without a row.
      rows: Position of each row in the block's batch; int64, [rows].
      hi: First lane of the keys, which orders the rows; uint64, [rows].
      lo: Second lane of the keys; uint64, [rows].
      splits: Names of the splits.
      split: Index in `splits` of the split of each row; uint8, [rows].
      rejects: Rejects of the parser and of cleaning, by line.
      ledger: Counts by split, `written` still 0. Where content decides the split, rejected records
        are counted under `UNSPLIT`.
    """

    batch: pa.RecordBatch
    rows: npt.NDArray[np.int64]
    hi: Lane
    lo: Lane
    splits: tuple[str, ...]
    split: SplitIndex
    rejects: tuple[Reject, ...]
    ledger: Mapping[str, Ledger]

    def by_split(self) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
        """Yield each split that has rows here, with the indices of its rows; int64, [n]."""
        for index, split in enumerate(self.splits):
            indices = np.flatnonzero(self.split == index)
            if len(indices):
                yield split, indices


def select_rows(
    rows: pa.RecordBatch,
    *,
    positions: npt.NDArray[np.int64],
    keys: tuple[Lane, Lane],
    lane: Lane,
    rejects: Sequence[Reject],
    split: str | None,
    file: str,
    records: int,
    selection: RowSelection,
) -> CleanBatch:
    """Assign good rows to splits, and select those that pass the filters and the sampling.

    Args:
      rows: Good rows of one block, with the columns that the filters use.
      positions: Position of each row among the records read; int64, [rows].
      keys: Both lanes of the key of each row; uint64, [rows] each.
      lane: Hash of the values that decide split and sample; uint64, [rows].
      rejects: Rejects of the other records.
      split: Split of all rows; None where content decides.
      file: File of the rows, for messages.
      records: Number of records read, counted by the scanner.
      selection: Filters, sampling and split ratios.

    Raises:
      DataError: A filter fails on these values, such as by dividing by zero.
    """
    ratios, seed = selection.splitting.ratios, selection.seed
    splits = (split,) if split is not None else tuple(ratios)
    assigned = np.zeros(len(lane), np.uint8) if split is not None else assign(lane, ratios, seed)
    passed = _passed(rows, selection.filters, file)
    selected = passed & sampled(lane, selection.sampling, seed)
    return CleanBatch(
        batch=compact(filter_rows(selected, rows)),
        rows=positions[selected],
        hi=keys[0][selected],
        lo=keys[1][selected],
        splits=splits,
        split=assigned[selected],
        rejects=tuple(rejects),
        ledger=_ledger(split, records, rejects, splits, assigned, passed=passed, selected=selected),
    )


def check_filters(filters: Sequence[pc.Expression], schema: Schema | ImageSchema) -> None:
    """Check that filters can be computed on rows of the schema.

    Raises:
      RecipeError: A filter names an unknown column, or is no condition on the columns' types.
    """
    for condition in filters:
        try:
            result = _evaluate(condition, schema.arrow_schema().empty_table())
        except pa.ArrowException as error:
            raise RecipeError(f"filter {condition}: {_describe(error, schema)}") from error
        if not pa.types.is_boolean(result.type):
            raise RecipeError(f"filter {condition}: expected a condition, got {result.type} values")


def _describe(error: pa.ArrowException, schema: Schema | ImageSchema) -> str:
    """Return the message of an error; for an unknown column, that of the schema."""
    unknown = re.search(r"FieldRef\.Name\((.*?)\)", str(error))
    if unknown:
        try:
            schema[unknown[1]]
        except RecipeError as no_column:
            return str(no_column)
    return f"{error}. Before a string function, cast a column: pc.field(NAME).cast(pa.string())"


def _evaluate(expression: pc.Expression, table: pa.Table) -> pa.ChunkedArray:
    """Return the value of an expression for each row."""
    plan = [
        acero.Declaration("table_source", acero.TableSourceNodeOptions(table)),
        acero.Declaration("project", acero.ProjectNodeOptions([expression], ["value"])),
    ]
    return acero.Declaration.from_sequence(plan).to_table(use_threads=False)["value"]


def _passed(rows: pa.RecordBatch, filters: Sequence[pc.Expression], file: str) -> Mask:
    """Return the mask of rows for which all filters are true; bool, [rows]."""
    if not filters:
        return np.ones(rows.num_rows, np.bool_)
    condition = reduce(operator.and_, filters)
    try:
        return fill_false(_evaluate(condition, pa.Table.from_batches([rows])))
    except pa.ArrowException as error:
        raise DataError(f"{file}: filter {condition}: {error}") from error


def _ledger(
    named: str | None,
    records: int,
    rejects: Sequence[Reject],
    splits: Sequence[str],
    split: SplitIndex,
    *,
    passed: Mask,
    selected: Mask,
) -> dict[str, Ledger]:
    """Return the counts by split: `read` as the scanner counted, the others from the masks."""
    rejected = dict(sorted(Counter(reject.reason for reject in rejects).items()))
    if named is not None:
        filtered, sampled_out = int((~passed).sum()), int((passed & ~selected).sum())
        return {named: Ledger(records, 0, filtered, 0, sampled_out, rejected)}
    read, filtered, sampled_out = (
        np.bincount(split[mask], minlength=len(splits)).tolist()
        for mask in (np.ones_like(selected), ~passed, passed & ~selected)
    )
    return {
        **{
            name: Ledger(read=read[i], filtered=filtered[i], sampled_out=sampled_out[i])
            for i, name in enumerate(splits)
        },
        UNSPLIT: Ledger(read=records - len(split), rejected=rejected),
    }


def filter_rows(mask: Mask, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the rows of a mask, bool [rows]; without a copy where it keeps all."""
    return batch if mask.all() else batch.filter(pa.array(mask))
