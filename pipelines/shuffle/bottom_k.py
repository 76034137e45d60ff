"""`BottomKSampler`: the few rows of each split whose keys are the smallest, a sample of them.

Keys are hashes of what rows hold, so the sample depends on the rows alone. No more rows are held
than are kept in the end, which counts where a row is a large image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Lock
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..selection.select import CleanBatch
from .layout import KEY

__all__ = ["BottomKSampler", "merge_samples"]

_Places: TypeAlias = npt.NDArray[np.int64]


class BottomKSampler:
    """Keeps rows of the blocks it is shown; threads can share it.

    Args:
      rows: How many of each split.
    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._keeping = Lock()
        self._kept: dict[str, pa.RecordBatch] = {}

    def see(self, cleaned: CleanBatch, take: Callable[[_Places], pa.RecordBatch]) -> None:
        """Keep those rows of a block whose keys are small enough.

        Args:
          cleaned: What became of the block.
          take: What is kept of its rows at some places, without their keys.
        """
        for split, places in cleaned.by_split():
            chosen = self._chosen(split, cleaned, places)
            if not len(chosen):
                continue
            taken = take(chosen)
            keys = [pa.array(lane[chosen]) for lane in (cleaned.hi, cleaned.lo)]
            names = [*taken.schema.names, *KEY]
            found = pa.RecordBatch.from_arrays([*taken.columns, *keys], names)
            with self._keeping:
                kept = [self._kept[split]] if split in self._kept else []
                self._kept[split] = merge_samples([*kept, found], rows=self._rows)

    def finish(self) -> list[tuple[str, pa.RecordBatch]]:
        """(split, what is kept of it and the key columns, in the order of the keys); forgets it."""
        with self._keeping:
            kept, self._kept = self._kept, {}
        return list(kept.items())

    def _chosen(self, split: str, cleaned: CleanBatch, places: _Places) -> _Places:
        """The places of the rows that would be kept, if there were no other block from now on."""
        hi = cleaned.hi[places]
        kept = self._kept.get(split)
        if kept is not None and kept.num_rows == self._rows:
            few = hi <= np.uint64(kept.column(KEY[0])[-1].as_py())
            places, hi = places[few], hi[few]
        return places[np.lexsort((cleaned.lo[places], hi))[: self._rows]]


def merge_samples(samples: Iterable[pa.RecordBatch], *, rows: int) -> pa.RecordBatch:
    """The rows with the smallest keys of at least one sample, in their order."""
    table = pa.Table.from_batches(samples).sort_by([(name, "ascending") for name in KEY])
    return table.slice(0, rows).combine_chunks().to_batches()[0]
