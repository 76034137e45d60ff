"""Comparison of files with a schema, in one pass over the files.

    name columns -> scan -> parse -> examine each block -> merge in the order of the blocks

A run rejects a row for its first bad value; this counts every bad value of every column. The
statistics include all values of the column's type, even those out of range or domain.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from ...schemas.anomalies.observed import InputSummary
from ...schemas.schema import Schema
from ..config.csv_format import CsvFormat
from ..config.input import Input
from ..readers.csv_stages import match
from ..runtime.errors import direct_runner, unwrap_beam_errors
from ..runtime.ordered_fold import Block as Node
from ..runtime.ordered_fold import CombineBuckets, FoldWork, Key, OrderedMergeTree
from .blocks import BlockSummary, examine_block, fold_of, merge
from .files import Portion, blocks, names_of, portions
from .observed import read_summary, summarize, write_summary

__all__ = ["examine"]

_ALL: Key = ("examined", "", "")


def examine(
    schema: Schema,
    *,
    inputs: Sequence[str],
    csv_format: CsvFormat | None = None,
    requests: bool = False,
    scratch: str = "",
    runner: beam.runners.PipelineRunner | None = None,
    options: PipelineOptions | None = None,
) -> InputSummary:
    """Compare files with a schema.

    Args:
      schema: Expected columns.
      inputs: Paths and globs of CSV, Parquet, or JSON lines files (.jsonl), compressed or not.
      csv_format: Format of the CSV files; None for the defaults.
      requests: Whether the files contain requests, whose names follow `RequestNames`; JSON lines
        always do.
      scratch: Path of a folder that all workers can access, where two small files are left; ""
        for a temporary one on this machine.
      runner: A Beam runner; None for the FnApiRunner.
      options: Beam's options.

    Raises:
      DataError: A file cannot be read at all, or a glob matches nothing.
    """
    csv_format = csv_format or CsvFormat()
    matches = match([Input(None, pattern) for pattern in inputs])
    with tempfile.TemporaryDirectory() as temporary:
        folder = scratch or temporary
        with unwrap_beam_errors(), beam.Pipeline(runner or direct_runner(), options) as p:
            _ = (
                p
                | "Match" >> beam.Create(matches)
                | "SpreadFiles" >> beam.Reshuffle()
                | "Name" >> beam.Map(names_of, schema.names, csv_format, requests)
                | "Cut" >> beam.FlatMap(_with_portions, csv_format)
                | "SpreadPortions" >> beam.Reshuffle()
                # Portion
                | "Examine" >> CombineBuckets(_Examine(schema, csv_format))
                # (key, BlockSummary), one
                | "Write" >> beam.Map(_write, schema=schema, folder=folder)
            )
        return read_summary(folder)


@dataclass(frozen=True)
class _Examine(FoldWork):
    """Examines the blocks of a portion, and merges neighbours.

    The blocks of a file have the positions from 1 on. Position 0 has the columns of the file, which
    may have no block.
    """

    schema: Schema
    csv_format: CsvFormat

    def setup(self) -> None:
        """Do nothing: there is nothing to load."""

    def __call__(self, element: Any, *side_inputs: Any) -> Iterator[tuple[Key, Node]]:
        portion: Portion = element
        tree = OrderedMergeTree(partial(self.merge, _ALL))
        rank = portion.file.index
        if portion.part is None:
            columns = {portion.file.path: portion.columns}
            empty = BlockSummary(fold_of(self.schema).start(), files=columns)
            tree.add((rank, 0, 0, empty))
        for block in blocks(portion, self.csv_format):
            tree.add((rank, 0, block.position[1] + 1, examine_block(block, self.schema)))
        for node in tree.blocks():
            yield _ALL, node

    def merge(self, key: Key, accumulators: list[BlockSummary]) -> BlockSummary:
        return merge(self.schema, accumulators)


def _with_portions(file: Portion, csv_format: CsvFormat) -> Iterator[Portion]:
    """Yield the whole file, for its columns, and its portions, for its rows."""
    yield file
    yield from portions(file, csv_format)


def _write(element: tuple[Key, BlockSummary], *, schema: Schema, folder: str) -> None:
    write_summary(summarize(element[1], schema), folder)
