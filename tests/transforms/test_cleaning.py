from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from recordmill.pipelines.selection.convert import Reason, convert
from recordmill.schemas.census import CENSUS
from recordmill.schemas.column import BLANKS, MISSING_INT64, Column
from recordmill.schemas.errors import RecipeError
from recordmill.schemas.schema import Schema
from recordmill.transforms.cleaning import clean

NAN = float("nan")
INF = float("inf")


def cleaned(column: Column, values: list[Any]) -> list[Any]:
    """Return the values after `clean` as Python values."""
    x = tf.constant(values, column.type)
    result = clean({column.name: x}, Schema((column,)))[column.name]
    assert (result.dtype, result.shape) == (x.dtype, x.shape)
    cells = result.numpy().tolist()
    return [value.decode() for value in cells] if column.type == "string" else cells


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        (Column("x", "string"), [" a b\t", "\r\n", "", "?"], ["a b", "", "", "?"]),
        (Column("x", "string", missing=("?", "n/a")), [" ? ", "n/a", "N/A"], ["", "", "N/A"]),
        (
            Column("x", "string", spelling=(("a.", "a"), ("b.", "b"))),
            ["a.", "a", " b. ", "c."],
            ["a", "a", "b", "c."],
        ),
        (
            Column("x", "string", missing=("1", "2"), spelling=(("3", "x"), ("4", "y"))),
            ["1", "2", "3", "4", "5", ""],
            ["", "", "x", "y", "5", ""],
        ),
        (
            Column("x", "string", domain=("a", "b"), spelling=(("A", "a"),), bad_value="missing"),
            ["a", "A ", "b", "B", ""],
            ["a", "a", "b", "", ""],
        ),
        (Column("x", "string", domain=("a", "b")), ["a", "B"], ["a", "B"]),
        (Column("x", "int64", minimum=1, maximum=3), [0, 4], [0, 4]),
        (
            Column("x", "int64", minimum=1, maximum=3, bad_value="clip"),
            [-7, 2, 9, MISSING_INT64],
            [1, 2, 3, MISSING_INT64],
        ),
        (
            Column("x", "int64", minimum=1, bad_value="missing", missing=("999", "?", "1e2")),
            [0, 1, 999, 100],
            [MISSING_INT64, 1, MISSING_INT64, 100],
        ),
        (Column("x", "float32", maximum=1.0), [2.0, 0.5], [2.0, 0.5]),
        (
            Column("x", "float32", minimum=0.0, maximum=0.5, bad_value="clip"),
            [-1.0, 0.25, 3.0],
            [0.0, 0.25, 0.5],
        ),
    ],
)
def test_clean(column: Column, values: list[Any], expected: list[Any]) -> None:
    assert cleaned(column, values) == expected


def test_clean_makes_what_is_not_finite_missing() -> None:
    for column in (
        Column("x", "float32"),
        Column("x", "float32", minimum=0.0, bad_value="clip"),
        Column("x", "float32", minimum=0.0, missing=("-999",), bad_value="missing"),
    ):
        cells = cleaned(column, [NAN, INF, -INF, 1.0])
        np.testing.assert_array_equal(cells, [NAN, NAN, NAN, 1.0])
    cells = cleaned(Column("x", "float32", missing=("-999", "nan", "inf")), [-999.0, 1.0])
    np.testing.assert_array_equal(cells, [NAN, 1.0])


def test_clean_keeps_the_shape() -> None:
    column = Column("x", "string", missing=("?",))
    result = clean({"x": tf.constant([[" ?", "a "]])}, Schema((column,)))
    assert result["x"].numpy().tolist() == [[b"", b"a"]]


def test_clean_wants_columns_of_the_schema() -> None:
    with pytest.raises(RecipeError) as error:
        clean({"agee": tf.constant([1], tf.int64)}, CENSUS)
    assert str(error.value) == 'no column "agee" in the schema; did you mean "age"?'


WORDS = st.text("ab?. ", max_size=3)
GOOD_WORDS = st.text("ab?.", max_size=3)


@st.composite
def text_columns(draw: st.DrawFn) -> Column:
    pairs = draw(st.dictionaries(GOOD_WORDS, GOOD_WORDS, max_size=5))
    try:
        return Column(
            "x",
            "string",
            missing=tuple(draw(st.lists(GOOD_WORDS, max_size=3))),
            spelling=tuple(pairs.items()),
            domain=tuple(draw(st.lists(GOOD_WORDS, unique=True, max_size=3))),
            bad_value=draw(st.sampled_from(["reject", "missing"])),
        )
    except RecipeError:
        assume(False)
        raise


FLOATS = st.floats(width=32, allow_nan=False, allow_subnormal=False)
NUMBERS = {
    "int64": st.integers(-6, 6) | st.integers(MISSING_INT64 + 1, 2**63 - 1),
    # TensorFlow flushes subnormals to 0; and -0.0 is another text, but not another number.
    "float32": (st.integers(-6, 6) | FLOATS).map(lambda number: number + 0.0),
}


@st.composite
def number_columns(draw: st.DrawFn) -> Column:
    kind = draw(st.sampled_from(["int64", "float32"]))
    whole_numbers = st.none() | st.integers(-5, 5)
    tenths = st.none() | st.integers(-50, 50).map(lambda tenth: tenth / 10)
    bounds = whole_numbers if kind == "int64" else tenths
    tokens = st.lists(NUMBERS[kind].map(repr) | GOOD_WORDS, max_size=2)
    try:
        return Column(
            "x",
            kind,
            minimum=draw(bounds),
            maximum=draw(bounds),
            missing=tuple(draw(tokens)),
            bad_value=draw(st.sampled_from(["reject", "clip", "missing"])),
        )
    except RecipeError:
        assume(False)
        raise


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.filter_too_much])
@given(text_columns(), st.lists(WORDS | st.text(BLANKS + "a\xa0")))
def test_text_is_cleaned_as_the_pipeline_cleans_it(column: Column, texts: list[str]) -> None:
    once = cleaned(column, texts)
    assert cleaned(column, once) == once
    stored = convert(pa.array(texts, pa.string()), column)
    good = stored.reasons == Reason.GOOD
    pairs = zip(stored.good.to_pylist(), once, good, strict=True)
    assert [(a or "", b) for a, b, ok in pairs if ok and (a or "") != b] == []


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.filter_too_much])
@given(number_columns(), st.data())
def test_numbers_are_cleaned_as_the_pipeline_cleans_them(
    column: Column, data: st.DataObject
) -> None:
    values = data.draw(st.lists(NUMBERS[column.type]))
    dtype = np.int64 if column.type == "int64" else np.float32
    once = np.array(cleaned(column, values), dtype)
    np.testing.assert_array_equal(cleaned(column, once.tolist()), once)
    stored = convert(pa.array([repr(value) for value in values], pa.string()), column)
    numbers = stored.good.fill_null(column.missing_value).to_numpy(zero_copy_only=False)
    good = stored.reasons == Reason.GOOD
    np.testing.assert_array_equal(once[good], numbers[good])
