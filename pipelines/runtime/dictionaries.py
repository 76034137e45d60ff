"""Dictionary-encoded columns: dictionaries without unused values, in a canonical order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["canonical", "compact", "decoded", "dictionary_indices", "joined"]

_DECODED = {b"recordmill": b"dictionary"}
"""Metadata of a field that `decoded` turned from a dictionary into plain values."""

_ROWS_A_VALUE = 16
"""Rows for each value of a dictionary, below which `decoded` decodes a column."""


def compact(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with dictionaries of only the values it has, in their old order."""
    return _with_dictionaries(batch, _used)


def canonical(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with sorted dictionaries of only its values: equal rows, equal batches."""
    return _with_dictionaries(batch, lambda column: _sorted(_used(column)))


def decoded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with those columns decoded whose dictionary is long for their rows.

    A slice of a decoded column is small; a slice of an encoded one keeps the whole dictionary.
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
    """Concatenate slices, and encode again the columns that `decoded` decoded.

    Args:
      slices: At least one slice, of batches of one schema; each may have other columns decoded.
    """
    arrays, names = [], slices[0].schema.names
    for index in range(len(names)):
        is_decoded = any(batch.schema.field(index).metadata == _DECODED for batch in slices)
        columns = [batch.column(index) for batch in slices]
        arrays.append(_encoded(columns) if is_decoded else _joined(columns))
    return pa.RecordBatch.from_arrays(arrays, names)


def _encoded(columns: Sequence[pa.Array]) -> pa.DictionaryArray:
    texts = [
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        for column in columns
    ]
    return pa.concat_arrays(texts).dictionary_encode()


def _joined(columns: Sequence[pa.Array]) -> pa.Array:
    """Concatenate columns; values that the first dictionary lacks are appended to it."""
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
    indices, size = dictionary_indices(column), len(column.dictionary)
    used = np.bincount(indices, minlength=size)[:size] > 0
    if used.all():
        return column
    renumbered = pa.array(np.cumsum(used, dtype=np.int32) - 1)
    return pa.DictionaryArray.from_arrays(
        renumbered.take(column.indices), column.dictionary.filter(pa.array(used))
    )


def _sorted(column: pa.DictionaryArray) -> pa.DictionaryArray:
    """Return the column with its dictionary sorted by the bytes of the values."""
    order = pc.sort_indices(column.dictionary)
    renumbered = np.empty(len(order), np.int32)
    renumbered[order.to_numpy()] = np.arange(len(order), dtype=np.int32)
    return pa.DictionaryArray.from_arrays(
        pa.array(renumbered).take(column.indices), column.dictionary.take(order)
    )


def dictionary_indices(column: pa.DictionaryArray) -> npt.NDArray[np.int32]:
    """Return the dictionary index of each row, int32 [rows]; of null, the dictionary's length."""
    indices = column.indices
    if indices.null_count:
        indices = indices.fill_null(len(column.dictionary))
    return np.asarray(indices)
