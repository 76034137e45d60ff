"""Rows in files, sorted by key: `RunWriter` writes a `SortedRun`, a `RunSlice` reads from it.

Each bucket opens each run that has a row for it, so few large runs cost less than many small ones:
rows wait in memory until there are enough of them.
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
"""Memory that the rows of a split take before they are written as a run."""


@dataclass(frozen=True)
class KeyedRows:
    """Cleaned rows of one split, with the two `KEY` columns behind the schema's own."""

    split: str
    batch: pa.RecordBatch


@dataclass(frozen=True)
class SortedRun:
    """Rows of one split, sorted by key, in an Arrow IPC file.

    Attributes:
      split: Split of the rows.
      path: Path of the file.
      weight: Weight of the rows, for the number of buckets.
      offsets: Offset of the rows of each bucket, as if there were `MAX_BUCKETS`; those of a smaller
        power of two are among them. int64, [MAX_BUCKETS + 1].
    """

    split: str
    path: str
    weight: int
    offsets: npt.NDArray[np.int64] = field(repr=False, compare=False)

    def slice(self, index: int, buckets: int) -> RunSlice:
        """Return the rows of a bucket; `buckets`, the number of all, is a power of two."""
        ranges = MAX_BUCKETS // buckets
        start, stop = self.offsets[[ranges * index, ranges * (index + 1)]].tolist()
        return RunSlice(self.path, start, stop)


class RunSlice(NamedTuple):
    """Rows of the run in a file, from `start` up to `stop`."""

    path: str
    start: int
    stop: int

    def read(self, columns: Sequence[str] | None = None) -> pa.RecordBatch:
        """Read the rows, with all columns or those that are named."""
        # A copy: memory maps of the slices of many runs would count as the memory of whole runs.
        with pa.memory_map(self.path) as source, pa.ipc.open_file(source) as reader:
            run = reader.get_batch(0)
            rows = run.select(columns) if columns else run
            return _CODER.decode(_CODER.encode(rows.slice(self.start, self.stop - self.start)))


@dataclass
class RunWriter:
    """`RowSink` that writes rows as sorted runs; threads can share it.

    Attributes:
      directory: Folder of the runs. Each has a unique name, so a retry overwrites nothing.
      layout: Layout that weighs the rows.
    """

    directory: str
    layout: BucketLayout

    def setup(self) -> None:
        """Create the folder, and start without waiting rows."""
        os.makedirs(self.directory, exist_ok=True)
        self._lock = Lock()
        self._waiting: dict[str, list[pa.RecordBatch]] = {}

    def __call__(self, keyed: KeyedRows) -> list[SortedRun]:
        """Write a run once there are enough rows, and return it."""
        with self._lock:
            batches = self._waiting.setdefault(keyed.split, [])
            batches.append(keyed.batch)
            if sum(batch.nbytes for batch in batches) < _RUN_BYTES:
                return []
            del self._waiting[keyed.split]
        return [self._write(keyed.split, batches)]

    def finish(self) -> list[SortedRun]:
        """Write the remaining rows, and return a run for each split that has any."""
        with self._lock:
            remaining, self._waiting = self._waiting, {}
        return [self._write(split, batches) for split, batches in remaining.items()]

    def _write(self, split: str, batches: Sequence[pa.RecordBatch]) -> SortedRun:
        batch = decoded(sorted_by_key(joined(batches)))
        path = os.path.join(self.directory, f"{split}-{uuid4().hex}.arrow")
        with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
            writer.write_batch(batch)
        return SortedRun(split, path, self.layout.weigh(batch), bucket_offsets(batch, MAX_BUCKETS))


def sorted_by_key(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch sorted by key; rows of equal keys are equal, so ties do not matter."""
    hi, lo = (batch.column(name).to_numpy() for name in KEY)
    return batch.take(pa.array(np.lexsort((lo, hi))))


def bucket_offsets(batch: pa.RecordBatch, buckets: int) -> npt.NDArray[np.int64]:
    """Return the offset of each bucket in a batch sorted by key; int64, [buckets + 1]."""
    hi = batch.column(KEY[0]).to_numpy()
    starts = np.array([2**64 // buckets * index for index in range(1, buckets)], np.uint64)
    return np.concatenate(([0], np.searchsorted(hi, starts), [batch.num_rows]))
