"""Cleaning: converts batches of text to typed, checked rows, and counts every record.

Each column is converted once for each distinct text, in its dictionary, and the values are then
spread over the rows; Python handles a single row only to reject it.
"""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...schemas.column import BLANKS
from ...schemas.schema import Schema
from ..config.row_selection import RowSelection
from ..runtime.dictionaries import dictionary_indices
from ..runtime.elements import Reject, TextBatch
from ..selection.convert import Mask, Reason, Reasons, convert
from ..selection.select import CleanBatch, filter_rows, select_rows
from ..shuffle.fingerprint import fingerprint

__all__ = ["clean"]

_SHOWN = 100
"""Characters of a bad value in a message."""


def clean(block: TextBatch, schema: Schema, selection: RowSelection) -> CleanBatch:
    """Convert the texts of a block to typed rows with keys, and select among the good ones.

    Args:
      block: Records as text.
      schema: Columns, in the order of the block's.
      selection: Filters, sampling and split ratios.

    Raises:
      DataError: A filter fails on these values, such as by dividing by zero.
    """
    rows, good, bad = _convert(block, schema)
    keys = fingerprint(rows, schema.names, selection.seed)
    columns = selection.splitting.columns
    lane = fingerprint(rows, columns, selection.seed)[1] if columns else keys[1]
    return select_rows(
        rows,
        positions=np.flatnonzero(good),
        keys=keys,
        lane=lane,
        rejects=sorted((*block.rejects, *bad), key=lambda reject: reject.line),
        split=block.split,
        file=block.file,
        records=block.records,
        selection=selection,
    )


def _convert(block: TextBatch, schema: Schema) -> tuple[pa.RecordBatch, Mask, list[Reject]]:
    """Return the typed rows whose values are all good, the mask of these, and the other rejects."""
    rows = block.batch.num_rows
    columns = []
    first_bad = np.full(rows, -1)  # index of the first bad column of each row, -1 for none
    reasons: Reasons = np.zeros(rows, np.uint8)
    for index, column in enumerate(schema):
        texts = block.batch.column(index)
        # The last text is null: the code of rows without a text.
        values = convert(pa.concat_arrays([texts.dictionary, pa.nulls(1, pa.string())]), column)
        codes = dictionary_indices(texts)
        columns.append(_spread(values.good, codes))
        if values.reasons.any():
            row_reasons = values.reasons.take(codes)
            first = (first_bad < 0) & (row_reasons > 0)
            first_bad[first] = index
            reasons[first] = row_reasons[first]
    batch = pa.RecordBatch.from_arrays(columns, schema=schema.arrow_schema())
    bad = [
        _reject(block, int(row), int(first_bad[row]), schema, Reason(reasons[row]))
        for row in np.flatnonzero(first_bad >= 0)
    ]
    good = first_bad < 0
    return filter_rows(good, batch), good, bad


def _spread(values: pa.Array, codes: npt.NDArray[np.int32]) -> pa.Array:
    """Return the value of each code; strings as a dictionary of distinct values."""
    if not pa.types.is_string(values.type):
        return values.take(pa.array(codes))
    distinct = values.dictionary_encode()
    indices = distinct.indices.take(pa.array(codes))
    return pa.DictionaryArray.from_arrays(indices, distinct.dictionary)


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
    """Return the part of the message that the expectation does not contain."""
    if reason == Reason.MISSING_REQUIRED:
        return ", and the column is required"
    if reason == Reason.INTEGER_OVERFLOW:
        return ", which does not fit in int64"
    if reason == Reason.NOT_FINITE and any(map(str.isdigit, text)):
        return ", which does not fit in float32"
    return ""
