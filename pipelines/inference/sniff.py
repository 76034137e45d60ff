"""How a CSV is written, guessed from the beginning of its text.

The delimiter is the one that makes records of one length out of cells that look like values (van
den Burg, Nazabal and Sutton, "Wrangling messy CSV files by detecting row and type patterns",
2019). `csv.Sniffer` is not used: it counts characters, so it takes letters for delimiters, knows
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
from ...schemas.inference.facts import amount
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
"""So many bytes of a text show whether it is UTF-16."""

_RECORDS = 1000
_DELIMITERS = ",\t;|"
_COMMENTS = "#|%!"
_FILES = 16
_ONE_COLUMN = 1e-3
"""What a record of one field counts for, where one of many counts for nearly 1."""

_NUMBER = re.compile(r"[+-]?[$€£]?\d[\d., ]*(?:[eE][+-]?\d+)?%?|[+-]?\.\d+")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?")
_EMPTY = ("", "?", "-", "NA", "N/A", "null", "NULL", "None", "nan", "NaN")
_NAME = re.compile(r"[^\W\d][^\n]{0,63}")


@dataclass(frozen=True)
class Dialect:
    """How files are written and what their columns are called.

    Attributes:
      csv: The format.
      names: Of the columns, in order.
      reasons: Why it is taken for that, a line each.
      left_out: Of Parquet, the name of each column that cannot be read, and why.
      other: Where there is one column, what cuts the text into more; None where nothing does.
    """

    csv: CsvFormat
    names: tuple[str, ...]
    reasons: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    other: OtherDelimiter | None = None


def sniff(paths: Sequence[str]) -> Dialect:
    """The dialect of files: that of the first one, with the comments of any of the first few.

    Raises:
      DataError: A file cannot be read or is empty, or the header of the first one cannot name
        its columns.
    """
    if columns := readable_columns(paths[:_FILES]):
        reasons = ("Parquet, which names its columns",)
        return Dialect(CsvFormat(), columns.names, reasons, left_out=columns.left_out)
    first, *others = [_head(path) for path in paths[:_FILES]]
    dialect = sniff_text(first[0], whole=first[1], path=paths[0])
    for path, (text, whole) in zip(paths[1:], others, strict=False):
        records = _records(text, dialect.csv, whole=whole)
        comment, reason = _comment(records, dialect.csv)
        if comment and not dialect.csv.comment:
            dialect = replace(
                dialect,
                csv=replace(dialect.csv, comment=comment),
                reasons=(*dialect.reasons, f"{path}: {reason}"),
            )
    return dialect


def sniff_text(text: str, *, whole: bool, path: str) -> Dialect:
    """The dialect of a text.

    Args:
      text: It, or its beginning, without a byte order mark.
      whole: Whether that is all of it.
      path: For messages.

    >>> found = sniff_text("age;city\\n1,5;Rome\\n2;Oslo\\n", whole=True, path="a.csv")
    >>> found.csv.delimiter, found.csv.header, found.names
    (';', True, ('age', 'city'))

    Raises:
      DataError: The header names one column twice or by a name that is kept, or another number
        of columns than the records have.
    """
    base = max(_candidates(text), key=lambda one: _score(_records(text, one, whole=whole)))
    records = _records(text, base, whole=whole)
    comment, comment_reason = _comment(records, base)
    records = [one for one in records if not (comment and one.fields[0].startswith(comment))]
    if not records:
        return Dialect(base, ("column_1",), ("there is no record to go by",))
    width, share = Counter(len(one.fields) for one in records).most_common(1)[0]
    header, header_reason = _header([one.fields for one in records], width)
    found = replace(base, header=header, comment=comment)
    reasons = [
        f"{share:,} of the first {len(records):,} records have {width:,} fields"
        if width > 1
        else "one field a record: no delimiter makes more of it",
        header_reason,
        *([comment_reason] if comment else []),
    ]
    return Dialect(
        found,
        _names(records[0], width, header=header, path=path),
        tuple(reasons),
        other=find_other_delimiter(text, whole=whole) if width == 1 else None,
    )


@dataclass(frozen=True)
class _Record:
    line: int
    fields: list[str]


def _head(path: str) -> tuple[str, bool]:
    """The beginning of the text of a file, and whether that is all of it."""
    with open_decompressed(path) as file:
        stored = io.BufferedReader(cast(io.RawIOBase, file), _HEAD_BYTES)
        compression = detect_compression(stored.peek(16)[:16], path=path)
        text = open_text(cast(BinaryIO, stored), path=path, compression=compression)
        data = b""
        while len(data) <= _HEAD_BYTES and (more := text.read(_HEAD_BYTES)):
            data += more
    whole = len(data) <= _HEAD_BYTES
    head = data[:_HEAD_BYTES].removeprefix(BYTE_ORDER_MARK)
    _check_head(head, path=path)
    return head.decode("utf-8", "replace"), whole


def _check_head(head: bytes, *, path: str) -> None:
    """Raise DataError where a file begins as no CSV in UTF-8 does."""
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
    """The formats to try, the usual ones first."""
    quotes = ('"',) if '"' in text else ('"', "'")
    return [CsvFormat(delimiter=delimiter, quote=q) for delimiter in _DELIMITERS for q in quotes]


def _records(text: str, csv_format: CsvFormat, *, whole: bool) -> list[_Record]:
    """The first records of a text; the last one of a text that goes on is cut, and left out."""
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
    complete = len(records) <= 1 or whole
    return records[:_RECORDS] if complete or len(records) > _RECORDS else records[:-1]


def _score(records: Sequence[_Record]) -> float:
    """How much records look like a table: of one length each, and long, and of clean cells."""
    lengths = Counter(len(one.fields) for one in records)
    cells = [cell for one in records for cell in one.fields]
    if not cells:
        return 0.0
    pattern = sum(
        times * max(_ONE_COLUMN, length - 1) / length for length, times in lengths.items()
    )
    return pattern / len(lengths) * sum(map(_is_clean, cells)) / len(cells)


def _is_clean(cell: str) -> bool:
    return not any(one in cell for one in _DELIMITERS + "\"'") or bool(_NUMBER.fullmatch(cell))


def _comment(records: Sequence[_Record], csv_format: CsvFormat) -> tuple[str, str]:
    """The character that begins comment lines, and why; "" where there is none."""
    if not records:
        return "", ""
    width = Counter(len(one.fields) for one in records).most_common(1)[0][0]
    for sign in _COMMENTS:
        begun = [one.fields for one in records if one.fields[0].startswith(sign)]
        if not begun or sign == csv_format.delimiter:
            continue
        apart = all(len(fields) != width for fields in begun)
        if apart or (width == 1 and all(fields[0].startswith("# ") for fields in begun)):
            return sign, f'lines that begin with "{sign}" are no records, such as "{begun[0][0]}"'
    return "", ""


def _header(records: Sequence[list[str]], width: int) -> tuple[bool, str]:
    """Whether the first record names the columns, and why it is thought so."""
    first, body = records[0], [one for one in records[1:] if len(one) == width]
    votes = Counter(_vote(cell, [one[i] for one in body]) for i, cell in enumerate(first[:width]))
    if votes["data"] > votes["name"]:
        return (
            False,
            f"no header: in {amount(votes['data'], 'column')} the first record is like the others",
        )
    if votes["name"]:
        return (
            True,
            f"a header: in {amount(votes['name'], 'column')} only the first record is no number",
        )
    names = [cell.strip() for cell in first]
    like_names = all(_NAME.fullmatch(name) for name in names if name)
    if like_names and len(set(names)) == len(names):
        return True, (
            "a header: the first record has names, all different, that do not come again; if it is "
            "a row, set header: false"
        )
    return False, "no header: the first record does not look like names"


def _vote(cell: str, body: Sequence[str]) -> str:
    """What a cell of the first record is, compared with the cells below it."""
    cell = cell.strip()
    below = [one.strip() for one in body]
    values = [one for one in below if one not in _EMPTY]
    if cell in _EMPTY:
        return "data" if cell and cell in below else "unknown"
    if values and sum(map(_is_value, values)) >= 0.9 * len(values):
        return "data" if _is_value(cell) else "name"
    return "data" if cell in values or _is_value(cell) else "unknown"


def _is_value(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell) or _DATE.fullmatch(cell))


def _names(first: _Record, width: int, *, header: bool, path: str) -> tuple[str, ...]:
    if not header:
        return tuple(f"column_{place + 1}" for place in range(width))
    names = [name.strip() or f"column_{i + 1}" for i, name in enumerate(first.fields)]
    if len(names) != width:
        raise DataError(
            f"{path}:{first.line}: the header names {amount(len(names), 'column')}, but most "
            f"records have {width:,} fields. Name every column, or remove what stands above the "
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
                f"{' or '.join(RESERVED)} are kept. Rename it."
            )
    return tuple(names)
