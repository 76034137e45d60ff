"""`IngestResult`: the outputs of reading rows, of tables and images alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa

from ...schemas.manifest import SourceFile
from ..runtime.elements import Bucket
from ..runtime.progress import Note, Progress
from .read_counts import ReadCounts, sum_read_counts

__all__ = ["IngestResult"]


def _unchanged(buckets: beam.PCollection[Bucket]) -> beam.PCollection[Bucket]:
    return buckets


class IngestResult(NamedTuple):
    """What `IngestTable` gives.

    Attributes:
      rows: Cleaned rows, as `place` made them of each `KeyedRows` batch.
      accounts: An `ReadCounts` of the records that were read together.
      samples: (split, batch): of the rows with the smallest keys, in the order of their keys,
        what a request would carry, and the two key columns.
      sources: (place, `SourceFile`) for each input.
      findings: (name, what else was found), for the manifest.
      transform_fn: The folder of the transform graph, where that is there already.
      thin: Gives buckets without the rows that only all rows together tell to leave out.
    """

    rows: beam.PCollection[Any]
    accounts: beam.PCollection[ReadCounts]
    samples: beam.PCollection[tuple[str, pa.RecordBatch]]
    sources: beam.PCollection[tuple[int, SourceFile]]
    findings: beam.PCollection[tuple[str, Any]]
    transform_fn: beam.PCollection[str] | None = None
    thin: Callable[[beam.PCollection[Bucket]], beam.PCollection[Bucket]] = _unchanged

    def account(self, progress: Progress) -> beam.PCollection[ReadCounts]:
        """One `ReadCounts` of all records, which are noted in the progress as they are read."""
        return (
            self.accounts
            | "NoteRead" >> Note(progress, "read", lambda some: (some.records, some.size))
            | "AddUp" >> beam.CombineGlobally(sum_read_counts)
        )
