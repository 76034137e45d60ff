"""Reading CSV and Parquet files: match -> scan -> parse.

    files = p | ScanCsv(inputs, column_names=names)       # ScannedFile
    batches = files | ParseCsv(names)        # parts: FileFragment -> parse_part: TextBatch

What a file holds decides what it is, not its name: `ScanCsv` and `ParseCsv` take Parquet too.
Every file is read twice: once from beginning to end, to count and to cut (`scan`), and once in
stretches by as many workers as there are (`parse`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass, field
from typing import NamedTuple

import apache_beam as beam

from ...schemas.errors import DataError, RecipeError
from ..config.csv_format import CsvFormat
from ..config.input import Input
from ..runtime import filesystem as files
from ..runtime.decompress import open_decompressed
from ..runtime.elements import InputFile, ScannedFile, TextBatch
from .parquet import is_parquet
from .parse import parse_part
from .scan import parts, scan

__all__ = [
    "BLOCK_BYTES",
    "CsvRead",
    "check_formats",
    "ParseCsv",
    "ReadCsv",
    "ScanCsv",
    "match",
]

BLOCK_BYTES = 16 << 20
"""The default size of the stretch of text that becomes one block."""

_HEAD = 16
_LOOKS = 16
"""Files that are looked into at the same time."""


def match(inputs: Iterable[Input]) -> tuple[InputFile, ...]:
    """The files that inputs name, sorted by path; a file that several name comes once.

    Raises:
      DataError: A pattern matches nothing, or cannot be looked up.
      RecipeError: A file is named for two splits, or a path is of no filesystem that is installed.
    """
    splits: dict[str, str | None] = {}
    for entry in inputs:
        for path in _paths(entry.pattern):
            if splits.setdefault(path, entry.split) != entry.split:
                raise RecipeError(
                    f"{path}: one file cannot be read for two splits: "
                    f'"{splits[path]}" and "{entry.split}"'
                )
    return tuple(
        InputFile(path, split, index) for index, (path, split) in enumerate(sorted(splits.items()))
    )


def _paths(pattern: str) -> list[str]:
    """The paths that a pattern matches; the path of an existing file is never a glob."""
    if files.WILDCARD.search(pattern) and not files.is_remote(pattern) and os.path.exists(pattern):
        return [pattern]
    paths = [path for path, _ in files.glob(pattern)]
    if not paths:
        raise DataError(f'no file matches "{pattern}": expected at least one CSV file')
    return paths


def check_formats(inputs: Iterable[Input]) -> None:
    """Check that each input is all CSV or all Parquet, by the first bytes of its files.

    Raises:
      DataError: Files of one input are of both kinds, or one cannot be read.
    """
    with ThreadPoolExecutor(_LOOKS) as pool:
        for entry in inputs:
            paths = _paths(entry.pattern)
            kinds = list(pool.map(_is_parquet, paths))
            if any(kinds) and not all(kinds):
                raise DataError(
                    f'"{entry.pattern}": expected files of one kind, but '
                    f"{paths[kinds.index(True)]} is Parquet and {paths[kinds.index(False)]} is "
                    "not. Name them apart."
                )


def _is_parquet(path: str) -> bool:
    with open_decompressed(path) as stored:
        return is_parquet(stored.read(_HEAD))


@dataclass(eq=False)
class ScanCsv(beam.PTransform):  # type: ignore[misc]
    """Scans each input file once: PBegin -> PCollection[ScannedFile].

    Patterns are resolved where the pipeline is built.

    Attributes:
      inputs: What to read.
      column_names: The names of the fields, in order; what a header must say.
      csv_format: How the files are written.
      block_bytes: The size of the text of a block, at least 1; a block ends with the record that
        reaches it.

    Raises:
      RecipeError: `block_bytes` is less than 1.
    """

    inputs: Sequence[Input]
    _: KW_ONLY
    column_names: Sequence[str]
    csv_format: CsvFormat = field(default_factory=CsvFormat)
    block_bytes: int = BLOCK_BYTES

    def __post_init__(self) -> None:
        if self.block_bytes < 1:
            raise RecipeError(f"block_bytes: expected at least 1, got {self.block_bytes}")

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection[ScannedFile]:
        return (
            begin
            | "Match" >> beam.Create(match(self.inputs))
            | "SpreadFiles" >> beam.Reshuffle()
            | "Scan"
            >> beam.Map(
                scan,
                column_names=tuple(self.column_names),
                csv_format=self.csv_format,
                block_bytes=self.block_bytes,
            )
        )


@dataclass(eq=False)
class ParseCsv(beam.PTransform):  # type: ignore[misc]
    """Parses scanned files: PCollection[ScannedFile] -> PCollection[Block], in no order.

    Attributes:
      column_names: As in `ScanCsv`.
      csv_format: As in `ScanCsv`.
    """

    column_names: Sequence[str]
    _: KW_ONLY
    csv_format: CsvFormat = field(default_factory=CsvFormat)

    def expand(self, files: beam.PCollection[ScannedFile]) -> beam.PCollection[TextBatch]:
        return (
            files
            | "Cut" >> beam.FlatMap(parts)
            | "SpreadParts" >> beam.Reshuffle()
            | "Parse"
            >> beam.FlatMap(
                parse_part, column_names=tuple(self.column_names), csv_format=self.csv_format
            )
        )


class CsvRead(NamedTuple):
    """What `ReadCsv` gives."""

    files: beam.PCollection[ScannedFile]
    blocks: beam.PCollection[TextBatch]


@dataclass(eq=False)
class ReadCsv(ScanCsv):
    """Reads CSV files: PBegin -> `CsvRead`; attributes and errors as in `ScanCsv`."""

    def expand(self, begin: beam.pvalue.PBegin) -> CsvRead:
        files = super().expand(begin)
        blocks = files | ParseCsv(self.column_names, csv_format=self.csv_format)
        return CsvRead(files, blocks)
