"""The text of Arrow values, and that it reads back as the same value."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordmill.pipelines.readers.arrow_text import NoText, text_column, text_problem
from recordmill.pipelines.selection.convert import convert
from recordmill.schemas.column import Column

MOMENT = dt.datetime(2026, 11, 21, 10, 5, 6)


def texts(values: list[Any], kind: pa.DataType) -> list[str]:
    column = text_column(pa.chunked_array([pa.array(values, kind)]))
    assert column.type == pa.dictionary(pa.int32(), pa.string())
    assert not column.null_count
    result: list[str] = column.to_pylist()
    return result


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (pa.int8(), [-128, None, 127], ["-128", "", "127"]),
        (pa.uint64(), [2**64 - 1], ["18446744073709551615"]),
        (
            pa.float64(),
            [3.0, 0.1, 1e15, 1e22, -0.0],
            ["3", "0.1", "1000000000000000", "1e+22", "-0"],
        ),
        (pa.float64(), [float("nan"), float("-inf")], ["nan", "-inf"]),
        (pa.float32(), [0.1, 0.7, 1e-45], ["0.1", "0.7", "1e-45"]),
        (pa.float16(), [0.5, None], ["0.5", ""]),
        (pa.bool_(), [True, False, None], ["true", "false", ""]),
        (pa.decimal128(5, 2), [Decimal("1.50"), Decimal("-0.05")], ["1.50", "-0.05"]),
        (pa.date32(), [dt.date(2026, 1, 2), None], ["2026-01-02", ""]),
        (pa.date64(), [dt.date(1, 1, 1)], ["0001-01-01"]),
        (pa.time32("s"), [dt.time(1, 2, 3)], ["01:02:03"]),
        (pa.time64("us"), [dt.time(1, 2), dt.time(1, 2, 3, 40)], ["01:02:00", "01:02:03.00004"]),
        (pa.timestamp("s"), [MOMENT], ["2026-11-21T10:05:06"]),
        (pa.timestamp("ns"), [MOMENT.replace(microsecond=500_000)], ["2026-11-21T10:05:06.5"]),
        (pa.timestamp("us"), [MOMENT.replace(minute=0, second=0)], ["2026-11-21T10:00:00"]),
        (pa.timestamp("ms", "Europe/Rome"), [MOMENT, None], ["2026-11-21T10:05:06Z", ""]),
        (pa.null(), [None, None], ["", ""]),
        (pa.string(), ["é", "", None], ["é", "", ""]),
        (pa.large_string(), ["a"], ["a"]),
        (pa.string_view(), ["a", "b", "a"], ["a", "b", "a"]),
        (pa.binary(), [b"a"], ["a"]),
        (pa.dictionary(pa.int8(), pa.string()), ["a", None, "a"], ["a", "", "a"]),
        (pa.dictionary(pa.int64(), pa.int64()), [7, None], ["7", ""]),
    ],
    ids=str,
)
def test_what_is_written(kind: pa.DataType, values: list[Any], expected: list[str]) -> None:
    assert texts(values, kind) == expected
    assert texts([], kind) == []
    assert not text_problem(kind)


def test_pieces_with_dictionaries_of_their_own() -> None:
    pieces = [pa.array(piece).dictionary_encode() for piece in (["a", "b"], ["b", None], ["c"])]
    column = text_column(pa.chunked_array(pieces))
    assert column.to_pylist() == ["a", "b", "b", "", "c"]
    assert len(column.dictionary) == 4


def test_a_null_in_a_dictionary() -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, None]), pa.array(["a", None]))
    assert text_column(pa.chunked_array([column])).to_pylist() == ["a", "", ""]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.none(), max_size=30))
def test_a_float64_reads_back(values: list[float | None]) -> None:
    read = [float(text) if text else None for text in texts(values, pa.float64())]
    assert read == values


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=30))
def test_a_float32_is_cleaned_to_itself(values: list[float]) -> None:
    cleaned = convert(pa.array(texts(values, pa.float32()), pa.string()), Column("x", "float32"))
    assert not cleaned.reasons.any()
    assert np.array_equal(cleaned.good.to_numpy(), np.array(values, np.float32))


@given(st.lists(st.integers(-(2**63) + 1, 2**63 - 1), max_size=30))
def test_an_int64_is_cleaned_to_itself(values: list[int]) -> None:
    cleaned = convert(pa.array(texts(values, pa.int64()), pa.string()), Column("x", "int64"))
    assert cleaned.good.to_pylist() == values


@given(st.lists(st.integers(-(2**63) + 1, 2**63 - 1).map(float).filter(lambda x: abs(x) < 2**63)))
def test_whole_floats_are_integers(values: list[float]) -> None:
    """As pandas has integers of which some are missing."""
    cleaned = convert(pa.array(texts(values, pa.float64()), pa.string()), Column("x", "int64"))
    assert cleaned.good.to_pylist() == [int(value) for value in values]


@given(st.lists(st.datetimes(dt.datetime(1, 1, 1)), max_size=20))
def test_a_time_reads_back(values: list[dt.datetime]) -> None:
    read = [dt.datetime.fromisoformat(text) for text in texts(values, pa.timestamp("us"))]
    assert read == values


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (
            pa.struct([("a", pa.int64())]),
            "values of the type struct<a: int64> are not single values; flatten or unnest them "
            "first",
        ),
        (
            pa.dictionary(pa.int8(), pa.list_(pa.int8())),
            "values of the type list<item: int8> are not single values; flatten or unnest them "
            "first",
        ),
        (
            pa.duration("s"),
            "values of the type duration[s] have no text; convert them to numbers or strings first",
        ),
    ],
    ids=str,
)
def test_types_without_a_text(kind: pa.DataType, problem: str) -> None:
    assert text_problem(kind) == problem


def test_a_time_beyond_the_calendar() -> None:
    with pytest.raises(NoText, match=r"^a time is not in the years 1 to 9999$"):
        texts([2**50], pa.timestamp("s"))
