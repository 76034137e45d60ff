"""Read Parquet files as records of text, like CSV files: scan -> parse.

    scanned = scan_parquet(file)          # counts from the footer, byte ranges in row groups
    batches = parse_parquet(part)         # columns by name, values as text, distinct ones once

So the same code cleans, checks and rejects the values of either format, and a CSV and a Parquet
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

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...schemas.errors import DataError
from ...schemas.suggestions import nearest_name
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
"""Smallest size to assume for a value: an encoded column can be much smaller than its text."""

_RAW_CHARACTERS = 10_000
_STRINGS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary)


def is_parquet(head: bytes) -> bool:
    r"""Return whether a file begins like Parquet; a CSV may begin with the letters of its magic.

    >>> is_parquet(b"PAR1\x15\x04"), is_parquet(b"PAR1,PAR2")
    (True, False)
    """
    return _MAGIC.match(head) is not None


def scan_parquet(file: InputFile, *, column_names: Sequence[str], block_bytes: int) -> ScannedFile:
    """Digest a file, and count its records by the row groups of its footer.

    Args:
      file: File to scan.
      column_names: Columns to read, in any order; others are ignored.
      block_bytes: Approximate size of a byte range, in bytes of text; it never spans row groups.

    Raises:
      DataError: The file cannot be read, is truncated or damaged, lacks one of the columns or has
        several of that name, or the values of one have no text, such as lists.
    """
    with Digest(open_decompressed(file.path)) as digest:
        while digest.read(_CHUNK):
            pass
        size, sha256, checksums = digest.size, digest.sha256(), digest.checksums()
    with _opened(file.path, checksums) as parquet:
        _check_columns(parquet.schema_arrow, column_names, path=file.path)
        byte_ranges = tuple(_byte_ranges(parquet.metadata, column_names, block_bytes))
        records = parquet.metadata.num_rows
    if sum(byte_range.records for byte_range in byte_ranges) != records:
        raise DataError(
            f"{file.path}: the footer counts {records:,} records, and its row groups "
            f"{sum(byte_range.records for byte_range in byte_ranges):,}: the file is damaged"
        )
    if not records:
        _LOG.warning("%s: the file has no records", file.path)
    return ScannedFile(file, "", size, sha256, records, 0, 0, byte_ranges, checksums, "parquet")


def row_group_checksums(scanned: ScannedFile, byte_range: ByteRange) -> Checksums:
    """Return the checksums of the bytes read for a row group: those of its columns and the footer.

    Readers take a little more of both: pyarrow the last 64 kB of a file, and after a column some
    bytes that old writers did not count.
    """
    begin, end = byte_range.stored
    last = max(other.stored[1] for other in scanned.byte_ranges)
    tail = min(last, scanned.size - _TAIL_BYTES)
    size = scanned.size
    return scanned.checksums.of([(begin - BLOCK, end + BLOCK), (tail - BLOCK, size)])


@contextmanager
def _opened(
    path: str, checksums: Checksums, dictionaries: Sequence[str] = ()
) -> Iterator[pq.ParquetFile]:
    """Open a file; any error of Arrow, now or while reading, becomes a DataError."""
    with CheckedFile(open_decompressed(path), checksums, path=path) as stored:
        try:
            yield pq.ParquetFile(
                stored,
                read_dictionary=list(dictionaries),
                buffer_size=_CHUNK,
                pre_buffer=False,  # which would buffer a whole row group
                page_checksum_verification=True,
            )
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{path}: is not a complete Parquet file ({str(error).strip()}). Copy it again."
            ) from error


def _check_columns(schema: pa.Schema, column_names: Sequence[str], *, path: str) -> None:
    """Raise DataError for columns that are missing, occur twice, or have values without a text."""
    problems = []
    for name in column_names:
        times = schema.names.count(name)
        if times == 0:
            near = nearest_name(name, schema.names)
            hint = f' (did you mean "{near}"?)' if near else ""
            problems.append(f'no column "{name}"{hint}')
        elif times > 1:
            problems.append(f'{times} columns "{name}"')
        elif problem := text_problem(schema.field(name).type):
            problems.append(f'column "{name}": {problem}')
    if problems:
        raise DataError(
            f"{path}: {'; '.join(problems)}. The file has the columns {', '.join(schema.names)}"
        )


def _byte_ranges(
    metadata: pq.FileMetaData, column_names: Sequence[str], block_bytes: int
) -> Iterator[ByteRange]:
    """Yield byte ranges of about the same size, each in one row group."""
    index = offset = 0
    for row_group in range(metadata.num_row_groups):
        group = metadata.row_group(row_group)
        rows, size, stored = group.num_rows, _size(group, column_names), _stored(group)
        limit = max(1, block_bytes * rows // max(size, 1))
        for begin in range(0, rows, limit):
            records = min(limit, rows - begin)
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
    """Return the range of a row group's columns in the file, in bytes; (0, 0) without columns."""
    begins, ends = [], []
    for column in map(group.column, range(group.num_columns)):
        offsets = (column.dictionary_page_offset, column.data_page_offset)
        begins.append(min(offset for offset in offsets if offset))
        ends.append(begins[-1] + column.total_compressed_size)
    return min(begins, default=0), max(ends, default=0)


def _size(group: pq.RowGroupMetaData, column_names: Sequence[str]) -> int:
    """Estimate the bytes of text of a row group; at least its columns' decompressed size."""
    columns = map(group.column, range(group.num_columns))
    read = [column for column in columns if column.path_in_schema in column_names]
    return sum(max(c.total_uncompressed_size, _VALUE_BYTES * group.num_rows) for c in read)


