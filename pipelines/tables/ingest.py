"""Reading of tables: parse -> clean -> route, in one step from the bytes of a file to sorted runs.

One step, so that one thread takes a block of text all the way and no large value passes between
stages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...schemas.manifest import SourceFile
from ...schemas.schema import Schema
from ..config.csv_format import CsvFormat
from ..config.row_selection import RowSelection
from ..readers.parse import parse_fragment
from ..readers.scan import file_fragments
from ..runtime.elements import FileFragment, ScannedFile, TextBatch
from ..runtime.thread_pool import ElementFn, SerialDoFn, ThreadedDoFn
from ..selection.read_counts import read_counts_of
from ..selection.row_router import RowRouter
from ..selection.select import CleanBatch
from ..shuffle.layout import FILE, LINE
from ..shuffle.shuffle import RowSink
from ..stage_types import IngestResult
from .clean import clean

__all__ = ["SAMPLE_ROWS", "IngestTable"]

SAMPLE_ROWS = 64
"""Rows of a split whose text is sampled for the parity check: those with the smallest keys."""


@dataclass
class IngestTable(beam.PTransform):  # type: ignore[misc]
    """Parses and cleans scanned files: PCollection[ScannedFile] -> `IngestResult`.

    Attributes:
      schema: Columns of the files.
      csv_format: Dialect of CSV files.
      selection: Filters, sampling and split ratios.
      sink: First step of the shuffle, which takes rows as soon as they are clean.
      rejects: Folder of the rejects: one file of JSON lines for each block that has any.
      in_threads: Whether to use a pool of threads, each with all output of a fragment in memory;
        otherwise one fragment is read after another, with one block in memory.
    """

    schema: Schema
    csv_format: CsvFormat
    selection: RowSelection
    sink: RowSink
    rejects: str
    in_threads: bool

    def expand(self, scanned: beam.PCollection[ScannedFile]) -> IngestResult:
        """Add the stages."""
        router = RowRouter(self.sink, SAMPLE_ROWS)
        read = _ReadFragment(self.schema, self.csv_format, self.selection, router, self.rejects)
        outputs = (
            scanned
            | "CutFiles" >> beam.FlatMap(file_fragments)
            | "SpreadFragments" >> beam.Reshuffle()
            # FileFragment
            | "ParseAndClean"
            >> beam.ParDo(ThreadedDoFn(read) if self.in_threads else SerialDoFn(read)).with_outputs(
                "counts", "sample", main="rows"
            )
        )
        return IngestResult(
            rows=outputs.rows,
            read_counts=outputs.counts,
            samples=router.samples(outputs.sample),
            sources=scanned | "Source" >> beam.Map(_source_file),
        )


def _source_file(scanned: ScannedFile) -> tuple[int, SourceFile]:
    file = scanned.file
    source = SourceFile(file.path, file.split, scanned.size, scanned.sha256, scanned.records)
    return file.index, source


@dataclass(frozen=True)
class _ReadFragment(ElementFn):
    """FileFragment -> routed rows, and outputs tagged "counts" and "sample"."""

    schema: Schema
    csv_format: CsvFormat
    selection: RowSelection
    router: RowRouter
    rejects: str

    def setup(self) -> None:
        self.router.setup()

    def __call__(self, fragment: FileFragment, *side_inputs: Any) -> Iterator[Any]:
        names = self.schema.names
        for block in parse_fragment(fragment, column_names=names, csv_format=self.csv_format):
            cleaned = clean(block, self.schema, self.selection)
            yield from read_counts_of(
                cleaned, self.rejects, split=block.split, position=block.position, size=block.size
            )
            rows = replace(cleaned, batch=_with_origin(block, cleaned))
            yield from self.router(rows, partial(_texts, block, cleaned))

    def finish(self) -> Iterator[Any]:
        return self.router.finish()


def _with_origin(block: TextBatch, cleaned: CleanBatch) -> pa.RecordBatch:
    """Return the rows with two more columns: the file and the line of each."""
    batch = cleaned.batch
    file = pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(batch.num_rows, np.int32)), pa.array([block.file])
    )
    lines = pa.array(block.lines[cleaned.rows])
    return pa.RecordBatch.from_arrays(
        [*batch.columns, file, lines], names=[*batch.schema.names, FILE, LINE]
    )


def _texts(block: TextBatch, cleaned: CleanBatch, indices: npt.NDArray[np.int64]) -> pa.RecordBatch:
    """Return the text of some clean rows, as the file has it."""
    texts = block.batch.take(pa.array(cleaned.rows[indices]))
    columns = [column.dictionary_decode() for column in texts.columns]
    return pa.RecordBatch.from_arrays(columns, texts.schema.names)
