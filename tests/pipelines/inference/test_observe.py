"""Counting what a column holds."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
from helpers.observed import observed
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.pipelines.inference.observe import observe
from recordmill.pipelines.selection.convert import convert
from recordmill.schemas.column import Column
from recordmill.schemas.inference.observed import CAPACITY, MISSING_TOKENS, ColumnSummary

TEXTS = st.lists(
    st.one_of(
        st.sampled_from(["", " ", "?", "NA", "007", "+5", "-0", "1e3", "inf", "9" * 30, "a|b"]),
        st.sampled_from(["2026-11-21", "1/2/2026", "20261121", "$1,000.50", "12 %", " 7 ", "0.5"]),
        st.integers().map(str),
        st.floats().map(str),
        st.text(max_size=5),
    ),
    max_size=40,
)


def test_every_value_is_counted_once() -> None:
    seen = observed(["1", " 2", "2", "+3", "0.5", "1e3", "?", "", " ", "007", "9" * 20, "inf", "x"])
    assert (seen.rows, seen.present, seen.absent) == (13, 10, 3)
    assert seen.missing == {"?": 1, "": 2}
    assert seen.integers.values.tolist() == [1, 2, 3]
    assert seen.integers.counts.tolist() == [1, 2, 1]
    assert seen.decimals.values.tolist() == [0.5, 1000.0]
    assert (seen.signed, seen.leading_zeros, seen.too_large, seen.not_finite) == (1, 1, 1, 1)
    assert dict(seen.common()) == {"2": 2, "1": 1, "3": 1, "007": 1, "9" * 20: 1, "inf": 1, "x": 1}


def test_a_null_is_an_empty_field() -> None:
    seen = ColumnSummary()
    observe(seen, pa.array(["a", None, "a"], pa.string()).dictionary_encode())
    assert (seen.rows, seen.missing, seen.text_count) == (3, {"": 1}, 2)


def test_dates_by_format() -> None:
    texts = ["2026-11-21", "2026-11-21T10:30:00Z", "1/2/2026", "13/2/2026", "20261121", "1.2.26"]
    seen = observed(texts)
    assert seen.dates == {"ISO 8601": 2, "%m/%d/%Y": 1, "%d/%m/%Y": 2, "%Y%m%d": 1}
    assert seen.timed == 1


def test_numbers_that_are_written_for_people() -> None:
    formatted = ["$5", "1,234.50", "12 %", "(3 €)", "1 234", "USD 7", "3,14", "1'000"]
    assert observed([*formatted, "a1", "1-2", "007", "5 apples"]).formatted == len(formatted)


def test_words_and_separators() -> None:
    seen = observed(["a b c", "a|b", "x, y"])
    assert (seen.words, seen.separated, seen.text_bytes) == (6, {"|": 1, ",": 1}, 12)


def test_a_sequence_goes_on_over_portions() -> None:
    seen = observed([str(number) for number in range(5, 205, 2)], portions=7)
    assert not seen.sequence.broken and seen.sequence.step == 2
    assert observed(["1", "2", "4"]).sequence.broken
    assert observed(["1", "2", "x"]).sequence.broken
    assert not observed(["1", "", "2"]).sequence.broken


def test_memory_is_bounded_at_any_cardinality() -> None:
    seen = observed([f"user-{number}" for number in range(10 * CAPACITY)], portions=5)
    assert len(seen.texts.values) == CAPACITY and not seen.exact
    assert abs(seen.unique() / (10 * CAPACITY) - 1) < 0.05


@settings(max_examples=40)
@given(TEXTS, st.integers(1, 4))
def test_portions_do_not_matter(texts: list[str], portions: int) -> None:
    complete, other = observed(texts), observed(texts, portions=portions)
    assert complete.common() == other.common()
    assert (complete.missing, complete.dates, complete.words) == (
        other.missing,
        other.dates,
        other.words,
    )
    assert np.array_equal(complete.points()[0], other.points()[0])
    assert complete.sequence.broken == other.sequence.broken


@settings(max_examples=40)
@given(TEXTS)
def test_numbers_are_what_a_run_takes_for_numbers(texts: list[str]) -> None:
    seen = observed(texts)
    assert seen.present + seen.absent == seen.rows == len(texts)
    column = Column("x", "float32", missing=MISSING_TOKENS)
    values = convert(pa.array(texts, pa.string()), column).good
    good = len(values) - values.null_count
    as_text = seen.leading_zeros + seen.too_large
    assert good - as_text <= seen.numbers <= good
    assert Counter(seen.missing).total() == seen.absent
