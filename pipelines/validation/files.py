"""Files as they are, whatever they should be: CSV, Parquet and JSON lines to blocks of text.

A file's own header names its columns, so that those of a schema can be missing, new or in another
order. Without a header the names are the schema's, by place. Of JSON lines, each line is an object:
a request, say, or a row; what one lacks is missing.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ...schemas.errors import DataError
from ..elements import Block, FilePart, InputFile, Reject
from ..inputs.parquet import is_parquet
from ..parse import parse_part
from ..read import BLOCK_BYTES
from ..records import BYTE_ORDER_MARK, MAX_RECORD_BYTES, CsvFormat, outline
from ..scan import parts, scan
from ..stored import open_stored, recognise, text_of

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
    """

    file: InputFile
    names: tuple[str, ...] | None
    part: FilePart | None = None


def is_json_lines(path: str) -> bool:
    """Whether a file is of JSON lines, by its name.

    >>> is_json_lines("requests.JSONL"), is_json_lines("a.csv")
    (True, False)
    """
    return path.lower().endswith(_JSON_LINES)


def names_of(file: InputFile, expected: Sequence[str], csv_format: CsvFormat) -> Portion:
    """A whole file with the names of its columns.

    Args:
      file: The file.
      expected: The columns there should be; a file without a header has them by place, and
        "column 5" where it has more.
      csv_format: How a CSV is written.

    Raises:
      DataError: The file cannot be read, or names a column twice.
    """
    if is_json_lines(file.path):
        return Portion(file, None)
    names = _names(file.path, csv_format)
    if names is None:
        return Portion(file, tuple(expected))
    if isinstance(names, int):
        more = [f"column {place + 1}" for place in range(len(expected), names)]
        return Portion(file, (*expected[:names], *more))
    for name, times in Counter(names).items():
        if times > 1:
            raise DataError(f'{file.path}: the header names "{name}" {times} times')
    return Portion(file, tuple(names))


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
        yield Portion(whole.file, whole.names, part)


def blocks(portion: Portion, csv_format: CsvFormat) -> Iterator[Block]:
    """The blocks of a part, or of a whole file of JSON lines; none of another whole file.

    Returns:
      Blocks of the file's columns, in order, one at a time in memory.

    Raises:
      DataError: The file changed since it was scanned, or is damaged.
    """
    if portion.names is None:
        return _json_blocks(portion.file)
    if portion.part is None:
        return iter(())
    return parse_part(portion.part, column_names=portion.names, csv_format=csv_format)


def _names(path: str, csv_format: CsvFormat) -> list[str] | int | None:
    """The names of a file's columns; without a header how many they are; None without records."""
    with open_stored(path) as file:
        stored = io.BufferedReader(cast(io.RawIOBase, file), _HEAD_BYTES)
        head = stored.peek(16)[:16]
        if is_parquet(head):
            return _parquet_names(path)
        text = text_of(cast(BinaryIO, stored), path=path, compression=recognise(head, path=path))
        data = text.read(_HEAD_BYTES)
    found = outline(data.removeprefix(BYTE_ORDER_MARK), csv_format, final=len(data) < _HEAD_BYTES)
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
    with open_stored(path) as stored:
        try:
            names: list[str] = pyarrow.parquet.ParquetFile(stored).schema_arrow.names
        except (pa.ArrowException, OSError):
            return None  # the scan tells what is wrong
    return names


def _json_blocks(file: InputFile) -> Iterator[Block]:
    with open_stored(file.path) as opened:
        stored = io.BufferedReader(cast(io.RawIOBase, opened), _HEAD_BYTES)
        compression = recognise(stored.peek(16)[:16], path=file.path)
        text = text_of(cast(BinaryIO, stored), path=file.path, compression=compression)
        line = index = 0
        while lines := _lines(text, file.path, line):
            yield _json_block(file, index, line + 1, lines)
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


def _json_block(file: InputFile, index: int, first: int, lines: list[bytes]) -> Block:
    rows: list[Mapping[str, Any]] = []
    places: list[int] = []
    rejects = []
    for place, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            row = f"expected a JSON object, got text that is no JSON: {error}"
        if isinstance(row, dict):
            rows.append(row)
            places.append(place)
        else:
            message = row if isinstance(row, str) else "expected a JSON object, got another value"
            raw = line.decode("utf-8", "backslashreplace")[:_RAW_CHARACTERS]
            rejects.append(Reject(file.path, first + place, None, "not_json", message, raw))
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = [
        pa.array([_text(row.get(name)) for row in rows], pa.string()).dictionary_encode()
        for name in names
    ]
    return Block(
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
