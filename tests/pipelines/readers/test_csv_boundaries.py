"""Boundaries of records, compared with a state machine that goes byte by byte."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recordmill.pipelines.config.csv_format import CsvFormat
from recordmill.pipelines.readers import csv_boundaries as records
from recordmill.pipelines.readers.csv_boundaries import find_record_boundaries

COMMENTED = CsvFormat(comment="#")

Unit = tuple[int, int, str]


def by_byte(data: bytes, csv_format: CsvFormat) -> tuple[list[Unit], bool]:
    """(begin, end, kind) of each unit, the rules told byte by byte; and whether a quote is open."""
    delimiter, quote, comment = (
        (ord(c) if c else -1) for c in (csv_format.delimiter, csv_format.quote, csv_format.comment)
    )
    units, begin, at = [], 0, 0
    while at < len(data):
        first = data[at]
        kind = "blank" if first in b"\r\n" else "comment" if first == comment else "record"
        at_start = kind == "record"
        while at < len(data):
            byte, may_open, at_start = data[at], at_start, False
            at += 1
            if byte == quote and may_open:
                while True:
                    at = data.find(quote, at) + 1
                    if not at:
                        return units, True
                    if data[at : at + 1] != bytes([quote]):
                        break
                    at += 1
            elif byte == delimiter:
                at_start = kind == "record"
            elif byte in b"\r\n":
                at += byte == 13 and data[at : at + 1] == b"\n"
                break
        units.append((begin, at, kind))
        begin = at
    return units, False


def outlined(data: bytes, csv_format: CsvFormat, *, final: bool = True) -> list[Unit]:
    boundaries = find_record_boundaries(data, csv_format, final=final)
    kinds = [
        "blank" if blank else "comment" if comment else "record"
        for blank, comment in zip(
            boundaries.blank.tolist(), boundaries.comment.tolist(), strict=True
        )
    ]
    bounds = boundaries.bounds.tolist()
    return list(zip(bounds[:-1], bounds[1:], kinds, strict=True))


texts = st.text(alphabet='ab,"#\n\r', max_size=60).map(str.encode)
formats = st.sampled_from([CsvFormat(), COMMENTED, CsvFormat(quote="")])


@settings(deadline=None)
@given(texts, formats)
@example(b'#"\n"a', COMMENTED)
@example(b'"\n#"\na"b', COMMENTED)
@example(b'"a"b"",c"\n', CsvFormat())
def test_outline_follows_the_rules(data: bytes, csv_format: CsvFormat) -> None:
    expected, is_open = by_byte(data, csv_format)
    boundaries = find_record_boundaries(data, csv_format, final=True)
    assert outlined(data, csv_format) == expected
    assert (boundaries.open_line is not None) == is_open
    assert boundaries.size == len(data) or is_open


@settings(deadline=None)
@given(texts, formats, st.integers(0, 60))
def test_what_is_known_of_a_beginning_stays_true(
    data: bytes, csv_format: CsvFormat, cut: int
) -> None:
    beginning = outlined(data[:cut], csv_format, final=False)
    assert by_byte(data, csv_format)[0][: len(beginning)] == beginning


@settings(deadline=None)
@given(texts)
def test_lines_are_counted_as_an_editor_does(data: bytes) -> None:
    boundaries = find_record_boundaries(data, CsvFormat(), final=True)
    expected = [len(data[:end].splitlines()) for end in boundaries.bounds.tolist()]
    assert boundaries.lines.tolist() == expected


def test_positions_beyond_the_first_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b'a,"b\nc"\r\nd,e\rf,g\n' * 5
    expected = outlined(data, CsvFormat())
    monkeypatch.setattr(records, "_CACHED_BYTES", 7)
    assert outlined(data, CsvFormat()) == expected
    assert len(expected) == 15


@pytest.mark.parametrize(
    ("data", "open_line"),
    [(b'a,"b', 0), (b'a,b\nc,"d\n\ne', 1), (b'a,"b"\n', None), (b'"a""', 0), (b"", None)],
)
def test_open_line(data: bytes, open_line: int | None) -> None:
    assert find_record_boundaries(data, CsvFormat(), final=True).open_line == open_line


@pytest.mark.parametrize(
    ("data", "misplaced"),
    [
        (b'x,"y\nx,"y"\n', [0]),  # the quote of the first line swallows the second
        (b'a,b\nx,"y\n\nx,"y"\na,"b"\n', [1]),
        (b'x,"y\nz"\n', []),
        (b'x,"y""\nz""",w\n', []),
        (b'x,"y"z\n', []),  # odd, but it swallows nothing
        (b'x,"y\nz"', []),
    ],
)
def test_a_quote_that_swallows_rows_is_misplaced(data: bytes, misplaced: list[int]) -> None:
    assert find_record_boundaries(data, CsvFormat(), final=True).misplaced.tolist() == misplaced


def test_examples() -> None:
    assert doctest.testmod(records).failed == 0
