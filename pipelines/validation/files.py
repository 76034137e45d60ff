"""Files as they are, whatever they should be: CSV, Parquet and JSON lines to blocks of text.

A file's own header names its columns, so that those of a schema can be missing, new or in another
order. Without a header the names are the schema's, by place. Of JSON lines, each line is an object:
a request, say, or a row; what one lacks is missing. Requests name columns as the schema does or as
a signature spells them, see `RequestNames`.
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
from ..readers.csv_source import BLOCK_BYTES
from ..readers.parquet import is_parquet
from ..readers.parse import parse_part
from ..readers.scan import parts, scan
from ..runtime.decompress import detect_compression, open_decompressed, open_text
from ..runtime.elements import FileFragment, InputFile, Reject, TextBatch

__all__ = ["Portion", "blocks", "is_json_lines", "names_of", "portions"]

_HEAD_BYTES = 1 << 20
_LINES = 1 << 15
_RAW_CHARACTERS = 10_000
_JSON_LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")


@dataclass(frozen=True)
class Portion:
    """What one worker examines.

    Attributes:
      file: The file.
      names: Its columns, in its order; None of JSON lines, where every line names its own.
      part: Which part of it; None for all.
      expected: The columns there should be, of requests and of JSON lines; empty of other files.
    """

    file: InputFile
    names: tuple[str, ...] | None
    part: FileFragment | None = None
    expected: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that `names` stand for, in the order of the file; none of JSON lines.

        Raises:
          DataError: Two names stand for one column, or a name can mean several.
        """
        if not self.expected or self.names is None:
            return self.names or ()
        try:
            return tuple(RequestNames(self.expected).columns(self.names).values())
        except DataError as error:
            raise DataError(f"{self.file.path}: the header: {error}") from error


def is_json_lines(path: str) -> bool:
    """Whether a file is of JSON lines, by its name.

    >>> is_json_lines("requests.JSONL"), is_json_lines("a.csv")
    (True, False)
    """
    return path.lower().endswith(_JSON_LINES)


def names_of(
    file: InputFile, expected: Sequence[str], csv_format: CsvFormat, requests: bool = False
) -> Portion:
    """A whole file with the names of its columns.

    Args:
      file: The file.
      expected: The columns there should be; a file without a header has them by place, and
        "column 5" where it has more.
      csv_format: How a CSV is written.
      requests: Whether the file is of requests, whose names follow `RequestNames`.

    Raises:
      DataError: The file cannot be read, or names a column twice.
    """
    if is_json_lines(file.path):
        return Portion(file, None, expected=tuple(expected))
    names = _names(file.path, csv_format)
    if names is None:
        return Portion(file, tuple(expected))
    if isinstance(names, int):
        more = [f"column {place + 1}" for place in range(len(expected), names)]
        return Portion(file, (*expected[:names], *more))
    for name, times in Counter(names).items():
        if times > 1:
            raise DataError(f'{file.path}: the header names "{name}" {times} times')
    whole = Portion(file, tuple(names), expected=tuple(expected) if requests else ())
    _ = whole.columns  # fails here, where names cannot be told apart
    return whole


def portions(whole: Portion, csv_format: CsvFormat) -> Iterator[Portion]:
    """The parts of a file that can be examined apart; none of JSON lines, which have no middle.

    Raises:
      DataError: The file as a whole is bad, as in `scan`.
    """
    if whole.names is None:
        return
    scanned = scan(
        whole.file, column_names=whole.names, csv_format=csv_format, block_bytes=BLOCK_BYTES
    )
    for part in parts(scanned):
        yield replace(whole, part=part)


def blocks(portion: Portion, csv_format: CsvFormat) -> Iterator[TextBatch]:
    """The blocks of a part, or of a whole file of JSON lines; none of another whole file.

    Returns:
      Blocks of the file's columns, in order, one at a time in memory.

    Raises:
      DataError: The file changed since it was scanned, or is damaged.
    """
    if portion.names is None:
        yield from _json_blocks(portion.file, RequestNames(portion.expected))
    elif portion.part is not None:
        for block in parse_part(portion.part, column_names=portion.names, csv_format=csv_format):
            yield replace(block, batch=block.batch.rename_columns(list(portion.columns)))