def parse_parquet(
    part: FileFragment, *, column_names: Sequence[str], max_field_bytes: int
) -> Iterator[TextBatch]:
    """Yield the batches of one row group in order, one byte range at a time in memory.

    Args:
      part: File fragment as the scan cut it.
      column_names: Columns to read, in the order of the schema.
      max_field_bytes: Largest size of a good text, in bytes.

    Yields:
      Every record as a row or as a `Reject` with one of the reasons "nul_byte", "invalid_utf8"
      and "field_too_long", as for CSV.

    Raises:
      DataError: The file is damaged, or has changed since it was scanned.
    """
    path = part.file.path
    with _opened(path, part.checksums) as plain:
        schema = plain.schema_arrow
    # Strings are read as dictionaries, as most writers store them: the schema says which they are.
    strings = [name for name in column_names if _is_string(schema.field(name).type)]
    with _opened(path, part.checksums, strings) as parquet:
        batches = parquet.iter_batches(
            max(byte_range.records for byte_range in part.byte_ranges),
            row_groups=[part.byte_ranges[0].row_group],
            columns=list(column_names),
            use_threads=False,
        )
        tables = _slices(batches, [byte_range.records for byte_range in part.byte_ranges], path)
        for byte_range, table in zip(part.byte_ranges, tables, strict=True):
            yield _text_batch(table, byte_range, part.file, column_names, max_field_bytes)


def _is_string(kind: pa.DataType) -> bool:
    return any(is_type(kind) for is_type in _STRINGS)


def _slices(
    batches: Iterable[pa.RecordBatch], sizes: Sequence[int], path: str
) -> Iterator[pa.Table]:
    """Yield the rows of batches in tables of the given sizes: pyarrow may give smaller batches."""
    pending: list[pa.RecordBatch] = []
    rows, rest = 0, iter(batches)
    for size in sizes:
        while rows < size and (batch := next(rest, None)) is not None:
            pending.append(batch)
            rows += batch.num_rows
        if rows < size:
            raise _changed(path)
        table = pa.Table.from_batches(pending)
        yield table.slice(0, size)
        pending, rows = table.slice(size).to_batches(), rows - size
    if rows or next(rest, None) is not None:
        raise _changed(path)


def _changed(path: str) -> DataError:
    return DataError(
        f"{path}: a row group has more or fewer records than the footer says. The file changed "
        "while it was read, or it is damaged."
    )


def _text_batch(
    table: pa.Table,
    byte_range: ByteRange,
    file: InputFile,
    column_names: Sequence[str],
    max_field_bytes: int,
) -> TextBatch:
    """Convert the rows of one byte range to text, and reject those with bad texts."""
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
        good = pa.RecordBatch.from_arrays(  # whose dictionaries have no bad texts
            [column.dictionary_decode().dictionary_encode() for column in good.columns],
            list(column_names),
        )
    return TextBatch(
        split=file.split,
        file=file.path,
        position=(file.index, byte_range.index),
        batch=good,
        lines=byte_range.line + rows,
        raw=_Raw(batch, rows),
        records=byte_range.records,
        size=byte_range.size,
        rejects=tuple(
            Reject(file.path, byte_range.line + row, name, reason, message, raw(row))
            for row, (name, reason, message) in sorted(problems.items())
        ),
    )


def _problems(batch: pa.RecordBatch, max_field_bytes: int) -> dict[int, tuple[str, str, str]]:
    """Return the rows with bad texts, with column, reason and message of the first of them."""
    problems: dict[int, tuple[str, str, str]] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        bad = _bad_texts(column.dictionary, max_field_bytes)
        if bad:
            indices = np.asarray(column.indices)
            for row in np.flatnonzero(np.isin(indices, list(bad))).tolist():
                problems.setdefault(row, (name, *bad[int(indices[row])]))
    return problems


def _bad_texts(texts: pa.StringArray, max_field_bytes: int) -> dict[int, tuple[str, str]]:
    """Return reason and message of each bad text, by its index."""
    problems: dict[int, tuple[str, str]] = {}
    sizes = pc.binary_length(texts).to_numpy()
    for index in np.flatnonzero(sizes > max_field_bytes).tolist():
        message = f"expected at most {max_field_bytes:,} bytes, got {sizes[index]:,}"
        problems[index] = ("field_too_long", message)
    stored = texts.cast(pa.binary())
    if not _is_utf8(texts):
        for index, data in enumerate(stored.to_pylist()):
            try:
                data.decode()
            except UnicodeDecodeError as error:
                got = f"0x{data[error.start]:02x} at byte {error.start + 1} of the field"
                problems[index] = ("invalid_utf8", f"expected UTF-8 text, got {got}")
    for index in np.flatnonzero(pc.find_substring(stored, b"\0").to_numpy() >= 0).tolist():
        problems[index] = ("nul_byte", "expected text, got a NUL byte")
    return problems


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
        index = int(self.rows[row])
        texts = {}
        for name, column in zip(self.batch.schema.names, self.batch.columns, strict=True):
            data = column.dictionary.cast(pa.binary())[column.indices[index].as_py()].as_py()
            texts[name] = data[: 4 * _RAW_CHARACTERS].decode("utf-8", "backslashreplace")
        return json.dumps(texts, ensure_ascii=False)[:_RAW_CHARACTERS]
