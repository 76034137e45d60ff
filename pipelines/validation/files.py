"""Readers for files that may not match their schema: CSV, Parquet and JSON lines to text blocks.

The header of a file names its columns, so columns of a schema can be missing, new or in another
order. Without a header, the columns have the names of the schema, in its order. In JSON lines, each
line is an object: a row or a request; keys that it lacks are missing values. Requests spell columns
as the schema or a serving signature does, see `RequestNames`.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ...schemas.errors import DataError
from ...schemas.request_names import RequestNames
from ..config.csv_format import MAX_RECORD_BYTES, CsvFormat
from ..readers.csv_boundaries import BYTE_ORDER_MARK, find_record_boundaries
from ..readers.csv_stages import BLOCK_BYTES
from ..readers.parquet import is_parquet
from ..readers.parse import parse_fragment
from ..readers.scan import file_fragments, scan
from ..runtime.decompress import detect_compression, open_decompressed, open_text
from ..runtime.elements import FileFragment, InputFile, Reject, TextBatch

__all__ = ["Portion", "blocks", "is_json_lines", "names_of", "portions"]

_HEAD_BYTES = 1 << 20
_LINES = 1 << 15
_RAW_CHARACTERS = 10_000
_JSON_LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")


@dataclass(frozen=True)
class Portion:
    """A part of a file that one worker examines, or the whole file.

    Attributes:
      file: The file.
      names: Names of its columns, in its order; None for JSON lines, where each line has its own.
      part: Fragment of the file; None for the whole file.
      expected: Columns of the schema, for requests and JSON lines; empty for other files.
    """

    file: InputFile
    names: tuple[str, ...] | None
    part: FileFragment | None = None
    expected: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the schema for each of `names`, in the order of the file; () of JSON lines.

        Raises:
          DataError: Two names are spellings of one column, or a name fits several columns.
        """
        if not self.expected or self.names is None:
            return self.names or ()
        try:
            return tuple(RequestNames(self.expected).columns(self.names).values())
        except DataError as error:
            raise DataError(f"{self.file.path}: the header: {error}") from error


def is_json_lines(path: str) -> bool:
    """Return whether a file has JSON lines, by the suffix of its name.

    >>> is_json_lines("requests.JSONL"), is_json_lines("a.csv")
    (True, False)
    """
    return path.lower().endswith(_JSON_LINES)


def names_of(
    file: InputFile, expected: Sequence[str], csv_format: CsvFormat, requests: bool = False
) -> Portion:
    """Return the whole file with the names of its columns.

    Args:
      file: The file.
      expected: Columns of the schema; a file without a header has them in this order, and
        "column 5" for a fifth one if there are four.
      csv_format: Format of the file, if it is CSV.
      requests: Whether the file contains requests, whose names follow `RequestNames`.

    Raises:
      DataError: The file cannot be read, or names a column twice.
    """
    if is_json_lines(file.path):
        return Portion(file, None, expected=tuple(expected))
    names = _names(file.path, csv_format)
    if names is None:
        return Portion(file, tuple(expected))
    if isinstance(names, int):
        more = [f"column {number}" for number in range(len(expected) + 1, names + 1)]
        return Portion(file, (*expected[:names], *more))
    for name, times in Counter(names).items():
        if times > 1:
            raise DataError(f'{file.path}: the header names "{name}" {times} times')
    portion = Portion(file, tuple(names), expected=tuple(expected) if requests else ())
    _ = portion.columns  # raises before any row is read if names are ambiguous
    return portion


def portions(file: Portion, csv_format: CsvFormat) -> Iterator[Portion]:
    """Yield the portions of a file that workers examine; none of JSON lines, which are not scanned.

    Raises:
      DataError: The file as a whole is bad, as in `scan`.
    """
    if file.names is None:
        return
    scanned = scan(
        file.file, column_names=file.names, csv_format=csv_format, block_bytes=BLOCK_BYTES
    )
    for part in file_fragments(scanned):
        yield replace(file, part=part)


def blocks(portion: Portion, csv_format: CsvFormat) -> Iterator[TextBatch]:
    """Yield the blocks of a portion: of JSON lines those of the whole file, else of a fragment.

    A whole file that is not JSON lines has no blocks; its portions have them. Blocks have the
    columns of the file, in order; one at a time is in memory.

    Raises:
      DataError: The file changed since it was scanned, or is damaged.
    """
    if portion.names is None:
        yield from _json_blocks(portion.file, RequestNames(portion.expected))
    elif portion.part is not None:
        for block in parse_fragment(
            portion.part, column_names=portion.names, csv_format=csv_format
        ):
            yield replace(block, batch=block.batch.rename_columns(list(portion.columns)))


