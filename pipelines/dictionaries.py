"""Dictionaries of dictionary-encoded columns: only what is used, and in one order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .keys import places

__all__ = ["canonical", "compact"]


def compact(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with dictionaries of only the values it has, in their old order."""
    return _with_dictionaries(batch, _used)


def canonical(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with dictionaries of only the values it has, sorted: equal rows, equal batches."""
    return _with_dictionaries(batch, lambda column: _sorted(_used(column)))


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
