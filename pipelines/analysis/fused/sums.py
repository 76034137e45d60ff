"""Sums by key in Arrow tables: without a Python object for each key, and in a fixed order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tensorflow as tf

__all__ = ["PARTITIONS", "PARTITION_FROM", "Sums", "partition_of"]

PARTITIONS = 16
"""Number of partitions of a large accumulator, so that no single worker merges all of it."""

PARTITION_FROM = 4096
"""Number of keys from which an accumulator is large."""

_LAZY_ROWS = 1 << 18
"""Number of rows that may pile up, beyond twice the number of keys, before they are summed."""


@dataclass
class Sums:
    """Sums of numbers by key, computed lazily.

    Rows are appended as they arrive and summed only when many have piled up, always in the order
    of arrival: so sums of floats depend on that order alone.

    Attributes:
      keys: Names of the key columns; the other columns are numbers.
      tables: Rows that are not summed yet, after those that are.
      settled: Number of rows after the last summation.
    """

    keys: tuple[str, ...]
    tables: list[pa.Table] = field(default_factory=list)
    settled: int = 0

    def add(self, tables: Iterable[pa.Table]) -> None:
        """Add rows."""
        self.tables.extend(tables)
        if sum(table.num_rows for table in self.tables) > 2 * self.settled + _LAZY_ROWS:
            self.settle()

    def settle(self) -> pa.Table | None:
        """Sum the rows to one for each key, in the order of its first row; None without rows."""
        if len(self.tables) > 1 or (self.tables and not self.settled):
            self.tables = [_summed(pa.concat_tables(self.tables), self.keys)]
            self.settled = self.tables[0].num_rows
        return self.tables[0] if self.tables else None

    def split(self, partitions: int) -> list[Sums]:
        """Partition the sums by the hash of the first key."""
        table = self.settle()
        if table is None:
            return [Sums(self.keys) for _ in range(partitions)]
        indices = partition_of(table.column(self.keys[0]), partitions)
        rows = np.argsort(indices, kind="stable")
        ends = np.cumsum(np.bincount(indices, minlength=partitions))
        return [
            Sums(self.keys, [table.take(pa.array(selected))], len(selected))
            for selected in np.split(rows, ends[:-1])
        ]

    @classmethod
    def merged(cls, accumulators: Sequence[Sums]) -> Sums:
        """Merge sums, in their order."""
        first, *following = accumulators
        merged = cls(first.keys, list(first.tables), first.settled)
        for sums in following:
            merged.add(sums.tables)
        return merged

    @classmethod
    def joined(cls, partitions: Mapping[int | None, Sums]) -> Sums:
        """Concatenate partitions, which share no key; merge them if one is the undivided one."""
        if None in partitions:
            return cls.merged(list(partitions.values()))
        tables = [table for sums in partitions.values() if (table := sums.settle()) is not None]
        keys = next(iter(partitions.values())).keys
        joined = pa.concat_tables(tables) if tables else None
        return cls(keys, [] if joined is None else [joined], joined.num_rows if joined else 0)


def _summed(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Return the table with one row for each key.

    One thread, since with several the order of rows, and so the bits of a sum, depend on timing.
    """
    values = [name for name in table.column_names if name not in keys]
    summed = table.group_by(list(keys), use_threads=False).aggregate(
        [(name, "sum") for name in values]
    )
    return summed.select([*keys, *(f"{name}_sum" for name in values)]).rename_columns(
        [*keys, *values]
    )


def partition_of(keys: pa.ChunkedArray, partitions: int) -> npt.NDArray[np.int64]:
    """Return the partition of each key, the same in every process.

    Args:
      keys: Binary or integer keys, [n].
      partitions: Number of partitions.

    Returns:
      Indices in [0, partitions), int64, [n].
    """
    tokens = keys.to_numpy()
    indices: npt.NDArray[np.int64]
    if pa.types.is_binary(keys.type):
        indices = tf.strings.to_hash_bucket_fast(tokens, partitions).numpy()
    else:
        indices = np.mod(tokens, tokens.dtype.type(partitions)).astype(np.int64)
    return indices
