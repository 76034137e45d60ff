from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recordmill.pipelines.selection.convert import convert
from recordmill.schemas.column import BLANKS, Column

NUMBER_LIKE = st.text("0123456789+-.eE \t", max_size=8)
TEXTS = st.lists(
    st.none()
    | NUMBER_LIKE
    | st.integers(-(2**64), 2**64).map(str)
    | st.floats().map(repr)
    | st.sampled_from(["", " ", "?", " ? ", "nan", "-Inf", "infinity", "0x10", "1_0", "٣", "5\n5"])
)
WORDS = st.lists(st.none() | st.sampled_from(["", " ", "?", "a", " a", "b\t", "bee", "A", "é"]))

SLUGS = (
    "",
    "not_an_integer",
    "integer_overflow",
    "not_a_number",
    "not_finite",
    "out_of_range",
    "not_in_domain",
    "missing_required",
)


def _outcomes(texts: list[str | None], column: Column) -> list[Any]:
    """For each text its value, or the slug of what is wrong with it."""
    good, reasons = convert(pa.array(texts, pa.string()), column)
    assert good.type == {"int64": pa.int64(), "float32": pa.float32()}.get(column.type, pa.string())
    assert reasons.dtype == np.uint8
    values = good.to_pylist()
    assert all(value is None for value, reason in zip(values, reasons, strict=True) if reason)
    return [SLUGS[r] or value for value, r in zip(values, reasons, strict=True)]


def _expected(text: str | None, column: Column) -> Any:
    """Convert one text at a time, as `convert` must."""
    stripped = (text or "").strip(BLANKS)
    if not stripped or stripped in column.missing:
        return "missing_required" if column.required else None
    if _writes_out_missing(stripped, column):
        return "missing_required" if column.required else None
    value = _parse(stripped, column)
    return None if value in SLUGS and column.bad_value == "missing" else value


def _writes_out_missing(text: str, column: Column) -> bool:
    """Return whether a text is another spelling of a number that is a missing token."""
    unbounded = Column("x", column.type)
    number = _parse(text, unbounded)
    return not isinstance(number, str) and number in column.missing_numbers


def _parse(text: str, column: Column) -> Any:
    if column.type == "string":
        meant = dict(column.spelling).get(text, text)
        return meant if not column.domain or meant in column.domain else "not_in_domain"
    if column.type == "int64":
        if not re.fullmatch("[+-]?[0-9]+", text):
            return "not_an_integer"
        return _bounded(int(text), column) if abs(int(text)) < 2**63 else "integer_overflow"
    if re.fullmatch("[+-]?(nan|inf|infinity)", text, re.IGNORECASE):
        return "not_finite"
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        return "not_a_number"
    value = _bounded(float(text), column) if math.isfinite(float(text)) else "not_finite"
    if isinstance(value, str):
        return value
    with np.errstate(over="ignore"):
        single = float(np.float32(value))
    return single if math.isfinite(single) else "not_finite"


def _bounded(value: float, column: Column) -> Any:
    kind = type(value)
    lowest = -math.inf if column.minimum is None else kind(column.minimum)
    highest = math.inf if column.maximum is None else kind(column.maximum)
    if column.bad_value == "clip":
        return min(max(value, lowest), highest)
    return value if lowest <= value <= highest else "out_of_range"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"required": True, "missing": ("?", "7")},
        {"minimum": -3, "maximum": 50.0},
        {"minimum": 2**53 + 1},
        {"maximum": 5, "bad_value": "clip", "required": True},
        {"minimum": 1, "maximum": 8, "bad_value": "missing", "missing": ("?",)},
    ],
)
@pytest.mark.parametrize("kind", ["int64", "float32"])
@settings(deadline=None)
@given(texts=TEXTS)
@example(texts=["+5", "-0", "007", "9223372036854775807", "-9223372036854775808", "9" * 5000])
@example(texts=["1e999", "-1e39", "1e-999", "3.4028236e38", ".5", "5.", "1e5", "."])
def test_numbers(kind: Any, fields: dict[str, Any], texts: list[str | None]) -> None:
    texts = [text for text in texts if text is None or len(text) < 4000]
    column = Column("x", kind, **fields)
    assert _outcomes(texts, column) == [_expected(text, column) for text in texts]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"missing": ("?", "a")},
        {"spelling": (("bee", "b"), ("A", "a"))},
        {"spelling": (("bee", "b"),), "domain": ("b", "a"), "required": True},
        {"domain": ("é",), "bad_value": "missing", "missing": ("?",)},
    ],
)
@settings(deadline=None)
@given(texts=WORDS)
def test_strings(fields: dict[str, Any], texts: list[str | None]) -> None:
    column = Column("x", "string", **fields)
    assert _outcomes(texts, column) == [_expected(text, column) for text in texts]


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("42", 42),
        (" +42\t", 42),
        ("-007", -7),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775807", -(2**63) + 1),
        ("-9223372036854775808", "integer_overflow"),  # stands for missing in a tensor
        ("9223372036854775808", "integer_overflow"),
        ("9" * 5000, "integer_overflow"),
        ("0" * 5000 + "1", 1),
        ("2.0", "not_an_integer"),
        ("1e3", "not_an_integer"),
        ("0x1F", "not_an_integer"),
        ("1 000", "not_an_integer"),
        ("--1", "not_an_integer"),
        ("?", "not_an_integer"),
        ("", None),
        (None, None),
    ],
)
def test_an_integer(text: str | None, outcome: Any) -> None:
    assert _outcomes([text], Column("x", "int64")) == [outcome]
    # An overflow beside it makes Arrow give up; the result is the same.
    assert _outcomes([text, "9" * 20], Column("x", "int64")) == [outcome, "integer_overflow"]


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("0.1", float(np.float32(0.1))),
        ("-1.5E+3", -1500.0),
        ("1e-999", 0.0),
        ("inf", "not_finite"),
        ("-Infinity", "not_finite"),
        ("NaN", "not_finite"),
        ("1e999", "not_finite"),
        ("1e39", "not_finite"),
        ("3.4028235e38", float(np.finfo(np.float32).max)),
        ("1,5", "not_a_number"),
        ("0x1p3", "not_a_number"),
        ("1_000", "not_a_number"),
        ("infinite", "not_a_number"),
    ],
)
def test_a_float(text: str, outcome: Any) -> None:
    assert _outcomes([text], Column("x", "float32")) == [outcome]


def test_a_range_is_checked_before_rounding_to_float32() -> None:
    column = Column("x", "float32", minimum=0, maximum=0.1)
    assert _outcomes(["0.1", "0.1000000001"], column) == [float(np.float32(0.1)), "out_of_range"]


def test_clip_rejects_what_is_no_number() -> None:
    column = Column("x", "float32", minimum=0, maximum=1, bad_value="clip")
    texts = ["-3", "1e39", "1e999", "nan", "x", ""]
    assert _outcomes(texts, column) == [0.0, 1.0, "not_finite", "not_finite", "not_a_number", None]


def test_numbers_arrow_gives_up_on_are_parsed_all_the_same(monkeypatch: Any) -> None:
    def gives_up(*_: Any) -> None:
        raise pa.ArrowInvalid("no")

    texts: list[str | None] = ["1.5", "+2", "1e999", "?", None]
    expected = _outcomes(texts, Column("x", "float32"))
    monkeypatch.setattr("pyarrow.compute.cast", gives_up)
    assert _outcomes(texts, Column("x", "float32")) == expected == [1.5, 2.0, *expected[2:]]
