"""Detect the dialect of CSV files from the beginning of their text.

The delimiter is the one that gives records of equal length with cells that look like values (van
den Burg, Nazabal and Sutton, "Wrangling messy CSV files by detecting row and type patterns",
2019). `csv.Sniffer` is not used: it counts characters, so it takes letters for delimiters, supports
neither comments nor files of one column, and its test for a header fails on files of strings.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import BinaryIO, cast

from ...schemas.column import RESERVED
from ...schemas.errors import DataError
from ...schemas.wording import count_of
from ..config.csv_format import CsvFormat
from ..readers.csv_boundaries import BYTE_ORDER_MARK
from ..readers.scan import check_is_text
from ..readers.text_encoding import UTF_16_MARKS, encoding_advice, guess_encoding
from ..runtime.decompress import detect_compression, open_decompressed, open_text
from .delimiters import OtherDelimiter, find_other_delimiter
from .parquet_columns import readable_columns

__all__ = ["Dialect", "sniff", "sniff_text"]

_HEAD_BYTES = 1 << 20
_ENCODED_BYTES = 1 << 10
"""Number of bytes that show whether a text is UTF-16."""

_RECORDS = 1000
_DELIMITERS = ",\t;|"
_COMMENTS = "#|%!"
_FILES = 16
"""Number of files to look into for comments and columns."""

_ONE_COLUMN = 1e-3
"""Weight of a record of one field in `_score`; records of many fields count nearly 1."""

_NUMBER = re.compile(r"[+-]?[$€£]?\d[\d., ]*(?:[eE][+-]?\d+)?%?|[+-]?\.\d+")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?")
_EMPTY = ("", "?", "-", "NA", "N/A", "null", "NULL", "None", "nan", "NaN")
_NAME = re.compile(r"[^\W\d][^\n]{0,63}")


@dataclass(frozen=True)
class Dialect:
    """Detected format of files, and the names of their columns.

    Attributes:
      csv: CSV format.
      names: Column names, in order.
      reasons: Reasons for the format, a line each.
      left_out: Of Parquet, the name of each unreadable column, and the reason.
      other: Where there is one column, a separator that would split the text into more; None where
        there is none.
    """

    csv: CsvFormat
    names: tuple[str, ...]
    reasons: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    other: OtherDelimiter | None = None


def sniff(paths: Sequence[str]) -> Dialect:
    """Return the dialect of the first file, with the comment character of the first few.

    Raises:
      DataError: A file cannot be read or is empty, or the header of the first one cannot name
        its columns.
    """
    if columns := readable_columns(paths[:_FILES]):
        reasons = ("Parquet, which names its columns",)
        return Dialect(CsvFormat(), columns.names, reasons, left_out=columns.left_out)
    first, *others = [_head(path) for path in paths[:_FILES]]
    dialect = sniff_text(first[0], complete=first[1], path=paths[0])
    for path, (text, complete) in zip(paths[1:], others, strict=False):
        records = _records(text, dialect.csv, complete=complete)
        comment, reason = _comment(records, dialect.csv)
        if comment and not dialect.csv.comment:
            dialect = replace(
                dialect,
                csv=replace(dialect.csv, comment=comment),
                reasons=(*dialect.reasons, f"{path}: {reason}"),
            )
    return dialect


def sniff_text(text: str, *, complete: bool, path: str) -> Dialect:
    r"""Return the dialect of a text.

    Args:
      text: The text or its beginning, without a byte order mark.
      complete: Whether the text is the complete file; if not, its last record is ignored.
      path: Path of the file, for messages.

    >>> dialect = sniff_text("age;city\n1,5;Rome\n2;Oslo\n", complete=True, path="a.csv")
    >>> dialect.csv.delimiter, dialect.csv.header, dialect.names
    (';', True, ('age', 'city'))

    Raises:
      DataError: The header names a column twice or by a reserved name, or names another number of
        columns than the records have.
    """
    base = max(_candidates(text), key=lambda form: _score(_records(text, form, complete=complete)))
    records = _records(text, base, complete=complete)
    comment, comment_reason = _comment(records, base)
    if comment:
        records = [record for record in records if not record.fields[0].startswith(comment)]
    if not records:
        return Dialect(base, ("column_1",), ("no record shows the format",))
    width, count = Counter(len(record.fields) for record in records).most_common(1)[0]
    header, header_reason = _header([record.fields for record in records], width)
    reasons = [
        f"{count:,} of the first {len(records):,} records have {width:,} fields"
        if width > 1
        else "one field a record: no delimiter splits it",
        header_reason,
        *([comment_reason] if comment else []),
    ]
    return Dialect(
        replace(base, header=header, comment=comment),
        _names(records[0], width, header=header, path=path),
        tuple(reasons),
        other=find_other_delimiter(text, complete=complete) if width == 1 else None,
    )


@dataclass(frozen=True)
class _Record:
    line: int
    fields: list[str]


def _head(path: str) -> tuple[str, bool]:
    """Read the beginning of a file's text; True where the text is complete."""
    with open_decompressed(path) as file:
        stored = io.BufferedReader(cast(io.RawIOBase, file), _HEAD_BYTES)
        compression = detect_compression(stored.peek(16)[:16], path=path)
        text = open_text(cast(BinaryIO, stored), path=path, compression=compression)
        data = b""
        while len(data) <= _HEAD_BYTES and (more := text.read(_HEAD_BYTES)):
            data += more
    complete = len(data) <= _HEAD_BYTES
    head = data[:_HEAD_BYTES].removeprefix(BYTE_ORDER_MARK)
    _check_head(head, path=path)
    return head.decode("utf-8", "replace"), complete


