"""`ReadRows`: the front of every pipeline, from inputs to clean rows with keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import apache_beam as beam

from .config.input import Input
from .runtime.progress import Note, Progress
from .selection.read_counts import sum_read_counts
from .shuffle.shuffle import RowSink
from .sources import RecordSource
from .stage_types import IngestResult, Plan

__all__ = ["ReadRows"]


@dataclass
class ReadRows(beam.PTransform):  # type: ignore[misc]
    """Scans inputs, and ingests their records: PBegin -> `IngestResult` with one `ReadCounts`.

    Attributes:
      source: Source of the records.
      inputs: Files to read.
      sink: First step of the shuffle.
      rejects: Folder of the rejects.
      progress: Progress to note scanned and read records in.
      plan: Plan of the run; None to read rows for a profile only.
      graph_folder: Folder for a graph that can be exported before rows are read.
      in_threads: Whether to read with a pool of threads.
    """

    source: RecordSource
    inputs: Sequence[Input]
    sink: RowSink
    rejects: str
    progress: Progress
    plan: Plan | None = None
    graph_folder: str = ""
    in_threads: bool = True

    def expand(self, begin: beam.pvalue.PBegin) -> IngestResult:
        """Add the stages."""
        ingested: IngestResult = (
            begin
            | "Scan" >> self.source.scan(self.inputs)
            | "NoteScan" >> Note(self.progress, "scan", self.source.scan_size)
            # ScannedFile, or the listing of an input of images
            | "Ingest"
            >> self.source.ingest(
                self.plan,
                self.sink,
                rejects=self.rejects,
                graph_folder=self.graph_folder,
                in_threads=self.in_threads,
            )
        )
        counts = (
            ingested.read_counts
            | "NoteRead" >> Note(self.progress, "read", lambda part: (part.records, part.size))
            | "SumReadCounts" >> beam.CombineGlobally(sum_read_counts)
        )  # ReadCounts, one
        return ingested._replace(read_counts=counts)
