"""Scan an input file once, sequentially, before anything is parsed.

The scan digests the stored bytes, counts the records independently of the parser, checks the
header, and cuts the text into byte ranges at record ends, so that any worker can parse any of them.
Parquet files are scanned by their footer: see `parquet`.
"""

from __future__ import annotations

import io
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv

from ...schemas.errors import DataError
from ..config.csv_format import MAX_RECORD_BYTES, CsvFormat
from ..runtime.checksums import Checksums
from ..runtime.decompress import Digest, detect_compression, open_decompressed, open_text
from ..runtime.elements import ByteRange, FileFragment, InputFile, ScannedFile
from .csv_boundaries import BYTE_ORDER_MARK, Mask, RecordBoundaries, find_record_boundaries
from .parquet import is_parquet, row_group_checksums, scan_parquet
from .text_encoding import encoding_advice

__all__ = ["check_is_text", "file_fragments", "scan"]

_LOG = logging.getLogger(__name__)

_CHUNK = 1 << 18

_OTHER_FORMATS = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"PK\x03\x04": "zip (or Excel)",
    b"\xfd7zX": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PAR1\x15": "compressed Parquet",
    b"ARROW1": "Arrow IPC (Feather)",
}
"""First bytes of files that are not CSV, and their names for messages."""


def file_fragments(scanned: ScannedFile) -> Iterator[FileFragment]:
    """Yield the fragments of a scanned file that can be parsed independently, if it has records.

    A row group is one fragment, and so is a compressed CSV, in which no reader can seek: all of its
    byte ranges have the row group 0. Else each byte range is one.
    """
    by_row_group = scanned.compression or scanned.format == "parquet"
    key = attrgetter("row_group" if by_row_group else "index")
    for _, group in groupby(scanned.byte_ranges, key):
        byte_ranges = tuple(group)
        checksums = _checksums(scanned, byte_ranges)
        yield FileFragment(
            scanned.file, scanned.compression, byte_ranges, checksums, scanned.format
        )


def _checksums(scanned: ScannedFile, byte_ranges: Sequence[ByteRange]) -> Checksums:
    """Return the checksums of the stored bytes of byte ranges."""
    if scanned.format == "parquet":
        return row_group_checksums(scanned, byte_ranges[0])
    if scanned.compression:
        return scanned.checksums
    return scanned.checksums.of((each.offset, each.offset + each.size) for each in byte_ranges)


def scan(
    file: InputFile, *, column_names: Sequence[str], csv_format: CsvFormat, block_bytes: int
) -> ScannedFile:
    """Read a file once, from beginning to end, in bounded memory.

    Args:
      file: File to scan.
      column_names: Names that the header must have, in this order.
      csv_format: Format of the file.
      block_bytes: Size of a byte range, which ends with the record that reaches it.

    Raises:
      DataError: The file cannot be read or is empty, its first bytes are not UTF-8 text, its
        compression is damaged or not the one of its name, its header names other columns, a quote
        is never closed, or a record is longer than `MAX_RECORD_BYTES`.
    """
    with Digest(open_decompressed(file.path)) as digest:
        stored = io.BufferedReader(digest, _CHUNK)
        if is_parquet(stored.peek(16)):
            return scan_parquet(file, column_names=column_names, block_bytes=block_bytes)
        compression = detect_compression(stored.peek(16), path=file.path)
        text = open_text(cast(BinaryIO, stored), path=file.path, compression=compression)
        tally = _Tally(file.path, tuple(column_names), csv_format, block_bytes)
        tally.read(text)
        if not tally.records:
            _LOG.warning("%s: the file has no records", file.path)
        return ScannedFile(
            file=file,
            compression=compression,
            size=digest.size,
            sha256=digest.sha256(),
            records=tally.records,
            blank_lines=tally.blank_lines,
            comment_lines=tally.comment_lines,
            byte_ranges=tuple(tally.byte_ranges),
            checksums=digest.checksums(),
        )


def check_is_text(head: bytes, *, path: str) -> None:
    """Raise DataError for the first bytes of another kind of file."""
    for magic, name in _OTHER_FORMATS.items():
        if head.startswith(magic):
            raise DataError(
                f"{path}: expected CSV text in UTF-8, plain or compressed with gzip or bzip2; got "
                f"{name} data. Convert the file."
            )


