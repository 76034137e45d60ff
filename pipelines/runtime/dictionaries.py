"""Dictionaries of dictionary-encoded columns: only what is used, and in one order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["canonical", "compact", "decoded", "dictionary_indices", "joined"]

_DECODED = {b"recordmill": b"dictionary"}
"""Stands in the metadata of a field that `decoded` wrote out."""

_ROWS_A_VALUE = 16
"""A column is written out that has fewer rows for each value of its dictionary."""


def compact(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with dictionaries of only the values it has, in their old order."""
    return _with_dictionaries(batch, _used)


def canonical(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with dictionaries of only the values it has, sorted: equal rows, equal batches."""
    return _with_dictionaries(batch, lambda column: _sorted(_used(column)))


def decoded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with columns written out whose dictionary is long beside them.

    A slice of such a column is small, and one that keeps its dictionary is not.
    """
    columns, fields = [], []
    for column, field in zip(batch.columns, batch.schema, strict=True):
        if pa.types.is_dictionary(field.type) and _is_long(column):
            column = column.dictionary_decode()
            field = pa.field(field.name, column.type, metadata=_DECODED)
        columns.append(column)
        fields.append(field)
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _is_long(column: pa.DictionaryArray) -> bool:
    return _ROWS_A_VALUE * len(column.dictionary) > len(column)


def joined(slices: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """The rows of slices, one behind the other, as the batches were before `decoded`.

    Args:
      slices: At least one, of batches of one schema, whichever columns of each are written out.
    """
    arrays, names = [], slices[0].schema.names
    for place in range(len(names)):
        written_out = any(one.schema.field(place).metadata == _DECODED for one in slices)
        columns = [one.column(place) for one in slices]
        arrays.append(_encoded(columns) if written_out else _joined(columns))
    return pa.RecordBatch.from_arrays(arrays, names)


def _encoded(columns: Sequence[pa.Array]) -> pa.DictionaryArray:
    texts = [
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        for column in columns
    ]
    return pa.concat_arrays(texts).dictionary_encode()


def _joined(columns: Sequence[pa.Array]) -> pa.Array:
    """The same as one array; what is in no dictionary but the first one stands behind it."""
    return pa.chunked_array(columns).unify_dictionaries().combine_chunks()


def _with_dictionaries(
    batch: pa.RecordBatch, change: Callable[[pa.DictionaryArray], pa.DictionaryArray]
) -> pa.RecordBatch:
    columns = [
        change(column) if pa.types.is_dictionary(column.type) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _used(column: pa.DictionaryArray) -> pa.DictionaryArray:
    at, size = dictionary_indices(column), len(column.dictionary)
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


def dictionary_indices(column: pa.DictionaryArray) -> npt.NDArray[np.int32]:
    """Return the index in the dictionary of each row's value, int32 [rows].

    That of null is the length of the dictionary.
    """
    indices = column.indices
    if indices.null_count:
        indices = indices.fill_null(len(column.dictionary))
    return np.asarray(indices)
