from __future__ import annotations

import pickle
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.schemas.statistics.columns import CAPACITY, TEXT_BYTES, Moments, Numbers, Strings
from recordmill.schemas.statistics.sketches import UNIQUE_ERROR

INT64 = st.one_of(st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1))
FLOAT32 = st.one_of(
    st.sampled_from([0.0, -0.0, 1.5]), st.floats(width=32, allow_nan=False, allow_infinity=False)
)


def numbers(values: list[Any], dtype: npt.DTypeLike) -> Numbers:
    column = Numbers(dtype)
    column.add(pa.array(values, pa.from_numpy_dtype(dtype)))
    return column


def strings(*batches: Sequence[str | None]) -> Strings:
    column = Strings()
    for batch in batches:
        column.add(dictionary(batch))
    return column


def dictionary(values: Sequence[str | None]) -> pa.DictionaryArray:
    return pa.array(values, pa.dictionary(pa.int32(), pa.string()))


def exact(values: list[Any]) -> tuple[Fraction, float]:
    fractions = [Fraction(value) for value in values]
    mean = sum(fractions, Fraction(0)) / len(fractions)
    return mean, float(sum((f - mean) ** 2 for f in fractions) / len(fractions)) ** 0.5


@settings(deadline=None)
@given(st.lists(INT64, min_size=1), st.lists(INT64, min_size=1))
def test_moments_of_integers(values: list[int], others: list[int]) -> None:
    parts = [numbers(part, np.int64).moments for part in (values, others)]
    assert parts[0] and parts[1]
    together, moments = values + others, parts[0] + parts[1]
    mean, std_dev = exact(together)
    assert moments.count == len(together)
    assert moments.zeros == together.count(0)
    assert (moments.minimum, moments.maximum) == (min(together), max(together))
    assert moments.total == sum(together)
    assert moments.mean == float(mean)
    assert moments.std_dev == pytest.approx(std_dev, rel=1e-12)


@settings(deadline=None)
@given(st.lists(FLOAT32, min_size=1), st.lists(FLOAT32, min_size=1))
def test_moments_of_floats(values: list[float], others: list[float]) -> None:
    parts = [numbers(part, np.float32).moments for part in (values, others)]
    assert parts[0] and parts[1]
    together, moments = values + others, parts[0] + parts[1]
    mean, std_dev = exact(together)
    largest = max(abs(value) for value in together)
    assert moments.zeros == together.count(0.0)
    assert (moments.minimum, moments.maximum) == (min(together), max(together))
    assert moments.mean == pytest.approx(float(mean), rel=1e-12, abs=1e-14 * largest)
    assert moments.std_dev == pytest.approx(std_dev, rel=1e-12, abs=1e-14 * largest)


def test_neighbours_far_from_zero_are_distinct() -> None:
    moments = numbers([2**63 - 1, 2**63 - 3, 2**63 - 2], np.int64).moments
    assert moments and moments.std_dev == (2 / 3) ** 0.5
    assert moments.total == 3 * 2**63 - 6


def test_the_sum_of_very_many_integers_is_exact() -> None:
    counts = np.array([2**40, 2**33], np.int64)
    assert Moments.of(np.array([-1, 2**62]), counts).total == 2**95 - 2**40


def test_the_whole_range_of_integers() -> None:
    column = numbers([-(2**63), 2**63 - 1, 0], np.int64)
    assert column.values.tolist() == [-(2**63), 0, 2**63 - 1]
    assert column.moments and column.moments.mean == -1 / 3


def test_minus_zero_is_zero() -> None:
    column = numbers([-0.0, 0.0, -0.0], np.float32)
    assert (column.values.tolist(), column.counts.tolist()) == ([0.0], [3])
    assert not np.signbit(column.values[0])


def test_values_that_are_not_finite_are_counted_separately() -> None:
    column = numbers([np.nan, np.inf, -np.inf, 1.0, None], np.float32)
    assert (column.count, column.missing, column.not_finite) == (4, 1, 3)
    assert column.values.tolist() == [1.0]


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_no_values(dtype: npt.DTypeLike) -> None:
    column = Numbers(dtype)
    column.add(pa.array([], pa.from_numpy_dtype(dtype)))
    column.add(pa.array([None, None], pa.from_numpy_dtype(dtype)))
    column.absorb(Numbers(dtype))
    assert (column.count, column.missing, column.moments) == (0, 2, None)
    assert (column.unique(), column.rank_error()) == ((0, 0.0), 0.0)


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_numbers_are_exact_up_to_the_capacity_and_not_past_it(dtype: npt.DTypeLike) -> None:
    column = numbers([3 * n for n in range(CAPACITY)] * 3, dtype)
    assert (column.unique(), column.rank_error()) == ((CAPACITY, 0.0), 0.0)
    assert column.points()[1].tolist() == [3] * CAPACITY
    for _ in range(2):
        column.absorb(numbers([1], dtype))
        unique, unique_error = column.unique()
        assert CAPACITY < unique < CAPACITY * (1 + 3 * unique_error)
    assert column.points()[1].sum() == 3 * CAPACITY + 2
    assert 0 < column.rank_error() < 0.001
    assert column.moments and column.moments.total == 9 * CAPACITY * (CAPACITY - 1) / 2 + 2


