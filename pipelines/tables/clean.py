"""Cleaning: text in, typed and checked rows out, and every record accounted for.

The work is done on the distinct texts of a column, its dictionary, and then spread over the rows;
Python sees a single row only where it is rejected. Then the filters, and last the sampling,
choose among the good rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.column import BLANKS
from ...schemas.schema import Schema
from ..config.splitting import Splitting
from ..runtime.dictionaries import dictionary_indices
from ..runtime.elements import Reject, TextBatch
from ..selection.convert import Mask, Reason, Reasons, convert
from ..selection.select import CleanBatch, filter_rows, select_rows
from ..shuffle.fingerprint import fingerprint

__all__ = ["clean"]

_SHOWN = 100
"""Characters of a bad value in a message."""


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
    return filter_rows(worst < 0, batch), worst < 0, bad


def _spread(values: pa.Array, at: npt.NDArray[np.int32]) -> pa.Array:
    """The values at these places; strings as a dictionary, where equal ones come once."""
    if not pa.types.is_string(values.type):
        return values.take(pa.array(at))
    distinct = values.dictionary_encode()
    return pa.DictionaryArray.from_arrays(distinct.indices.take(pa.array(at)), distinct.dictionary)


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