def _names(path: str, csv_format: CsvFormat) -> list[str] | int | None:
    """Return the column names of a file, or their number if it has no header; None if unreadable.

    A file without records is unreadable too: the scan, which comes next, reports the problem.
    """
    with open_decompressed(path) as file:
        stored = io.BufferedReader(cast(io.RawIOBase, file), _HEAD_BYTES)
        head = stored.peek(16)[:16]
        if is_parquet(head):
            return _parquet_names(path)
        text = open_text(
            cast(BinaryIO, stored), path=path, compression=detect_compression(head, path=path)
        )
        data = text.read(_HEAD_BYTES)
    is_complete = len(data) < _HEAD_BYTES
    data = data.removeprefix(BYTE_ORDER_MARK)
    boundaries = find_record_boundaries(data, csv_format, final=is_complete)
    if not boundaries.is_record.any():
        return None
    first = int(np.argmax(boundaries.is_record))
    begin, end = boundaries.bounds[first : first + 2].tolist()
    record = data[begin:end]
    try:
        record.decode()
        fields = pyarrow.csv.read_csv(
            pa.BufferReader(record.rstrip(b"\r\n") + b"\n"),
            parse_options=csv_format.parse_options(),
        ).column_names
    except (UnicodeDecodeError, pa.ArrowInvalid):
        return None  # the scan reports the problem
    if not csv_format.header:
        return len(fields)
    return [name.strip() or f"column_{i}" for i, name in enumerate(fields, 1)]


def _parquet_names(path: str) -> list[str] | None:
    with open_decompressed(path) as stored:
        try:
            names: list[str] = pyarrow.parquet.ParquetFile(stored).schema_arrow.names
        except (pa.ArrowException, OSError):
            return None  # the scan reports the problem
    return names


def _json_blocks(file: InputFile, names: RequestNames) -> Iterator[TextBatch]:
    with open_decompressed(file.path) as opened:
        stored = io.BufferedReader(cast(io.RawIOBase, opened), _HEAD_BYTES)
        compression = detect_compression(stored.peek(16)[:16], path=file.path)
        text = open_text(cast(BinaryIO, stored), path=file.path, compression=compression)
        line = index = 0
        while lines := _lines(text, file.path, line):
            yield _json_block(file, index, line + 1, lines, names)
            line, index = line + len(lines), index + 1


def _lines(text: BinaryIO, path: str, before: int) -> list[bytes]:
    """Read the lines of the next block, which is limited by number and by size."""
    lines: list[bytes] = []
    size = 0
    while len(lines) < _LINES and size < BLOCK_BYTES and (line := text.readline(MAX_RECORD_BYTES)):
        if len(line) == MAX_RECORD_BYTES and not line.endswith(b"\n"):
            raise DataError(
                f"{path}:{before + len(lines) + 1}: the line is longer than "
                f"{MAX_RECORD_BYTES:,} bytes"
            )
        lines.append(line)
        size += len(line)
    return lines


def _json_block(
    file: InputFile, index: int, first: int, lines: list[bytes], request_names: RequestNames
) -> TextBatch:
    rows: list[Mapping[str, Any]] = []
    indices: list[int] = []
    rejects = []
    for index_in_block, line in enumerate(lines):
        if not line.strip():
            continue
        row = _json_row(line, request_names)
        if isinstance(row, dict):
            rows.append(row)
            indices.append(index_in_block)
        else:
            raw = line.decode("utf-8", "backslashreplace")[:_RAW_CHARACTERS]
            rejects.append(Reject(file.path, first + index_in_block, None, *row, raw))
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = [
        pa.array([_text(row.get(name)) for row in rows], pa.string()).dictionary_encode()
        for name in names
    ]
    return TextBatch(
        split=file.split,
        file=file.path,
        position=(file.index, index),
        batch=pa.RecordBatch.from_arrays(columns, names=list(map(_encodable, names))),
        lines=first + np.array(indices, np.int64),
        raw=lambda row: lines[indices[row]].decode("utf-8", "backslashreplace")[:_RAW_CHARACTERS],
        records=len(rows) + len(rejects),
        size=sum(map(len, lines)),
        rejects=tuple(rejects),
    )


def _json_row(line: bytes, names: RequestNames) -> dict[str, Any] | tuple[str, str]:
    """Return the values of a line by column; for a line that is no row, (reason, message)."""
    try:
        row = json.loads(line, object_pairs_hook=_fields)
        columns = names.columns(row) if isinstance(row, dict) else {}
    except ValueError as error:
        return "not_json", f"expected a JSON object, got text that is no JSON: {error}"
    except DataError as error:
        return "bad_names", str(error)
    if not isinstance(row, dict):
        return "not_json", "expected a JSON object, got another value"
    return {columns[name]: value for name, value in row.items()}


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the fields of an object; DataError for a repeated name, which a dict would hide."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise DataError(f'expected the field "{name}" once; leave the others out')
    return fields


def _text(value: Any) -> str | None:
    """Return a JSON value as text, as it would be written in a CSV.

    >>> [_text(value) for value in (None, "a", 3, 0.5, True, [1, 2])]
    [None, 'a', '3', '0.5', 'true', '[1, 2]']
    """
    if value is None or isinstance(value, str):
        return value if value is None else _encodable(value)
    return repr(value) if type(value) in (int, float) else json.dumps(value)


def _encodable(text: str) -> str:
    """Escape half a surrogate pair, which JSON can contain and UTF-8 cannot."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