def test_merging_leaves_the_other_as_it_is() -> None:
    few, many = numbers([1, 2], np.int64), numbers(list(range(0, 10**6, 100)), np.int64)
    before = [pickle.dumps(part) for part in (few, many)]
    for part in (few, many, few, many):
        total = Numbers(np.int64)
        total.absorb(many)
        total.absorb(part)
        total.absorb(few)
    assert [pickle.dumps(part) for part in (few, many)] == before


def test_lengths_are_in_bytes() -> None:
    column = strings(["é", None, "abc"], ["", "é"])
    assert (column.count, column.missing, column.total_bytes) == (4, 1, 7)
    assert (column.shortest, column.longest) == (0, 3)


def test_no_strings() -> None:
    column = strings([], [None, None])
    column.absorb(Strings())
    assert (column.count, column.missing, column.shortest, column.longest) == (0, 2, None, None)
    assert (column.unique(), column.top(20), column.top_error()) == ((0, 0.0), [], 0)


def test_the_dictionary_may_hold_more_than_the_rows_do() -> None:
    values = pa.array(["unused", "a", None, "b", "a"])
    array = pa.DictionaryArray.from_arrays(pa.array([1, 2, 4, None, 3, 1], pa.int32()), values)
    column = Strings()
    column.add(array.slice(1))
    assert (column.count, column.missing) == (3, 2)
    assert column.top(20) == [("a", 2), ("b", 1)]


def test_of_equally_common_strings_the_larger_is_first() -> None:
    assert strings(["b", "é", "z"], ["b", "a"]).top(3) == [("b", 2), ("é", 1), ("z", 1)]


def test_long_strings_are_distinguished_by_their_ends() -> None:
    alike = ["é" * 1000 + end for end in ("a", "b")]
    column = strings(alike, [alike[0]])
    assert column.top(3) == [(alike[0], 2), (alike[1], 1)]
    assert (column.unique(), column.longest) == ((2, 0.0), 2001)


def test_strings_are_exact_up_to_their_bytes_and_not_past_them() -> None:
    long = "x" * (TEXT_BYTES - 1)
    column = strings([long], ["y", "y"])
    assert (column.unique(), column.top_error()) == ((2, 0.0), 0)
    column.add(dictionary(["z"]))
    assert column.unique() == (3, UNIQUE_ERROR)
    assert column.top(3) == [("y", 2), (long, 1)]
    assert column.top_error() == 1


def test_strings_are_exact_up_to_the_capacity_and_not_past_it() -> None:
    few = [f"v{n}" for n in range(CAPACITY)]
    column = strings(few, few)
    assert (column.unique(), column.top_error()) == ((CAPACITY, 0.0), 0)
    column.absorb(strings(["w"]))
    unique, unique_error = column.unique()
    assert CAPACITY < unique < CAPACITY * (1 + 3 * unique_error)
    assert unique_error == UNIQUE_ERROR < 0.016
    assert column.top_error() == 1
    assert column.top(1) == [("v999", 2)]


def test_no_more_distinct_strings_than_rows_are_reported() -> None:
    column = strings([f"v{n}" for n in range(CAPACITY + 10)])
    assert CAPACITY < column.unique()[0] <= CAPACITY + 10


@pytest.mark.slow
def test_millions_of_different_values_take_little_memory() -> None:
    number, text = Numbers(np.float32), Strings()
    generator = np.random.default_rng(0)
    for start in range(0, 5_000_000, 50_000):
        number.add(pa.array(generator.standard_normal(50_000).astype(np.float32)))
        indices = pa.array(range(50_000), pa.int32())
        values = pc.utf8_lpad(pa.array(range(start, start + 50_000)).cast(pa.string()), 400)
        text.add(pa.DictionaryArray.from_arrays(indices, values))
    assert len(pickle.dumps(number)) < 500_000
    assert len(pickle.dumps(text)) < 2_500_000
    assert number.rank_error() < 0.0013
    assert text.unique()[0] == pytest.approx(5_000_000, rel=0.05)
    assert text.top_error() <= 5_000_000 / (CAPACITY + 1)