def _check_head(head: bytes, *, path: str) -> None:
    """Raise DataError where the first bytes cannot be those of a CSV in UTF-8."""
    if not head.startswith(UTF_16_MARKS):
        check_is_text(head, path=path)
    if guess_encoding(head[:_ENCODED_BYTES]).startswith("utf-16"):
        advice = encoding_advice(head[:_ENCODED_BYTES])
        raise DataError(f"{path}: expected CSV text in UTF-8; got UTF-16 data. {advice}")
    line = head.lstrip().partition(b"\n")[0]
    try:
        is_json = isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return
    if is_json:
        raise DataError(
            f"{path}: expected CSV or Parquet; got JSON lines. Convert the file, as "
            f'`pandas.read_json("{path}", lines=True).to_csv("{path}.csv", index=False)` does.'
        )


def _candidates(text: str) -> list[CsvFormat]:
    """Return the formats to try, the most common first: it wins where scores are equal."""
    quotes = ('"',) if '"' in text else ('"', "'")
    return [CsvFormat(delimiter=delimiter, quote=q) for delimiter in _DELIMITERS for q in quotes]


def _records(text: str, csv_format: CsvFormat, *, complete: bool) -> list[_Record]:
    """Return the first records of a text; without the last one, which may be cut, if it goes on."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=csv_format.delimiter, quotechar=csv_format.quote
    )
    records: list[_Record] = []
    line = 1
    try:
        for fields in islice(reader, _RECORDS + 1):
            if fields:
                records.append(_Record(line, fields))
            line = reader.line_num + 1
    except csv.Error:  # a field that is too long for the module
        return records
    if complete or len(records) <= 1 or len(records) > _RECORDS:
        return records[:_RECORDS]
    return records[:-1]


def _score(records: Sequence[_Record]) -> float:
    """Return how much records look like a table, in [0, 1].

    The pattern score of the paper, for records of few lengths and many fields, times the share of
    clean cells in place of its type score.
    """
    lengths = Counter(len(record.fields) for record in records)
    cells = [cell for record in records for cell in record.fields]
    if not cells:
        return 0.0
    pattern = sum(
        times * max(_ONE_COLUMN, length - 1) / length for length, times in lengths.items()
    )
    return pattern / len(lengths) * sum(map(_is_clean, cells)) / len(cells)


def _is_clean(cell: str) -> bool:
    return not any(sign in cell for sign in _DELIMITERS + "\"'") or bool(_NUMBER.fullmatch(cell))


def _comment(records: Sequence[_Record], csv_format: CsvFormat) -> tuple[str, str]:
    """Return the character that begins comment lines, and the reason; "" where there is none."""
    if not records:
        return "", ""
    width = Counter(len(record.fields) for record in records).most_common(1)[0][0]
    for sign in _COMMENTS:
        marked = [record.fields for record in records if record.fields[0].startswith(sign)]
        if not marked or sign == csv_format.delimiter:
            continue
        # A header or an identifier may begin with the sign: a comment has another number of fields.
        irregular = all(len(fields) != width for fields in marked)
        if irregular or (width == 1 and all(fields[0].startswith("# ") for fields in marked)):
            return sign, f'lines that begin with "{sign}" are comments, such as "{marked[0][0]}"'
    return "", ""


def _header(records: Sequence[list[str]], width: int) -> tuple[bool, str]:
    """Decide whether the first record is a header, and give the reason.

    The columns vote by their types; where no type differs, names that never come again are taken
    for a header.
    """
    first, body = records[0], [fields for fields in records[1:] if len(fields) == width]
    votes = Counter(
        _vote(cell, [fields[i] for fields in body]) for i, cell in enumerate(first[:width])
    )
    if votes["data"] > votes["name"]:
        return (
            False,
            f"no header: in {count_of(votes['data'], 'column')} the first record is like the "
            "others",
        )
    if votes["name"]:
        return (
            True,
            f"a header: in {count_of(votes['name'], 'column')} only the first record is not a "
            "number",
        )
    names = [cell.strip() for cell in first]
    like_names = all(_NAME.fullmatch(name) for name in names if name)
    if like_names and len(set(names)) == len(names):
        return True, (
            "a header: the first record has names, all different, that occur in no other; if it is "
            "a row, set header: false"
        )
    return False, "no header: the first record does not look like names"


def _vote(cell: str, body: Sequence[str]) -> str:
    """Classify a cell of the first record by the cells below it: "data", "name" or "unknown"."""
    cell = cell.strip()
    below = [other.strip() for other in body]
    values = [other for other in below if other not in _EMPTY]
    if cell in _EMPTY:
        return "data" if cell and cell in below else "unknown"
    if values and sum(map(_is_value, values)) >= 0.9 * len(values):
        return "data" if _is_value(cell) else "name"
    return "data" if cell in values or _is_value(cell) else "unknown"


def _is_value(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell) or _DATE.fullmatch(cell))


def _names(first: _Record, width: int, *, header: bool, path: str) -> tuple[str, ...]:
    if not header:
        return tuple(f"column_{i + 1}" for i in range(width))
    names = [name.strip() or f"column_{i + 1}" for i, name in enumerate(first.fields)]
    if len(names) != width:
        raise DataError(
            f"{path}:{first.line}: the header names {count_of(len(names), 'column')}, but most "
            f"records have {width:,} fields. Name every column, or remove the lines above the "
            "header."
        )
    for name, times in Counter(names).items():
        if times > 1:
            raise DataError(
                f'{path}:{first.line}: the header names "{name}" {times} times. Rename the others.'
            )
        if name.startswith(RESERVED):
            raise DataError(
                f'{path}:{first.line}: the header names "{name}", and names that begin with '
                f"{' or '.join(RESERVED)} are reserved. Rename it."
            )
    return tuple(names)
