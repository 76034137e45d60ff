"""Sums by key in Arrow tables: counted without a Python object a key, in a fixed order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tensorflow as tf

__all__ = ["PARTITIONS", "PARTITION_FROM", "Sums", "partition_of"]

PARTITIONS = 16
"""Into how many pieces a large part is cut, so that no one worker merges all of it."""

PARTITION_FROM = 4096
"""From how many keys a part is large."""

_LAZY_ROWS = 1 << 18


@dataclass
class Sums:
    """Rows of keys and numbers, of which only the sums of the numbers by key matter.

    Rows are kept as they come and summed up now and then, always in the order they came in: so
    sums of floats depend on that order alone.

    Attributes:
      keys: The names of the key columns; the other columns are numbers.
      tables: The rows.
      settled: How many rows were left when they were last summed up.
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
        """Sum up the rows, one a key, keys in the order of their first row; None for no rows."""
        if len(self.tables) > 1 or (self.tables and not self.settled):
            self.tables = [_summed(pa.concat_tables(self.tables), self.keys)]
            self.settled = self.tables[0].num_rows
        return self.tables[0] if self.tables else None

    def split(self, partitions: int) -> list[Sums]:
        """The sums in pieces, by the hash of the first key."""
        table = self.settle()
        if table is None:
            return [Sums(self.keys) for _ in range(partitions)]
        places = partition_of(table.column(self.keys[0]), partitions)
        rows = np.argsort(places, kind="stable")
        ends = np.cumsum(np.bincount(places, minlength=partitions))
        return [
            Sums(self.keys, [table.take(pa.array(some))], len(some))
            for some in np.split(rows, ends[:-1])
        ]

    @classmethod
    def merged(cls, parts: Sequence[Sums]) -> Sums:
        """The sums of several parts, in their order."""
        first, *others = parts
        merged = cls(first.keys, list(first.tables), first.settled)
        for other in others:
            merged.add(other.tables)
        return merged

    @classmethod
    def joined(cls, pieces: Mapping[int | None, Sums]) -> Sums:
        """The sums of pieces; those under a number share no key with each other."""
        if None in pieces:
            return cls.merged(list(pieces.values()))
        tables = [table for piece in pieces.values() if (table := piece.settle()) is not None]
        keys = next(iter(pieces.values())).keys
        whole = pa.concat_tables(tables) if tables else None
        return cls(keys, [] if whole is None else [whole], whole.num_rows if whole else 0)


def _summed(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """The table with one row a key, on one thread: with several, the order is theirs."""
    values = [name for name in table.column_names if name not in keys]
    summed = table.group_by(list(keys), use_threads=False).aggregate(
        [(name, "sum") for name in values]
    )
    return summed.select([*keys, *(f"{name}_sum" for name in values)]).rename_columns(
        [*keys, *values]
    )


def partition_of(keys: pa.ChunkedArray, partitions: int) -> npt.NDArray[np.int64]:
    """A number in [0, partitions) for each key, the same in every process.

    Args:
      keys: Binary or integer keys, [n].
      partitions: How many numbers there are.

    Returns:
      int64, [n].
    """
    tokens = keys.to_numpy()
    places: npt.NDArray[np.int64]
    if pa.types.is_binary(keys.type):
        places = tf.strings.to_hash_bucket_fast(tokens, partitions).numpy()
    else:
        places = np.mod(tokens, tokens.dtype.type(partitions)).astype(np.int64)
    return places