def _names(path: str, csv_format: CsvFormat) -> list[str] | int | None:
    """The names of a file's columns; without a header how many they are; None without records."""
    with open_decompressed(path) as file:
        stored = io.BufferedReader(cast(io.RawIOBase, file), _HEAD_BYTES)
        head = stored.peek(16)[:16]
        if is_parquet(head):
            return _parquet_names(path)
        text = open_text(
            cast(BinaryIO, stored), path=path, compression=detect_compression(head, path=path)
        )
        data = text.read(_HEAD_BYTES)
    found = find_record_boundaries(
        data.removeprefix(BYTE_ORDER_MARK), csv_format, final=len(data) < _HEAD_BYTES
    )
    if not found.is_record.any():
        return None
    first = int(np.argmax(found.is_record))
    begin, end = found.bounds[first : first + 2].tolist()
    record = data.removeprefix(BYTE_ORDER_MARK)[begin:end]
    try:
        record.decode()
        fields = pyarrow.csv.read_csv(
            pa.BufferReader(record.rstrip(b"\r\n") + b"\n"),
            parse_options=csv_format.parse_options(),
        ).column_names
    except (UnicodeDecodeError, pa.ArrowInvalid):
        return None  # the scan tells what is wrong
    if not csv_format.header:
        return len(fields)
    return [name.strip() or f"column_{i}" for i, name in enumerate(fields, 1)]


def _parquet_names(path: str) -> list[str] | None:
    with open_decompressed(path) as stored:
        try:
            names: list[str] = pyarrow.parquet.ParquetFile(stored).schema_arrow.names
        except (pa.ArrowException, OSError):
            return None  # the scan tells what is wrong
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
    """The next lines: as many as a block has, by number or by size."""
    lines: list[bytes] = []
    size = 0
    while len(lines) < _LINES and size < BLOCK_BYTES and (one := text.readline(MAX_RECORD_BYTES)):
        if len(one) == MAX_RECORD_BYTES and not one.endswith(b"\n"):
            raise DataError(
                f"{path}:{before + len(lines) + 1}: the line is longer than "
                f"{MAX_RECORD_BYTES:,} bytes"
            )
        lines.append(one)
        size += len(one)
    return lines


def _json_block(
    file: InputFile, index: int, first: int, lines: list[bytes], request_names: RequestNames
) -> TextBatch:
    rows: list[Mapping[str, Any]] = []
    places: list[int] = []
    rejects = []
    for place, line in enumerate(lines):
        if not line.strip():
            continue
        row = _json_row(line, request_names)
        if isinstance(row, dict):
            rows.append(row)
            places.append(place)
        else:
            raw = line.decode("utf-8", "backslashreplace")[:_RAW_CHARACTERS]
            rejects.append(Reject(file.path, first + place, None, *row, raw))
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
        lines=first + np.array(places, np.int64),
        raw=lambda row: lines[places[row]].decode("utf-8", "backslashreplace")[:_RAW_CHARACTERS],
        records=len(rows) + len(rejects),
        size=sum(map(len, lines)),
        rejects=tuple(rejects),
    )


def _json_row(line: bytes, names: RequestNames) -> dict[str, Any] | tuple[str, str]:
    """Return the values of a line by column, or why it is no row: (reason, message)."""
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
    fields = dict(pairs)
    if len(fields) < len(pairs):
        name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise DataError(f'expected the field "{name}" once; leave the others out')
    return fields


def _text(value: Any) -> str | None:
    """A JSON value as it would stand in a CSV.

    >>> [_text(value) for value in (None, "a", 3, 0.5, True, [1, 2])]
    [None, 'a', '3', '0.5', 'true', '[1, 2]']
    """
    if value is None or isinstance(value, str):
        return value if value is None else _encodable(value)
    return repr(value) if type(value) in (int, float) else json.dumps(value)


def _encodable(text: str) -> str:
    """The text with half of a surrogate pair, which JSON can hold and UTF-8 cannot, escaped."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
