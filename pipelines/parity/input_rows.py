"""Reads the rows of a dataset's first records again from its inputs.

Shards are in the order of the rows' keys, so the first records are those of the rows with the
smallest keys. The files are read without Beam, one block at a time.
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
from ..readers.csv_stages import BLOCK_BYTES
from ..readers.parse import parse_fragment
from ..readers.scan import file_fragments, scan
from ..runtime import filesystem as files
from ..runtime.elements import InputFile, ScannedFile, TextBatch
from ..selection.bottom_k import BottomKSampler
from ..selection.select import CleanBatch
from ..shuffle.layout import FILE, KEY, LINE
from ..tables.clean import clean
from ..tables.ingest import SAMPLE_ROWS
from .tables import distinct_rows

__all__ = ["Rows", "read_input_rows"]

_AMONG_FILTERED = 16
"""Factor for the number of rows that are read where filters dropped rows of the dataset."""


@dataclass(frozen=True)
class Rows:
    """The rows of a split with the smallest keys.

    Attributes:
      texts: Columns with the texts of the files.
      sources: Source of each row, "file:line".
      filtered: Whether filters dropped some of the rows. The manifest has only the text of a
        filter, so it is not known which ones.
      records: Number of the split's first records that are certainly among the rows.
    """

    texts: pa.RecordBatch
    sources: tuple[str, ...]
    filtered: bool
    records: int


def read_input_rows(
    manifest: Manifest, schema: Schema, *, rows: int = SAMPLE_ROWS
) -> dict[str, Rows]:
    """Read the rows of the first records of each split.

    Args:
      manifest: Manifest of the dataset.
      schema: Schema of its raw columns.
      rows: Number of rows of each split.

    Raises:
      DataError: Inputs are missing or have changed; all of them are named. Or a function computed
        the rows, so the files do not have them.
    """
    if manifest.reshape:
        raise DataError(
            "parity: a function computed the rows of the dataset from those of the files, so they "
            "cannot be read again and compared"
        )
    csv_format = CsvFormat(**manifest.recipe["csv"])
    scanned = _scanned(manifest, schema, csv_format)
    filtered = any(ledger.filtered for ledger in manifest.ledger.values())
    smallest = BottomKSampler(rows * _AMONG_FILTERED if filtered else rows)
    for file in scanned:
        for part in file_fragments(file):
            for block in parse_fragment(part, column_names=schema.names, csv_format=csv_format):
                cleaned = _clean(block, schema, manifest)
                smallest.add(cleaned, partial(_texts, block, cleaned))
    samples = smallest.finish()
    return {split: _rows(sample, manifest, split, rows, filtered) for split, sample in samples}


def _rows(
    sample: pa.RecordBatch, manifest: Manifest, split: str, rows: int, filtered: bool
) -> Rows:
    if manifest.recipe["distinct"]:
        sample = distinct_rows(sample)
    files_, lines = (sample.column(name).to_pylist() for name in (FILE, LINE))
    records = sample.num_rows
    if filtered:
        ledger = manifest.ledger[split]
        share = ledger.written / max(ledger.written + ledger.filtered, 1)
        records = min(rows, int(records * share / 2))  # half, as the share of a sample varies
    return Rows(
        texts=sample.drop_columns([*KEY, FILE, LINE]),
        sources=tuple(f"{file}:{line}" for file, line in zip(files_, lines, strict=True)),
        filtered=filtered,
        records=records,
    )


class _PublishedSplitting(Splitting):
    """The splitting of a dataset, without the check of names, which older datasets may fail."""

    def __post_init__(self) -> None:
        pass


def _clean(block: TextBatch, schema: Schema, manifest: Manifest) -> CleanBatch:
    recipe = manifest.recipe
    selection = RowSelection(
        splitting=_PublishedSplitting(recipe["split"]["ratios"], tuple(recipe["split"]["columns"])),
        seed=manifest.seed,
        sampling=recipe["sampling"],
    )
    return clean(block, schema, selection)


def _texts(block: TextBatch, cleaned: CleanBatch, chosen: npt.NDArray[np.int64]) -> pa.RecordBatch:
    """Return the texts of rows as they are in the file, with file and line."""
    rows = cleaned.rows[chosen]
    texts = block.batch.take(pa.array(rows))
    columns = {
        name: column.dictionary_decode()
        for name, column in zip(texts.schema.names, texts.columns, strict=True)
    }
    origin = {FILE: [block.file] * len(rows), LINE: block.lines[rows]}
    return pa.RecordBatch.from_pydict(columns | origin)


def _scanned(manifest: Manifest, schema: Schema, csv_format: CsvFormat) -> list[ScannedFile]:
    """Scan the inputs; DataError where one is not the file that the run read."""
    scanned: list[ScannedFile] = []
    problems: list[str] = []
    for index, source in enumerate(manifest.inputs):
        try:
            if not files.exists(source.path):
                raise DataError("is missing")
            scanned.append(_scan(source, index, schema, csv_format))
        except (DataError, RecipeError) as error:
            problems.append(f"{source.path}: {str(error).removeprefix(f'{source.path}: ')}")
    if problems:
        raise DataError(
            "\n  ".join(["parity: the inputs of the dataset cannot be read again:", *problems])
            + "\nRelative paths are those of the run: start `verify` in the same folder."
        )
    return scanned


def _scan(source: SourceFile, index: int, schema: Schema, csv_format: CsvFormat) -> ScannedFile:
    scanned = scan(
        InputFile(source.path, source.split, index),
        column_names=schema.names,
        csv_format=csv_format,
        block_bytes=BLOCK_BYTES,
    )
    if scanned.sha256 != source.sha256:
        raise DataError(
            f"has changed: the run read {source.bytes:,} bytes with the sha256 "
            f"{source.sha256[:12]}…, and there are {scanned.size:,} with {scanned.sha256[:12]}…"
        )
    return scanned
