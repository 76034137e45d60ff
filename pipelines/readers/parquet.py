"""Parquet files as the records of text that CSV files are: scan -> parse.

    scanned = scan_parquet(file)          # counts by the footer, stretches of row groups
    blocks = parse_parquet(part)          # columns by name, values as text, distinct ones once

So a value is cleaned, checked and rejected by one code, whatever its file, and a CSV and a Parquet
file of the same rows become the same records. Each value becomes the shortest text that reads back
as the same value; null becomes the empty text, which is missing. The "line" of a record is its
number, from 1.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...schemas.errors import DataError
from ..runtime.checksums import BLOCK, CheckedFile, Checksums
from ..runtime.decompress import Digest, open_decompressed
from ..runtime.elements import ByteRange, FileFragment, InputFile, Reject, ScannedFile, TextBatch
from .arrow_text import NoText, text_column, text_problem

__all__ = ["is_parquet", "parse_parquet", "row_group_checksums", "scan_parquet"]

_LOG = logging.getLogger(__name__)

_CHUNK = 1 << 20
_TAIL_BYTES = 1 << 16
_MAGIC = re.compile(rb"PAR1(?:[\x00-\x08\x0b\x0c\x0e-\x1f]|\Z)")
_VALUE_BYTES = 8
"""The least that a value is counted for: encoded, a column can be much smaller than its text."""
_RAW_CHARACTERS = 10_000
_STRINGS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary)


def is_parquet(head: bytes) -> bool:
    """Whether a file that begins so is Parquet; a CSV may begin with the letters.

    >>> is_parquet(b"PAR1\\x15\\x04"), is_parquet(b"PAR1,PAR2")
    (True, False)
    """
    return _MAGIC.match(head) is not None


def scan_parquet(file: InputFile, *, column_names: Sequence[str], block_bytes: int) -> ScannedFile:
    """Digests a file, and counts its records by what the footer says of its row groups.

    Args:
      file: The file.
      column_names: The columns to read, in any order; others are left alone.
      block_bytes: The size, in bytes of text, that a stretch is near to; it stays in one row
        group.

    Raises:
      DataError: The file cannot be read, is truncated or damaged, has no column of one of the
        names, or has several, or one whose values have no text, such as lists.
    """
    with Digest(open_decompressed(file.path)) as digest:
        while digest.read(_CHUNK):
            pass
        size, sha256, checksums = digest.size, digest.sha256(), digest.checksums()
    with _opened(file.path, checksums) as parquet:
        _check_columns(parquet.schema_arrow, column_names, path=file.path)
        stretches = tuple(_stretches(parquet.metadata, column_names, block_bytes))
        records = parquet.metadata.num_rows
    if sum(stretch.records for stretch in stretches) != records:
        raise DataError(
            f"{file.path}: the footer says {records:,} records, and its row groups "
            f"{sum(stretch.records for stretch in stretches):,}: the file is damaged"
        )
    if not records:
        _LOG.warning("%s: the file has no records", file.path)
    return ScannedFile(file, "", size, sha256, records, 0, 0, stretches, checksums, "parquet")


def row_group_checksums(scanned: ScannedFile, stretch: ByteRange) -> Checksums:
    """Return the checksums of the bytes that are read for a row group: its own, and the footer's.

    Readers take a little more of both: pyarrow the last 64 kB of a file, and after a column some
    bytes that old writers did not count.
    """
    begin, end = stretch.stored
    last = max(other.stored[1] for other in scanned.stretches)
    tail = min(last, scanned.size - _TAIL_BYTES)
    size = scanned.size
    return scanned.checksums.of([(begin - BLOCK, end + BLOCK), (tail - BLOCK, size)])


@contextmanager
def _opened(
    path: str, checksums: Checksums, dictionaries: Sequence[str] = ()
) -> Iterator[pq.ParquetFile]:
    """A file whose footer is whole; what is wrong with it, there or later, as a DataError."""
    with CheckedFile(open_decompressed(path), checksums, path=path) as stored:
        try:
            yield pq.ParquetFile(
                stored,
                read_dictionary=list(dictionaries),
                buffer_size=_CHUNK,
                pre_buffer=False,  # which would hold a row group
                page_checksum_verification=True,
            )
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{path}: is not a complete Parquet file ({str(error).strip()}). Copy it again."
            ) from error


def _check_columns(schema: pa.Schema, column_names: Sequence[str], *, path: str) -> None:
    """Raise DataError where columns are missing, twice there, or without a text."""
    problems = []
    for name in column_names:
        times = schema.names.count(name)
        if times == 0:
            near = get_close_matches(name, schema.names, n=1)
            hint = f' (did you mean "{near[0]}"?)' if near else ""
            problems.append(f'no column "{name}"{hint}')
        elif times > 1:
            problems.append(f'{times} columns "{name}"')
        elif problem := text_problem(schema.field(name).type):
            problems.append(f'column "{name}": {problem}')
    if problems:
        raise DataError(
            f"{path}: {'; '.join(problems)}. The file has the columns {', '.join(schema.names)}"
        )


def _stretches(
    metadata: pq.FileMetaData, column_names: Sequence[str], block_bytes: int
) -> Iterator[ByteRange]:
    """Run of records, each in one row group."""
    index = offset = 0
    for row_group in range(metadata.num_row_groups):
        group = metadata.row_group(row_group)
        rows, size, stored = group.num_rows, _size(group, column_names), _stored(group)
        most = max(1, block_bytes * rows // max(size, 1))
        for begin in range(0, rows, most):
            records = min(most, rows - begin)
            yield ByteRange(
                index=index,
                offset=offset,
                size=size * records // rows,
                line=offset + 1,
                lines=records,
                records=records,
                row_group=row_group,
                stored=stored,
            )
            index, offset = index + 1, offset + records


def _stored(group: pq.RowGroupMetaData) -> tuple[int, int]:
    """Return where the columns of a row group begin and end in the file; (0, 0) for no column."""
    begins, ends = [], []
    for column in map(group.column, range(group.num_columns)):
        offsets = (column.dictionary_page_offset, column.data_page_offset)
        begins.append(min(offset for offset in offsets if offset))
        ends.append(begins[-1] + column.total_compressed_size)
    return min(begins, default=0), max(ends, default=0)


def _size(group: pq.RowGroupMetaData, column_names: Sequence[str]) -> int:
    """The bytes of the columns of a row group, decompressed, or about those of their text."""
    columns = map(group.column, range(group.num_columns))
    read = [column for column in columns if column.path_in_schema in column_names]
    return sum(max(c.total_uncompressed_size, _VALUE_BYTES * group.num_rows) for c in read)


def parse_parquet(
    part: FileFragment, *, column_names: Sequence[str], max_field_bytes: int
) -> Iterator[TextBatch]:
    """The blocks of the stretches of one row group, in order, one at a time in memory.

    Args:
      part: As the scan cut it.
      column_names: The columns to read, in the order of the schema.
      max_field_bytes: The longest good text, in bytes.

    Returns:
      Every record as a row or as a `Reject` with one of the reasons "nul_byte", "invalid_utf8"
      and "field_too_long", as of CSV.

    Raises:
      DataError: The file is damaged, or not the one that was scanned.
    """
    path = part.file.path
    with _opened(path, part.checksums) as plain:
        schema = plain.schema_arrow
    strings = [name for name in column_names if _is_string(schema.field(name).type)]
    with _opened(path, part.checksums, strings) as parquet:
        batches = parquet.iter_batches(
            max(stretch.records for stretch in part.stretches),
            row_groups=[part.stretches[0].row_group],
            columns=list(column_names),
            use_threads=False,
        )
        tables = _cut(batches, [stretch.records for stretch in part.stretches], path)
        for stretch, table in zip(part.stretches, tables, strict=True):
            yield _block(table, stretch, part.file, column_names, max_field_bytes)


def _is_string(kind: pa.DataType) -> bool:
    return any(is_one(kind) for is_one in _STRINGS)


def _cut(batches: Iterable[pa.RecordBatch], sizes: Sequence[int], path: str) -> Iterator[pa.Table]:
    """The rows of batches, in tables of these sizes."""
    held: list[pa.RecordBatch] = []
    have, rest = 0, iter(batches)
    for size in sizes:
        while have < size and (batch := next(rest, None)) is not None:
            held.append(batch)
            have += batch.num_rows
        if have < size:
            raise _changed(path)
        table = pa.Table.from_batches(held)
        yield table.slice(0, size)
        held, have = table.slice(size).to_batches(), have - size
    if have or next(rest, None) is not None:
        raise _changed(path)


def _changed(path: str) -> DataError:
    return DataError(
        f"{path}: a row group has not the records that the scan counted by the footer. The file "
        "changed while it was read, or it is damaged."
    )


def _block(
    table: pa.Table,
    stretch: ByteRange,
    file: InputFile,
    column_names: Sequence[str],
    max_field_bytes: int,
) -> TextBatch:
    """The block of the rows of one stretch."""
    columns = []
    for name in column_names:
        try:
            columns.append(text_column(table.column(name)))
        except NoText as error:
            raise DataError(f'{file.path}: column "{name}": {error}') from error
    batch = pa.RecordBatch.from_arrays(columns, list(column_names))
    problems = _problems(batch, max_field_bytes)
    raw = _Raw(batch, np.arange(batch.num_rows))
    if not problems:
        rows, good = raw.rows, batch
    else:
        rows = np.delete(raw.rows, list(problems))
        good = batch.take(pa.array(rows))
        good = pa.RecordBatch.from_arrays(
            [column.dictionary_decode().dictionary_encode() for column in good.columns],
            list(column_names),
        )
    return TextBatch(
        split=file.split,
        file=file.path,
        position=(file.index, stretch.index),
        batch=good,
        lines=stretch.line + rows,
        raw=_Raw(batch, rows),
        records=stretch.records,
        size=stretch.size,
        rejects=tuple(
            Reject(file.path, stretch.line + row, name, reason, message, raw(row))
            for row, (name, reason, message) in sorted(problems.items())
        ),
    )


def _problems(batch: pa.RecordBatch, max_field_bytes: int) -> dict[int, tuple[str, str, str]]:
    """The rows with a text that is none, and of the first such: column, reason, message."""
    problems: dict[int, tuple[str, str, str]] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        bad = _bad_texts(column.dictionary, max_field_bytes)
        if bad:
            indices = np.asarray(column.indices)
            for row in np.flatnonzero(np.isin(indices, list(bad))).tolist():
                problems.setdefault(row, (name, *bad[int(indices[row])]))
    return problems


def _bad_texts(texts: pa.StringArray, max_field_bytes: int) -> dict[int, tuple[str, str]]:
    """Reason and message of each text that is none, by its place."""
    found: dict[int, tuple[str, str]] = {}
    sizes = pc.binary_length(texts).to_numpy()
    for place in np.flatnonzero(sizes > max_field_bytes).tolist():
        message = f"expected at most {max_field_bytes:,} bytes, got {sizes[place]:,}"
        found[place] = ("field_too_long", message)
    stored = texts.cast(pa.binary())
    if not _is_utf8(texts):
        for place, data in enumerate(stored.to_pylist()):
            try:
                data.decode()
            except UnicodeDecodeError as error:
                got = f"0x{data[error.start]:02x} at byte {error.start + 1} of the field"
                found[place] = ("invalid_utf8", f"expected UTF-8 text, got {got}")
    for place in np.flatnonzero(pc.find_substring(stored, b"\0").to_numpy() >= 0).tolist():
        found[place] = ("nul_byte", "expected text, got a NUL byte")
    return found


def _is_utf8(texts: pa.StringArray) -> bool:
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


@dataclass(frozen=True, eq=False)
class _Raw:
    """`TextBatch.raw`: row to the texts of its columns as JSON; picklable."""

    batch: pa.RecordBatch
    rows: npt.NDArray[np.int64]

    def __call__(self, row: int) -> str:
        place = int(self.rows[row])
        texts = {}
        for name, column in zip(self.batch.schema.names, self.batch.columns, strict=True):
            data = column.dictionary.cast(pa.binary())[column.indices[place].as_py()].as_py()
            texts[name] = data[: 4 * _RAW_CHARACTERS].decode("utf-8", "backslashreplace")
        return json.dumps(texts, ensure_ascii=False)[:_RAW_CHARACTERS]
