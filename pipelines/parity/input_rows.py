"""Rows of a prepared dataset's inputs, read again: those whose records are the first ones.

Shards are in the order of the rows' keys, so the rows with the smallest keys are the first
records. No Beam, one block at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...schemas.errors import DataError, RecipeError
from ...schemas.manifest import Manifest, SourceFile
from ...schemas.schema import Schema
from ..config.csv_format import CsvFormat
from ..config.row_selection import RowSelection
from ..config.splitting import Splitting
from ..readers.csv_source import BLOCK_BYTES
from ..readers.parse import parse_part
from ..readers.scan import parts, scan
from ..runtime import filesystem as files
from ..runtime.elements import InputFile, ScannedFile, TextBatch
from ..selection.select import CleanBatch
from ..shuffle.bottom_k import BottomKSampler
from ..shuffle.layout import FILE, KEY, LINE
from ..tables.clean import clean
from ..tables.ingest import SAMPLE_ROWS
from .tables import distinct_rows

__all__ = ["Rows", "read_input_rows"]

_AMONG_FILTERED = 16
"""How many times as many rows are read where filters left out some, to find those they kept."""


@dataclass(frozen=True)
class Rows:
    """The rows of a split with the smallest keys.

    Attributes:
      texts: The columns as they stand in the files.
      places: Where each row is from, "file:line".
      filtered: Whether filters left out some of them. Which ones is not known: the manifest has
        the words of a filter only.
      records: How many of the split's first records are surely among them.
    """

    texts: pa.RecordBatch
    places: tuple[str, ...]
    filtered: bool
    records: int


def read_input_rows(
    manifest: Manifest, schema: Schema, *, rows: int = SAMPLE_ROWS
) -> dict[str, Rows]:
    """The rows of the first records of each split.

    Args:
      manifest: Of the dataset.
      schema: Its raw columns.
      rows: How many rows of each split.

    Raises:
      DataError: An input is gone, or is another one now; all of these are named. Or the rows are
        not in the files: a function made them.
    """
    if manifest.reshape:
        raise DataError(
            "parity: a function made the rows of the dataset out of those of the files, so they "
            "cannot be read again to be compared"
        )
    csv_format = CsvFormat(**manifest.recipe["csv"])
    scanned = _scanned(manifest, schema, csv_format)
    filtered = any(ledger.filtered for ledger in manifest.ledger.values())
    held = rows * _AMONG_FILTERED if filtered else rows
    smallest = BottomKSampler(held)
    for file in scanned:
        for part in parts(file):
            for block in parse_part(part, column_names=schema.names, csv_format=csv_format):
                cleaned = _cleaned(block, schema, manifest)
                smallest.see(cleaned, partial(_texts, block, cleaned))
    samples = smallest.finish()
    return {split: _rows(sample, manifest, split, rows, filtered) for split, sample in samples}


def _rows(
    sample: pa.RecordBatch, manifest: Manifest, split: str, rows: int, filtered: bool
) -> Rows:
    if manifest.recipe["distinct"]:
        sample = distinct_rows(sample)
    files_, lines = (sample.column(name).to_pylist() for name in (FILE, LINE))
    kept = sample.num_rows
    if filtered:
        ledger = manifest.ledger[split]
        share = ledger.written / max(ledger.written + ledger.filtered, 1)
        kept = min(rows, int(kept * share / 2))
    return Rows(
        texts=sample.drop_columns([*KEY, FILE, LINE]),
        places=tuple(f"{file}:{line}" for file, line in zip(files_, lines, strict=True)),
        filtered=filtered,
        records=kept,
    )


class _Published(Splitting):
    """The splitting of a dataset, whose names may be older than the rule for them."""

    def __post_init__(self) -> None:
        pass


def _cleaned(block: TextBatch, schema: Schema, manifest: Manifest) -> CleanBatch:
    recipe = manifest.recipe
    selection = RowSelection(
        splitting=_Published(recipe["split"]["ratios"], tuple(recipe["split"]["columns"])),
        seed=manifest.seed,
        sampling=recipe["sampling"],
    )
    return clean(block, schema, selection)


def _texts(block: TextBatch, cleaned: CleanBatch, chosen: npt.NDArray[np.int64]) -> pa.RecordBatch:
    """Rows as they stand in the file, and where that is."""
    rows = cleaned.rows[chosen]
    texts = block.batch.take(pa.array(rows))
    columns = {
        name: column.dictionary_decode()
        for name, column in zip(texts.schema.names, texts.columns, strict=True)
    }
    origin = {FILE: [block.file] * len(rows), LINE: block.lines[rows]}
    return pa.RecordBatch.from_pydict(columns | origin)


def _scanned(manifest: Manifest, schema: Schema, csv_format: CsvFormat) -> list[ScannedFile]:
    """The inputs, each found to be the one that was read."""
    found: list[ScannedFile] = []
    problems: list[str] = []
    for index, source in enumerate(manifest.inputs):
        try:
            if not files.exists(source.path):
                raise DataError("is gone")
            found.append(_scan(source, index, schema, csv_format))
        except (DataError, RecipeError) as error:
            problems.append(f"{source.path}: {str(error).removeprefix(f'{source.path}: ')}")
    if problems:
        raise DataError(
            "\n  ".join(["parity: the inputs of the dataset cannot be read again:", *problems])
            + "\nPaths are those that the run was given; start `verify` in the same folder."
        )
    return found


def _scan(source: SourceFile, index: int, schema: Schema, csv_format: CsvFormat) -> ScannedFile:
    scanned = scan(
        InputFile(source.path, source.split, index),
        column_names=schema.names,
        csv_format=csv_format,
        block_bytes=BLOCK_BYTES,
    )
    if scanned.sha256 != source.sha256:
        raise DataError(
            f"is another file now: the run read {source.bytes:,} bytes with the sha256 "
            f"{source.sha256[:12]}…, and there are {scanned.size:,} with {scanned.sha256[:12]}…"
        )
    return scanned
