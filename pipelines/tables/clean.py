"""Cleaning: text in, typed and checked rows out, and every record accounted for.

The work is done on the distinct texts of a column, its dictionary, and then spread over the rows;
Python sees a single row only where it is rejected. Then the filters, and last the sampling,
choose among the good rows.
"""

from __future__ import annotations

import json
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

from ...schemas.column import BLANKS
from ...schemas.errors import DataError, RecipeError
from ...schemas.images import ImageSchema
from ...schemas.manifest import Ledger
from ...schemas.schema import Schema
from ...schemas.split_names import UNSPLIT
from ..config.splitting import Splitting
from ..runtime.dictionaries import compact, dictionary_indices
from ..runtime.elements import Reject, TextBatch
from ..selection.convert import Mask, Reason, Reasons, convert, true_of
from ..shuffle.fingerprint import Lane, fingerprint
from ..shuffle.split import SplitIndex, assign, sampled

__all__ = ["CleanBatch", "check_filters", "select_rows", "clean"]

_SHOWN = 100
"""Characters of a bad value in a message."""


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


def clean(
    block: TextBatch,
    schema: Schema,
    *,
    splitting: Splitting,
    seed: int,
    filters: Sequence[pc.Expression] = (),
    sampling: float = 1.0,
) -> CleanBatch:
    """The typed, checked, keyed and chosen rows of a block.

    Args:
      block: The records as text.
      schema: Its columns, in the order of the block's.
      splitting: How content decides the split, where the block names none; its key columns, or
        else whole rows, are also what is sampled.
      seed: Of the keys, the splits and the sample.
      filters: Expressions over the schema's columns, see `check_filters`; a row stays for which
        all are true. Null is not true.
      sampling: The share of rows to keep.

    Raises:
      DataError: A filter failed on these values, such as by dividing by zero.
    """
    rows, good, bad = _convert(block, schema)
    keys = fingerprint(rows, schema.names, seed)
    lane = keys[1] if not splitting.columns else fingerprint(rows, splitting.columns, seed)[1]
    return select_rows(
        rows,
        places=np.flatnonzero(good),
        keys=keys,
        lane=lane,
        rejects=sorted((*block.rejects, *bad), key=lambda reject: reject.line),
        split=block.split,
        file=block.file,
        records=block.records,
        splitting=splitting,
        seed=seed,
        filters=filters,
        sampling=sampling,
    )


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
        batch=compact(_where(kept, rows)),
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


def _convert(block: TextBatch, schema: Schema) -> tuple[pa.RecordBatch, Mask, list[Reject]]:
    """The rows whose every value is good, typed; which ones these are; the others' rejects."""
    rows = block.batch.num_rows
    columns = []
    worst = np.full(rows, -1)  # the first bad column of each row
    reasons: Reasons = np.zeros(rows, np.uint8)
    for index, column in enumerate(schema):
        texts = block.batch.column(index)
        values = convert(pa.concat_arrays([texts.dictionary, pa.nulls(1, pa.string())]), column)
        at = dictionary_indices(texts)
        columns.append(_spread(values.good, at))
        if values.reasons.any():
            of_rows = values.reasons.take(at)
            first = (worst < 0) & (of_rows > 0)
            worst[first] = index
            reasons[first] = of_rows[first]
    batch = pa.RecordBatch.from_arrays(columns, schema=schema.arrow_schema())
    bad = [
        _reject(block, int(row), int(worst[row]), schema, Reason(reasons[row]))
        for row in np.flatnonzero(worst >= 0)
    ]
    return _where(worst < 0, batch), worst < 0, bad


def _spread(values: pa.Array, at: npt.NDArray[np.int32]) -> pa.Array:
    """The values at these places; strings as a dictionary, where equal ones come once."""
    if not pa.types.is_string(values.type):
        return values.take(pa.array(at))
    distinct = values.dictionary_encode()
    return pa.DictionaryArray.from_arrays(distinct.indices.take(pa.array(at)), distinct.dictionary)


def _where(mask: Mask, batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch if mask.all() else batch.filter(pa.array(mask))


def _reject(block: TextBatch, row: int, index: int, schema: Schema, reason: Reason) -> Reject:
    column = schema.columns[index]
    text = (block.batch.column(index)[row].as_py() or "").strip(BLANKS)
    shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    expected = f"expected {column.expectation()}, got {json.dumps(shown, ensure_ascii=False)}"
    return Reject(
        file=block.file,
        line=int(block.lines[row]),
        column=column.name,
        reason=reason.name.lower(),
        message=expected + _detail(reason, text),
        raw=block.raw(row),
    )


def _detail(reason: Reason, text: str) -> str:
    """What the expectation does not say."""
    if reason == Reason.MISSING_REQUIRED:
        return ", and the column is required"
    if reason == Reason.INTEGER_OVERFLOW:
        return ", which does not fit in int64"
    if reason == Reason.NOT_FINITE and any(map(str.isdigit, text)):
        return ", which does not fit in float32"
    return ""
