"""Rows in files, sorted by key: `RunWriter` writes a `SortedRun`, and a `RunSlice` reads of one.

Every bucket opens every run that has a row for it, so few large runs cost less than many small
ones: rows wait until there are enough of them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..runtime.arrow_coder import ArrowCoder
from ..runtime.dictionaries import decoded, joined
from .layout import KEY, MAX_BUCKETS, BucketLayout

__all__ = ["KeyedRows", "RunSlice", "SortedRun", "RunWriter", "bucket_offsets", "sorted_by_key"]

_CODER = ArrowCoder()

_RUN_BYTES = 16 << 20
"""Rows of a split are held until they take as much memory."""


@dataclass(frozen=True)
class KeyedRows:
    """Cleaned rows of one split, with the two `KEY` columns behind the schema's own."""

    split: str
    batch: pa.RecordBatch


@dataclass(frozen=True)
class SortedRun:
    """Rows of one split, sorted by key, in an Arrow IPC file.

    `places` says where the rows begin of each range of keys that as many buckets as there can be
    would have; int64, [MAX_BUCKETS + 1].
    """

    split: str
    path: str
    weight: int
    places: npt.NDArray[np.int64] = field(repr=False, compare=False)

    def part(self, index: int, buckets: int) -> RunSlice:
        """The rows that belong to one of so many buckets, a power of two."""
        ranges = MAX_BUCKETS // buckets
        start, stop = self.places[[ranges * index, ranges * (index + 1)]].tolist()
        return RunSlice(self.path, start, stop)


class RunSlice(NamedTuple):
    """Some rows of the run in a file, from `start` up to `stop`."""

    path: str
    start: int
    stop: int

    def read(self, columns: Sequence[str] | None = None) -> pa.RecordBatch:
        """A copy: what is left memory-mapped of many runs counts as memory, nearly all of it."""
        with pa.memory_map(self.path) as source, pa.ipc.open_file(source) as reader:
            whole = reader.get_batch(0)
            some = whole.select(columns) if columns else whole
            return _CODER.decode(_CODER.encode(some.slice(self.start, self.stop - self.start)))


@dataclass
class RunWriter:
    """Writes the rows it is called with as sorted runs; threads can share it.

    Attributes:
      directory: Where the files go. Each has a name of its own, so a replay overwrites nothing.
      layout: What rows weigh.
    """

    directory: str
    layout: BucketLayout

    def setup(self) -> None:
        """Make the folder. Nothing is held yet."""
        os.makedirs(self.directory, exist_ok=True)
        self._holding = Lock()
        self._held: dict[str, list[pa.RecordBatch]] = {}

    def __call__(self, keyed: KeyedRows) -> list[SortedRun]:
        """The run that there are rows enough for now, if any."""
        with self._holding:
            held = self._held.setdefault(keyed.split, [])
            held.append(keyed.batch)
            if sum(batch.nbytes for batch in held) < _RUN_BYTES:
                return []
            del self._held[keyed.split]
        return [self._write(keyed.split, held)]

    def finish(self) -> list[SortedRun]:
        """The runs of the rows that are left."""
        with self._holding:
            left, self._held = self._held, {}
        return [self._write(split, held) for split, held in left.items()]

    def _write(self, split: str, held: Sequence[pa.RecordBatch]) -> SortedRun:
        batch = decoded(sorted_by_key(joined(held)))
        path = os.path.join(self.directory, f"{split}-{uuid4().hex}.arrow")
        with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
            writer.write_batch(batch)
        return SortedRun(split, path, self.layout.weigh(batch), bucket_offsets(batch, MAX_BUCKETS))


def sorted_by_key(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch sorted by its key columns; rows of equal keys are equal, so ties do not matter."""
    hi, lo = (batch.column(name).to_numpy() for name in KEY)
    return batch.take(pa.array(np.lexsort((lo, hi))))


def bucket_offsets(batch: pa.RecordBatch, buckets: int) -> npt.NDArray[np.int64]:
    """Where each bucket begins in a batch sorted by key; [buckets + 1]."""
    hi = batch.column(KEY[0]).to_numpy()
    starts = np.array([2**64 // buckets * index for index in range(1, buckets)], np.uint64)
    return np.concatenate(([0], np.searchsorted(hi, starts), [batch.num_rows]))
