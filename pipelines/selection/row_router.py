"""`RowRouter`: sends clean rows to the shuffle, and samples those with the smallest keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam.pvalue import TaggedOutput

from ..shuffle.bottom_k import BottomKSampler, merge_samples
from ..shuffle.layout import KEY
from ..shuffle.shuffle import RowSink
from ..shuffle.sorted_runs import KeyedRows
from .select import CleanBatch

__all__ = ["RowRouter"]


@dataclass
class RowRouter:
    """What happens to clean rows: they are placed, and a sample of them is kept.

    Attributes:
      place: Where they go.
      sample_rows: How many rows of each split are kept: those with the smallest keys.
    """

    place: RowSink
    sample_rows: int

    def setup(self) -> None:
        """Load what cannot be pickled, once a worker."""
        self.place.setup()
        self._smallest = BottomKSampler(self.sample_rows)

    def __call__(
        self, cleaned: CleanBatch, take: Callable[[npt.NDArray[np.int64]], pa.RecordBatch]
    ) -> Iterator[Any]:
        """What there is to shuffle now.

        Args:
          cleaned: The rows.
          take: What is kept of the rows at the given places, without their keys.
        """
        self._smallest.see(cleaned, take)
        for split, chosen in cleaned.by_split():
            yield from self.place(_keyed(split, cleaned, chosen))

    def finish(self) -> Iterator[Any]:
        """What is left to shuffle at the end of a bundle; and tagged "sample" what was kept."""
        yield from self.place.finish()
        for sample in self._smallest.finish():
            yield TaggedOutput("sample", sample)

    def samples(
        self, kept: beam.PCollection[tuple[str, pa.RecordBatch]]
    ) -> beam.PCollection[tuple[str, pa.RecordBatch]]:
        """What is kept of all that workers kept: the samples of `IngestResult`."""
        merge = partial(merge_samples, rows=self.sample_rows)
        return (
            kept
            | "GatherSamples" >> beam.GroupByKey()
            | "BottomK" >> beam.MapTuple(lambda split, some: (split, merge(some)))
        )


def _keyed(split: str, cleaned: CleanBatch, chosen: Any) -> KeyedRows:
    keys = [pa.array(cleaned.hi), pa.array(cleaned.lo)]
    schema = cleaned.batch.schema
    for name in KEY:
        schema = schema.append(pa.field(name, pa.uint64()))
    batch = pa.RecordBatch.from_arrays([*cleaned.batch.columns, *keys], schema=schema)
    return KeyedRows(
        split, batch if len(chosen) == batch.num_rows else batch.take(pa.array(chosen))
    )
