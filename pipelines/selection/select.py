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
from ..config.splitting import Splitting
from ..runtime.dictionaries import compact
from ..runtime.elements import Reject
from ..shuffle.fingerprint import Lane
from ..shuffle.split import SplitIndex, assign, sampled
from .convert import Mask, true_of

__all__ = ["CleanBatch", "check_filters", "select_rows"]


@dataclass(frozen=True)
class CleanBatch:
    """What becomes of a block.

    Attributes:
      batch: The good rows that filters and sampling keep, in file order, of
        `Schema.arrow_schema()`. Dictionaries hold each value once, and none that no row has.
      rows: The place in the block's batch of each row; int64, [rows].
      hi: The first lane of the rows' keys, which orders them; uint64, [rows].
      lo: The second lane; uint64, [rows].
      splits: The names of the splits.
      split: The index in `splits` of each row's split; uint8, [rows].
      rejects: The block's own and those of cleaning, by line.
      ledger: The counts by split, `written` still 0. Where content decides the split, rejected
        records stand under `UNSPLIT`.
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
        """Each split that has rows here, and their places among them."""
        for index, split in enumerate(self.splits):
            places = np.flatnonzero(self.split == index)
            if len(places):
                yield split, places


def select_rows(
    rows: pa.RecordBatch,
    *,
    places: npt.NDArray[np.int64],
    keys: tuple[Lane, Lane],
    lane: Lane,
    rejects: Sequence[Reject],
    split: str | None,
    file: str,
    records: int,
    splitting: Splitting,
    seed: int,
    filters: Sequence[pc.Expression],
    sampling: float,
) -> CleanBatch:
    """Split good rows, and choose among them.

    Args:
      rows: The good rows.
      places: The place of each among the records read.
      keys: Both lanes of the key of each.
      lane: A hash of what decides split and sample of each.
      rejects: Of the other records.
      split: The split of all rows; None where content decides.
      file: Where they are from.
      records: How many records were read, counted apart.
      splitting: As in `clean`.
      seed: As in `clean`.
      filters: As in `clean`.
      sampling: As in `clean`.
    """
    splits = (split,) if split is not None else tuple(splitting.ratios)
    assigned = (
        np.zeros(len(lane), np.uint8) if split is not None else assign(lane, splitting.ratios, seed)
    )
    passed = _passed(rows, filters, file)
    kept = passed & sampled(lane, sampling, seed)
    return CleanBatch(
        batch=compact(filter_rows(kept, rows)),
        rows=places[kept],
        hi=keys[0][kept],
        lo=keys[1][kept],
        splits=splits,
        split=assigned[kept],
        rejects=tuple(rejects),
        ledger=_ledger(split, records, rejects, splits, assigned, passed=passed, kept=kept),
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
            raise RecipeError(f"filter {condition}: {_explained(error, schema)}") from error
        if not pa.types.is_boolean(result.type):
            raise RecipeError(f"filter {condition}: expected a condition, got {result.type} values")


def _explained(error: pa.ArrowException, schema: Schema | ImageSchema) -> str:
    unknown = re.search(r"FieldRef\.Name\((.*?)\)", str(error))
    if unknown:
        try:
            schema[unknown[1]]
        except RecipeError as no_column:
            return str(no_column)
    return f"{error}. Before a string function, cast a column: pc.field(NAME).cast(pa.string())"


def _evaluate(expression: pc.Expression, table: pa.Table) -> pa.ChunkedArray:
    """The values of an expression, one a row."""
    plan = [
        acero.Declaration("table_source", acero.TableSourceNodeOptions(table)),
        acero.Declaration("project", acero.ProjectNodeOptions([expression], ["value"])),
    ]
    return acero.Declaration.from_sequence(plan).to_table(use_threads=False)["value"]


def _passed(rows: pa.RecordBatch, filters: Sequence[pc.Expression], file: str) -> Mask:
    """Which rows all filters are true of."""
    if not filters:
        return np.ones(rows.num_rows, np.bool_)
    condition = reduce(operator.and_, filters)
    try:
        return true_of(_evaluate(condition, pa.Table.from_batches([rows])))
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
    kept: Mask,
) -> dict[str, Ledger]:
    """The counts by split; `read` is the scanner's number, the rest is counted of the rows."""
    rejected = dict(sorted(Counter(reject.reason for reject in rejects).items()))
    if named is not None:
        filtered, sampled_out = int((~passed).sum()), int((passed & ~kept).sum())
        return {named: Ledger(records, 0, filtered, 0, sampled_out, rejected)}
    read, filtered, sampled_out = (
        np.bincount(split[mask], minlength=len(splits)).tolist()
        for mask in (np.ones_like(kept), ~passed, passed & ~kept)
    )
    return {
        **{
            name: Ledger(read=read[i], filtered=filtered[i], sampled_out=sampled_out[i])
            for i, name in enumerate(splits)
        },
        UNSPLIT: Ledger(read=records - len(split), rejected=rejected),
    }


def filter_rows(mask: Mask, batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch if mask.all() else batch.filter(pa.array(mask))
