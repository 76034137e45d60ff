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

from ..shuffle.layout import KEY
from ..shuffle.shuffle import RowSink
from ..shuffle.sorted_runs import KeyedRows
from .bottom_k import BottomKSampler, merge_samples
from .select import CleanBatch

__all__ = ["RowRouter"]


@dataclass
class RowRouter:
    """Sends clean rows to a sink, and samples rows for the parity check.

    Attributes:
      sink: First step of the shuffle.
      sample_rows: Rows of each split to sample: those with the smallest keys.
    """

    sink: RowSink
    sample_rows: int

    def setup(self) -> None:
        """Load what cannot be pickled, once a worker."""
        self.sink.setup()
        self._sampler = BottomKSampler(self.sample_rows)

    def __call__(
        self, cleaned: CleanBatch, take: Callable[[npt.NDArray[np.int64]], pa.RecordBatch]
    ) -> Iterator[Any]:
        """Yield the elements that the sink makes of some rows.

        Args:
          cleaned: The rows.
          take: Returns the sampled form of the rows at some indices, without their keys.
        """
        self._sampler.add(cleaned, take)
        for split, rows in cleaned.by_split():
            yield from self.sink(_keyed(split, cleaned, rows))

    def finish(self) -> Iterator[Any]:
        """Yield the last elements of the sink in a bundle, and samples tagged "sample"."""
        yield from self.sink.finish()
        for sample in self._sampler.finish():
            yield TaggedOutput("sample", sample)

    def samples(
        self, samples: beam.PCollection[tuple[str, pa.RecordBatch]]
    ) -> beam.PCollection[tuple[str, pa.RecordBatch]]:
        """Merge the samples of all bundles: (split, rows with the smallest keys of all)."""
        merge = partial(merge_samples, rows=self.sample_rows)
        return (
            samples
            | "GatherSamples" >> beam.GroupByKey()
            | "BottomK" >> beam.MapTuple(lambda split, batches: (split, merge(batches)))
        )


def _keyed(split: str, cleaned: CleanBatch, rows: npt.NDArray[np.int64]) -> KeyedRows:
    """Return some clean rows, all of one split, with the two columns of their keys."""
    keys = [pa.array(cleaned.hi), pa.array(cleaned.lo)]
    schema = cleaned.batch.schema
    for name in KEY:
        schema = schema.append(pa.field(name, pa.uint64()))
    batch = pa.RecordBatch.from_arrays([*cleaned.batch.columns, *keys], schema=schema)
    return KeyedRows(split, batch if len(rows) == batch.num_rows else batch.take(pa.array(rows)))
