"""Reading of CSV and Parquet files: match -> scan -> parse.

    files = p | ScanCsv(inputs, column_names=names)    # ScannedFile
    batches = files | ParseCsv(names)                  # FileFragment, then TextBatch

The content of a file decides its format, not its name: `ScanCsv` and `ParseCsv` take Parquet too.
Each file is read twice: once from beginning to end, to count records and find their boundaries
(`scan`), and once in byte ranges by all workers (`parse`).
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
from .parse import parse_fragment
from .scan import file_fragments, scan

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
"""Default size of a byte range, the text of one batch."""

_HEAD = 16
_OPEN_FILES = 16
"""Files that are opened at the same time."""


def match(inputs: Iterable[Input]) -> tuple[InputFile, ...]:
    """Return the files that inputs name, sorted by path, each once.

    Raises:
      DataError: A pattern matches nothing, or cannot be resolved.
      RecipeError: A file is named for two splits, or no filesystem is installed for a path.
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
    """Return the paths that a pattern matches; the path of an existing file is never a glob."""
    if files.WILDCARD.search(pattern) and not files.is_remote(pattern) and os.path.exists(pattern):
        return [pattern]
    paths = [path for path, _ in files.glob(pattern)]
    if not paths:
        raise DataError(f'no file matches "{pattern}": expected at least one CSV file')
    return paths


def check_formats(inputs: Iterable[Input]) -> None:
    """Check by their first bytes that the files of each input are all CSV or all Parquet.

    Raises:
      DataError: An input has files of both formats, or one that cannot be read.
    """
    with ThreadPoolExecutor(_OPEN_FILES) as pool:
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
      inputs: Inputs to read.
      column_names: Names of the fields, in order, which a header must have.
      csv_format: Format of CSV files.
      block_bytes: Size of the text of a batch, at least 1; a batch ends with the record that
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
        """Add the stages."""
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
    """Parses scanned files: PCollection[ScannedFile] -> PCollection[TextBatch], in any order.

    Attributes:
      column_names: As in `ScanCsv`.
      csv_format: As in `ScanCsv`.
    """

    column_names: Sequence[str]
    _: KW_ONLY
    csv_format: CsvFormat = field(default_factory=CsvFormat)

    def expand(self, files: beam.PCollection[ScannedFile]) -> beam.PCollection[TextBatch]:
        """Add the stages."""
        return (
            files
            | "Cut" >> beam.FlatMap(file_fragments)
            | "SpreadFragments" >> beam.Reshuffle()
            | "Parse"
            >> beam.FlatMap(
                parse_fragment, column_names=tuple(self.column_names), csv_format=self.csv_format
            )
        )


class CsvRead(NamedTuple):
    """Result of `ReadCsv`."""

    files: beam.PCollection[ScannedFile]
    blocks: beam.PCollection[TextBatch]


@dataclass(eq=False)
class ReadCsv(ScanCsv):
    """Reads CSV files: PBegin -> `CsvRead`; attributes and errors as in `ScanCsv`."""

    def expand(self, begin: beam.pvalue.PBegin) -> CsvRead:
        """Add the stages."""
        files = super().expand(begin)
        blocks = files | ParseCsv(self.column_names, csv_format=self.csv_format)
        return CsvRead(files, blocks)
