"""`examine`: one pass over files that may be anything, to say how they differ from a schema.

    name columns -> scan -> parse -> examine each block -> merge in the order of the blocks

Where a run rejects a row for its first bad value, this counts every bad value of every column, and
describes all values that are of their column's type, in range and domain or not.
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
from ..readers.csv_source import match
from ..runtime.errors import direct_runner, unwrap_beam_errors
from ..runtime.ordered_fold import Block as Node
from ..runtime.ordered_fold import CombineBuckets, FoldWork, Key, OrderedMergeTree
from .blocks import Examined, examine_block, fold_of, merge
from .files import Portion, blocks, names_of, portions
from .observed import observed_of, read_observed, write_observed

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
    """What files hold, beside what a schema expects.

    Args:
      schema: What is expected.
      inputs: Paths and globs of CSV, Parquet, or JSON lines files (.jsonl), compressed or not.
      csv_format: How a CSV is written; None for the defaults.
      requests: Whether the files are of requests, whose names follow `RequestNames`; JSON lines
        always are.
      scratch: A folder that all workers see, where two small files are left; "" for a temporary
        one on this machine.
      runner: A Beam runner; None for the FnApiRunner.
      options: Beam's options.

    Raises:
      DataError: A file cannot be read at all, or a glob matches nothing.
    """
    csv_format = csv_format or CsvFormat()
    found = match([Input(None, pattern) for pattern in inputs])
    with tempfile.TemporaryDirectory() as temporary:
        folder = scratch or temporary
        with unwrap_beam_errors(), beam.Pipeline(runner or direct_runner(), options) as p:
            _ = (
                p
                | "Match" >> beam.Create(found)
                | "SpreadFiles" >> beam.Reshuffle()
                | "Name" >> beam.Map(names_of, schema.names, csv_format, requests)
                | "Cut" >> beam.FlatMap(_with_whole, csv_format)
                | "SpreadPortions" >> beam.Reshuffle()
                # Portion
                | "Examine" >> CombineBuckets(_Examine(schema, csv_format))
                # (key, Examined), one
                | "Write" >> beam.Map(_write, schema=schema, folder=folder)
            )
        return read_observed(folder)


@dataclass(frozen=True)
class _Examine(FoldWork):
    """The work of the pass: Portion -> what its blocks hold, merged as far as they are neighbours.

    The blocks of a file stand at the places from 1 on; at 0 stands the file as such.
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
            names = portion.columns
            tree.add(
                (
                    rank,
                    0,
                    0,
                    Examined(fold_of(self.schema).start(), files={portion.file.path: names}),
                )
            )
        for block in blocks(portion, self.csv_format):
            tree.add((rank, 0, block.position[1] + 1, examine_block(block, self.schema)))
        for node in tree.blocks():
            yield _ALL, node

    def merge(self, key: Key, accumulators: list[Examined]) -> Examined:
        return merge(self.schema, accumulators)


def _with_whole(whole: Portion, csv_format: CsvFormat) -> Iterator[Portion]:
    """The file as such, and its parts."""
    yield whole
    yield from portions(whole, csv_format)


def _write(element: tuple[Key, Examined], *, schema: Schema, folder: str) -> None:
    write_observed(observed_of(element[1], schema), folder)
