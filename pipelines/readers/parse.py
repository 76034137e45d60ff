"""Parse byte ranges of CSV files to `TextBatch`s; Parquet files are passed on to `parquet`.

A clean byte range is one call of `pyarrow.csv`. Bad records are detected by cheap tests - of all
bytes at once, by the parser's handler of invalid rows, by the length of values - and only then
located by line, so that a few bad records cost little.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ...schemas.errors import DataError
from ..config.csv_format import CsvFormat
from ..runtime.checksums import CheckedFile
from ..runtime.decompress import open_decompressed, open_text
from ..runtime.elements import ByteRange, FileFragment, InputFile, Reject, TextBatch
from .csv_boundaries import (
    BYTE_ORDER_MARK,
    Mask,
    Positions,
    RecordBoundaries,
    find_record_boundaries,
)
from .parquet import parse_parquet

__all__ = ["parse_byte_range", "parse_fragment"]

_TEXT = pa.dictionary(pa.int32(), pa.string())
_RAW_CHARACTERS = 10_000


def parse_fragment(
    fragment: FileFragment, *, column_names: Sequence[str], csv_format: CsvFormat
) -> Iterator[TextBatch]:
    """Yield the batches of a file fragment in order, one byte range at a time in memory.

    Raises:
      DataError: The file has changed since it was scanned.
    """
    if fragment.format == "parquet":
        yield from parse_parquet(
            fragment, column_names=column_names, max_field_bytes=csv_format.max_field_bytes
        )
        return
    path = fragment.file.path
    with CheckedFile(open_decompressed(path), fragment.checksums, path=path) as stored:
        text = open_text(cast(BinaryIO, stored), path=path, compression=fragment.compression)
        position = 0
        for byte_range in fragment.byte_ranges:
            if fragment.compression:
                _skip(text, byte_range.offset - position)
            else:
                text.seek(byte_range.offset)
            position = byte_range.offset + byte_range.size
            yield parse_byte_range(
                text.read(byte_range.size),
                byte_range,
                file=fragment.file,
                column_names=column_names,
                csv_format=csv_format,
            )
        if fragment.compression:
            _skip(text, sys.maxsize)  # so that the checksum covers every byte


def parse_byte_range(
    data: bytes,
    byte_range: ByteRange,
    *,
    file: InputFile,
    column_names: Sequence[str],
    csv_format: CsvFormat,
) -> TextBatch:
    """Parse one byte range.

    Args:
      data: Text of the byte range, `byte_range.size` bytes.
      byte_range: Byte range as the scan cut it.
      file: File that the byte range is from.
      column_names: Names of the fields of a record, in order.
      csv_format: Format of the file.

    Returns:
      Every record of the byte range, as a row or as a `Reject` with one of the reasons "nul_byte",
      "invalid_utf8", "misplaced_quote", "too_few_fields", "too_many_fields" and "field_too_long".

    Raises:
      DataError: Rows and rejects together are not as many as the records that the scan counted.
    """
    text = _Text(data, csv_format)
    # As many lines as records: no blank line, comment or quoted line end, so line i is record i
    # and the boundaries need not be found again.
    plain = byte_range.lines == byte_range.records
    problems = _screen(text, plain=plain)
    records = byte_range.records if plain and not problems else len(text.units)
    parsed = np.delete(np.arange(records), list(problems))
    parse_all = not problems and (plain or not text.boundaries.comment.any())
    batch, ragged = _read_csv(data if parse_all else text.joined(parsed), column_names, csv_format)
    _check_count(batch.num_rows + len(ragged) + len(problems), len(data), byte_range, file)
    rows = np.delete(parsed, list(ragged))
    for index, fields in ragged.items():
        problems[int(parsed[index])] = _ragged(len(column_names), fields)
    batch, rows = _without_long(batch, rows, csv_format.max_field_bytes, problems)
    return TextBatch(
        split=file.split,
        file=file.path,
        position=(file.index, byte_range.index),
        batch=batch,
        lines=byte_range.line + (rows if plain else text.boundaries.lines[text.units[rows]]),
        raw=_Raw(text, rows),
        records=byte_range.records,
        size=byte_range.size,
        rejects=text.rejects(problems, file=file.path, first_line=byte_range.line),
    )


@dataclass(frozen=True)
class _Problem:
    """Reason for rejecting a record."""

    reason: str
    message: str
    column: str | None = None


@dataclass(frozen=True, eq=False)
class _Text:
    """Text of a byte range; the boundaries of its records are found on first use."""

    data: bytes
    csv_format: CsvFormat

    @cached_property
    def boundaries(self) -> RecordBoundaries:
        """Boundaries of the records."""
        return find_record_boundaries(self.data, self.csv_format, final=True)

    @cached_property
    def units(self) -> Positions:
        """Index of each record among the units, which blank lines and comments are too."""
        return np.flatnonzero(self.boundaries.is_record)

    def records_of(self, units: Positions) -> list[int]:
        """Return the records among units, in order."""
        return np.flatnonzero(np.isin(self.units, units)).tolist()

    def records_at(self, mask: Mask) -> list[int]:
        """Return the records with a marked byte, in order; the mask is over the bytes."""
        bounds = self.boundaries.bounds
        units = np.searchsorted(bounds, np.flatnonzero(mask), side="right") - 1
        return self.records_of(np.unique(units))

    def record(self, record: int) -> bytes:
        """Return the bytes of a record, without its line end."""
        unit = self.units[record]
        begin, end = self.boundaries.bounds[unit : unit + 2]
        return self.data[begin:end].rstrip(b"\r\n")

    def raw(self, record: int) -> str:
        """Return the text of a record for a `Reject`."""
        data = self.record(record)[: 4 * _RAW_CHARACTERS]  # a character has at most 4 bytes
        return data.decode("utf-8", "backslashreplace")[:_RAW_CHARACTERS]

    def joined(self, records: Positions) -> bytes:
        """Join the bytes of records, in order; runs of neighbours are copied at once."""
        bounds = self.boundaries.bounds
        selected = np.zeros(len(bounds) + 1, np.int8)  # with an unselected unit at either end
        selected[1 + self.units[records]] = 1
        steps = np.diff(selected)
        begins = bounds[np.flatnonzero(steps == 1)].tolist()
        ends = bounds[np.flatnonzero(steps == -1)].tolist()
        view = memoryview(self.data)
        return b"".join(view[begin:end] for begin, end in zip(begins, ends, strict=True))

    def rejects(
        self, problems: Mapping[int, _Problem], *, file: str, first_line: int
    ) -> tuple[Reject, ...]:
        """Return the `Reject` of each problem, in the order of the records."""
        return tuple(
            self._reject(record, problems[record], file=file, first_line=first_line)
            for record in sorted(problems)
        )

    def _reject(self, record: int, problem: _Problem, *, file: str, first_line: int) -> Reject:
        """Return the `Reject` of a record, with the lines that it spans."""
        unit = self.units[record]
        first, after = (first_line + self.boundaries.lines[unit : unit + 2]).tolist()
        spans = f" in lines {first} to {after - 1}: is a quote missing?"
        return Reject(
            file=file,
            line=first,
            column=problem.column,
            reason=problem.reason,
            message=problem.message + (spans if after - first > 1 else ""),
            raw=self.raw(record),
        )


@dataclass(frozen=True)
class _Raw:
    """`TextBatch.raw`: row to text; picklable."""

    text: _Text
    rows: npt.NDArray[np.int64]

    def __call__(self, row: int) -> str:
        return self.text.raw(int(self.rows[row]))


def _screen(text: _Text, *, plain: bool) -> dict[int, _Problem]:
    """Find the records that must not reach the parser, by index.

    `pyarrow.csv` would take NUL bytes and, unchecked, invalid UTF-8 for text.

    Args:
      text: Text of the byte range.
      plain: Whether every line is a record.
    """
    problems: dict[int, _Problem] = {}
    view = np.frombuffer(text.data, np.uint8)
    if b"\0" in text.data:
        for record in text.records_at(view == 0):
            problems[record] = _Problem("nul_byte", "expected text, got a NUL byte")
    if not _is_utf8(text.data):
        for record in text.records_at(view >= 0x80):
            if problem := _undecodable(text.record(record)):
                problems.setdefault(record, problem)
    if not plain:
        for record in text.records_of(text.boundaries.misplaced):
            problem = _Problem(
                "misplaced_quote", "a quoted field continues after its closing quote"
            )
            problems.setdefault(record, problem)
    return problems


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    offsets = pa.py_buffer(np.array([0, len(data)], np.int64))
    try:
        pa.LargeStringArray.from_buffers(1, offsets, pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _undecodable(record: bytes) -> _Problem | None:
    try:
        record.decode()
    except UnicodeDecodeError as error:
        got = f"0x{record[error.start]:02x} at byte {error.start + 1} of the record"
        return _Problem("invalid_utf8", f"expected UTF-8 text, got {got}")
    return None


def _ragged(expected: int, got: int) -> _Problem:
    reason = "too_few_fields" if got < expected else "too_many_fields"
    return _Problem(reason, f"expected {expected} fields, got {got}")


def _read_csv(
    data: bytes, column_names: Sequence[str], csv_format: CsvFormat
) -> tuple[pa.RecordBatch, dict[int, int]]:
    """Parse records to rows; return the number of fields of each ragged record by its index."""
    schema = pa.schema([(name, _TEXT) for name in column_names])
    ragged: dict[int, int] = {}

    def note(row: pyarrow.csv.InvalidRow) -> str:
        ragged[row.number - 1] = row.actual_columns
        return "skip"

    if not data:
        return pa.RecordBatch.from_pylist([], schema=schema), ragged
    if data.startswith(BYTE_ORDER_MARK):
        data = b"\n" + data  # in the middle of a file it is text, but pyarrow would drop it
    table = pyarrow.csv.read_csv(
        pa.BufferReader(data),
        read_options=pyarrow.csv.ReadOptions(
            column_names=list(column_names), use_threads=False, block_size=len(data) + 1
        ),
        parse_options=csv_format.parse_options(invalid_row_handler=note),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=schema,
            check_utf8=False,  # all bytes were checked at once, which is faster
        ),
    )
    batches = table.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=schema), ragged


def _check_count(parsed: int, size: int, byte_range: ByteRange, file: InputFile) -> None:
    if (parsed, size) != (byte_range.records, byte_range.size):
        raise DataError(
            f"{file.path}:{byte_range.line}: the scan counted {byte_range.records:,} records in "
            f"{byte_range.size:,} bytes from here, and the parser {parsed:,} in {size:,}. This is "
            "a bug in recordmill."
        )


def _without_long(
    batch: pa.RecordBatch,
    rows: Positions,
    max_field_bytes: int,
    problems: dict[int, _Problem],
) -> tuple[pa.RecordBatch, Positions]:
    """Drop the rows with too long a field, and add them to the problems."""
    is_good = np.ones(len(rows), np.bool_)
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        sizes = pc.binary_length(column.dictionary).to_numpy()
        if not len(sizes) or sizes.max() <= max_field_bytes:
            continue
        row_sizes = sizes[column.indices.to_numpy()]
        for row in np.flatnonzero(row_sizes > max_field_bytes):
            message = f"expected at most {max_field_bytes:,} bytes, got {row_sizes[row]:,}"
            problems.setdefault(int(rows[row]), _Problem("field_too_long", message, name))
            is_good[row] = False
    if is_good.all():
        return batch, rows
    good = batch.filter(pa.array(is_good))
    columns = [column.dictionary_decode().dictionary_encode() for column in good.columns]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema), rows[is_good]


def _skip(text: BinaryIO, size: int) -> None:
    while size > 0 and (skipped := len(text.read(min(size, io.DEFAULT_BUFFER_SIZE)))):
        size -= skipped
