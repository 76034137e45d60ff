"""Dictionaries of dictionary-encoded columns: only what is used, and in one order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .keys import places

__all__ = ["canonical", "compact", "decoded", "encoded"]

_DECODED = {b"recordmill": b"dictionary"}
"""Stands in the metadata of a field that `decoded` wrote out."""


def compact(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with dictionaries of only the values it has, in their old order."""
    return _with_dictionaries(batch, _used)


def canonical(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with dictionaries of only the values it has, sorted: equal rows, equal batches."""
    return _with_dictionaries(batch, lambda column: _sorted(_used(column)))


def decoded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with columns written out whose dictionary is more than half as long as they are.

    A slice of such a column is small, and one that keeps its dictionary is nearly the whole.
    """
    columns, fields = [], []
    for column, field in zip(batch.columns, batch.schema, strict=True):
        if pa.types.is_dictionary(field.type) and 2 * len(column.dictionary) > len(column):
            column = column.dictionary_decode()
            field = pa.field(field.name, column.type, metadata=_DECODED)
        columns.append(column)
        fields.append(field)
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def encoded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch, or a slice of it, as it was before `decoded`, with only the values it has."""
    columns, fields = [], []
    for column, field in zip(batch.columns, batch.schema, strict=True):
        if field.metadata == _DECODED:
            column = column.dictionary_encode()
            field = pa.field(field.name, column.type)
        columns.append(column)
        fields.append(field)
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _with_dictionaries(
    batch: pa.RecordBatch, change: Callable[[pa.DictionaryArray], pa.DictionaryArray]
) -> pa.RecordBatch:
    columns = [
        change(column) if pa.types.is_dictionary(column.type) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _used(column: pa.DictionaryArray) -> pa.DictionaryArray:
    at, size = places(column), len(column.dictionary)
    used = np.bincount(at, minlength=size)[:size] > 0
    if used.all():
        return column
    renumbered = pa.array(np.cumsum(used, dtype=np.int32) - 1)
    return pa.DictionaryArray.from_arrays(
        renumbered.take(column.indices), column.dictionary.filter(pa.array(used))
    )


def _sorted(column: pa.DictionaryArray) -> pa.DictionaryArray:
    """The column with its dictionary sorted by the bytes of the values."""
    order = pc.sort_indices(column.dictionary)
    renumbered = np.empty(len(order), np.int32)
    renumbered[order.to_numpy()] = np.arange(len(order), dtype=np.int32)
    return pa.DictionaryArray.from_arrays(
        pa.array(renumbered).take(column.indices), column.dictionary.take(order)
    )
