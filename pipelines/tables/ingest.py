"""Files into clean rows with keys, and an account of every record: parse -> clean -> place.

One step, so that a block of text is worked on by one thread from its bytes to a sorted run and
nothing large goes from stage to stage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from ...schemas.manifest import SourceFile
from ...schemas.schema import Schema
from ..config.recipe import Recipe
from ..readers.parse import parse_part
from ..readers.scan import parts
from ..runtime.elements import FileFragment, ScannedFile, TextBatch
from ..runtime.thread_pool import ElementFn, SerialDoFn, ThreadedDoFn
from ..selection.ingest_result import IngestResult
from ..selection.read_counts import read_counts_of
from ..selection.row_router import RowRouter
from ..selection.select import CleanBatch
from ..shuffle.layout import FILE, LINE
from ..shuffle.shuffle import RowSink
from .clean import clean

__all__ = [
    "SAMPLE_ROWS",
    "IngestTable",
]

SAMPLE_ROWS = 64
"""Rows of a split whose text is kept for the parity check: those with the smallest keys."""


@dataclass
class IngestTable(beam.PTransform):  # type: ignore[misc]
    """PCollection[ScannedFile] -> `IngestResult`.

    Attributes:
      recipe: Which rows count.
      schema: What the columns are.
      place: What happens to rows as soon as they are clean, such as that they become runs.
      rejects: A folder for the rejects: one file of JSON lines a block that has any.
      in_threads: Whether a pool of threads works, each holding what `place` gives for a whole
        part of a file; else one part after the other, one block in memory.
    """

    recipe: Recipe
    schema: Schema
    place: RowSink
    rejects: str
    in_threads: bool

    def expand(self, scanned: beam.PCollection[ScannedFile]) -> IngestResult:
        placing = RowRouter(self.place, SAMPLE_ROWS)
        work: ElementFn = _ReadPart(self.recipe, self.schema, placing, self.rejects)
        read = (
            scanned
            | "CutFiles" >> beam.FlatMap(parts)
            | "SpreadParts" >> beam.Reshuffle()
            # FileFragment
            | "ParseAndClean"
            >> beam.ParDo(ThreadedDoFn(work) if self.in_threads else SerialDoFn(work)).with_outputs(
                "account", "sample", main="rows"
            )
        )
        return IngestResult(
            rows=read.rows,
            accounts=read.account,
            samples=placing.samples(read.sample),
            sources=scanned | "Source" >> beam.Map(_source),
            findings=scanned.pipeline | "NoFindings" >> beam.Create([]),
        )


def _source(scanned: ScannedFile) -> tuple[int, SourceFile]:
    file = scanned.file
    source = SourceFile(file.path, file.split, scanned.size, scanned.sha256, scanned.records)
    return file.index, source


@dataclass(frozen=True)
class _ReadPart(ElementFn):
    """The work: FileFragment -> placed rows, and tagged "account" and "sample"."""

    recipe: Recipe
    schema: Schema
    placing: RowRouter
    rejects: str

    def setup(self) -> None:
        self.placing.setup()

    def __call__(self, part: FileFragment, *side_inputs: Any) -> Iterator[Any]:
        names = self.schema.names
        for block in parse_part(part, column_names=names, csv_format=self.recipe.csv):
            cleaned = clean(
                block,
                self.schema,
                splitting=self.recipe.split,
                seed=self.recipe.seed,
                filters=self.recipe.filters,
                sampling=self.recipe.sampling,
            )
            yield from read_counts_of(
                cleaned, self.rejects, split=block.split, position=block.position, size=block.size
            )
            rows = replace(cleaned, batch=_with_origin(block, cleaned))
            yield from self.placing(rows, partial(_texts, block, cleaned))

    def finish(self) -> Iterator[Any]:
        return self.placing.finish()


def _with_origin(block: TextBatch, cleaned: CleanBatch) -> pa.RecordBatch:
    """The rows, and where each is from."""
    batch = cleaned.batch
    file = pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(batch.num_rows, np.int32)), pa.array([block.file])
    )
    lines = pa.array(block.lines[cleaned.rows])
    return pa.RecordBatch.from_arrays(
        [*batch.columns, file, lines], names=[*batch.schema.names, FILE, LINE]
    )


def _texts(block: TextBatch, cleaned: CleanBatch, chosen: Any) -> pa.RecordBatch:
    """The text of the rows at these places, as it stands in the file."""
    texts = block.batch.take(pa.array(cleaned.rows[chosen]))
    columns = [column.dictionary_decode() for column in texts.columns]
    return pa.RecordBatch.from_arrays(columns, texts.schema.names)
