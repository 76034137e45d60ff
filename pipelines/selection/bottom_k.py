"""`BottomKSampler`: samples the rows of each split that have the smallest keys.

Keys are hashes of the content of rows, so the sample depends on the rows alone. The sampler stores
no more rows than the sample has, which matters where a row is a large image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Lock
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..shuffle.layout import KEY
from .select import CleanBatch

__all__ = ["BottomKSampler", "merge_samples"]

_Indices: TypeAlias = npt.NDArray[np.int64]


class BottomKSampler:
    """Bottom-k sample of the rows of each split; threads can share it.

    Args:
      rows: Number of rows of each split.
    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._lock = Lock()
        self._samples: dict[str, pa.RecordBatch] = {}

    def add(self, cleaned: CleanBatch, take: Callable[[_Indices], pa.RecordBatch]) -> None:
        """Add the rows of a block whose keys are small enough.

        Args:
          cleaned: Rows of the block.
          take: Returns the sampled form of the rows at some indices, without their keys.
        """
        for split, indices in cleaned.by_split():
            candidates = self._candidates(split, cleaned, indices)
            if not len(candidates):
                continue
            rows = take(candidates)
            keys = [pa.array(lane[candidates]) for lane in (cleaned.hi, cleaned.lo)]
            names = [*rows.schema.names, *KEY]
            batch = pa.RecordBatch.from_arrays([*rows.columns, *keys], names)
            with self._lock:
                before = [self._samples[split]] if split in self._samples else []
                self._samples[split] = merge_samples([*before, batch], rows=self._rows)

    def finish(self) -> list[tuple[str, pa.RecordBatch]]:
        """Return (split, sample with the key columns, sorted by key), and start anew."""
        with self._lock:
            samples, self._samples = self._samples, {}
        return list(samples.items())

    def _candidates(self, split: str, cleaned: CleanBatch, indices: _Indices) -> _Indices:
        """Return the indices of the rows that are in the sample if this block is the last.

        It reads the sample without the lock: another thread can only lower its largest key, and
        then a row too many is taken, which `merge_samples` drops.
        """
        hi = cleaned.hi[indices]
        sample = self._samples.get(split)
        if sample is not None and sample.num_rows == self._rows:
            small = hi <= np.uint64(sample.column(KEY[0])[-1].as_py())
            indices, hi = indices[small], hi[small]
        return indices[np.lexsort((cleaned.lo[indices], hi))[: self._rows]]


def merge_samples(samples: Iterable[pa.RecordBatch], *, rows: int) -> pa.RecordBatch:
    """Return the rows with the smallest keys of at least one sample, sorted by key."""
    table = pa.Table.from_batches(samples).sort_by([(name, "ascending") for name in KEY])
    return table.slice(0, rows).combine_chunks().to_batches()[0]