class _Tally:
    """Counts and byte ranges of a text that is read in pieces.

    A quoted line end may lie in any piece, so the bytes after the last complete unit are carried
    over and examined again with the next piece, which is as long: a long record costs a multiple of
    its length, not its square.
    """

    def __init__(
        self, path: str, column_names: tuple[str, ...], csv_format: CsvFormat, block_bytes: int
    ) -> None:
        self._path = path
        self._column_names = column_names
        self._format = csv_format
        self._block_bytes = block_bytes
        self._awaits_header = csv_format.header
        self._offset, self._line = 0, 1
        self._begin_range(0, 1)
        self.records = self.blank_lines = self.comment_lines = 0
        self.byte_ranges: list[ByteRange] = []

    def read(self, text: BinaryIO) -> None:
        """Read a text to its end, in pieces that may end anywhere."""
        carry = self._after_mark(text.read(8))
        while piece := text.read(max(_CHUNK, len(carry))):
            carry = self._add(carry + piece, final=False)
        self._add(carry, final=True)
        self._end_range(self._offset, self._line)
        if self._awaits_header:
            raise DataError(
                f"{self._path}: there is no header: expected one that names "
                f"{','.join(self._column_names)}"
            )

    def _after_mark(self, head: bytes) -> bytes:
        """Check the first bytes of the text, and return them without a byte order mark."""
        check_is_text(head, path=self._path)
        if head.startswith(BYTE_ORDER_MARK):
            self._offset, head = len(BYTE_ORDER_MARK), head[len(BYTE_ORDER_MARK) :]
            self._begin_range(self._offset, 1)
        if not head:
            raise DataError(f"{self._path}: the file has no text: expected CSV")
        return head

    def _add(self, data: bytes, *, final: bool) -> bytes:
        """Count and cut the complete units of `data`; return the rest."""
        boundaries = find_record_boundaries(data, self._format, final=final)
        self._check(boundaries, data, final=final)
        is_record, first = boundaries.is_record, 0
        if self._awaits_header:
            first = self._skip_header(boundaries, data)
            is_record[:first] = False
        self.records += int(np.count_nonzero(is_record))
        self.blank_lines += int(np.count_nonzero(boundaries.blank))
        self.comment_lines += int(np.count_nonzero(boundaries.comment))
        self._cut(boundaries, is_record, first)
        self._offset += boundaries.size
        self._line += int(boundaries.lines[-1])
        return data[boundaries.size :]

    def _check(self, boundaries: RecordBoundaries, data: bytes, *, final: bool) -> None:
        """Raise DataError for an open quote at the end, and for a record beyond the limit."""
        if final and boundaries.open_line is not None:
            raise DataError(
                f"{self._path}:{self._line + boundaries.open_line}: the quote that opens here is "
                'never closed. Close it, or set quote to "" if the file does not quote its fields.'
            )
        if len(data) <= MAX_RECORD_BYTES:
            return
        sizes = np.diff(boundaries.bounds, append=len(data))
        if sizes.max() > MAX_RECORD_BYTES:
            line = self._line + int(boundaries.lines[np.argmax(sizes)])
            raise DataError(
                f"{self._path}:{line}: the record that begins here is longer than "
                f"{MAX_RECORD_BYTES:,} bytes. Is a closing quote missing?"
            )

    def _skip_header(self, boundaries: RecordBoundaries, data: bytes) -> int:
        """Check the header if it is in these units; return the number of units up to its end."""
        is_record = boundaries.is_record
        if not is_record.any():
            return len(is_record)
        unit = int(np.argmax(is_record))
        begin, end = boundaries.bounds[unit : unit + 2].tolist()
        location = f"{self._path}:{self._line + int(boundaries.lines[unit])}"
        _check_header(data[begin:end], self._column_names, self._format, location=location)
        self._awaits_header = False
        self._begin_range(self._offset + end, self._line + int(boundaries.lines[unit + 1]))
        return unit + 1

    def _cut(self, boundaries: RecordBoundaries, is_record: Mask, unit: int) -> None:
        """End a byte range with each unit, from `unit` on, that fills it."""
        ends = self._offset + boundaries.bounds[1:]
        while unit < len(is_record):
            last = int(np.searchsorted(ends, self._start + self._block_bytes))  # fills it
            until = min(last + 1, len(is_record))
            self._range_records += int(np.count_nonzero(is_record[unit:until]))
            if last < len(is_record):
                self._end_range(int(ends[last]), self._line + int(boundaries.lines[until]))
            unit = until

    def _begin_range(self, offset: int, line: int) -> None:
        self._start, self._start_line, self._range_records = offset, line, 0

    def _end_range(self, offset: int, line: int) -> None:
        """Add the byte range that ends here, if it has a record, and begin the next."""
        if self._range_records:
            self.byte_ranges.append(
                ByteRange(
                    index=len(self.byte_ranges),
                    offset=self._start,
                    size=offset - self._start,
                    line=self._start_line,
                    lines=line - self._start_line,
                    records=self._range_records,
                )
            )
        self._begin_range(offset, line)


def _check_header(
    record: bytes, expected: tuple[str, ...], csv_format: CsvFormat, *, location: str
) -> None:
    """Raise DataError where a header does not name the expected columns in their order.

    A column without a name is called by its number, "column_3".
    """
    try:
        record.decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{location}: the header is not UTF-8 text: {error}. {encoding_advice(record)}"
        ) from error
    table = pyarrow.csv.read_csv(
        pa.BufferReader(record + b"\n"),
        read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=len(record) + 2),
        parse_options=csv_format.parse_options(),
    )
    got = [name.strip() or f"column_{i}" for i, name in enumerate(table.column_names, 1)]
    if got != list(expected):
        raise DataError(
            f"{location}: the header does not name the columns of the schema in their order: "
            f"{_difference(expected, got)}; expected {','.join(expected)}; got {','.join(got)}"
        )


def _difference(expected: Sequence[str], got: Sequence[str]) -> str:
    """Describe the difference between two lists of names."""
    differences = {
        "missing": [name for name in expected if name not in got],
        "unexpected": [name for name in got if name not in expected],
        "repeated": [name for name, times in Counter(got).items() if times > 1],
    }
    texts = [f"{title} {', '.join(names)}" for title, names in differences.items() if names]
    return "; ".join(texts) or "they are in another order"
