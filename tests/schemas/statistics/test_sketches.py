from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.schemas.statistics.sketches import (
    HASHES,
    UNIQUE_ERROR,
    DistinctNumbers,
    DistinctStrings,
    Frequent,
    Quantiles,
)

BATCHES = st.lists(st.lists(st.integers(0, 40), max_size=12), max_size=12)


def quantiles_of(batches: Sequence[Sequence[int]], capacity: int) -> Quantiles:
    sketch = Quantiles(capacity)
    for batch in batches:
        values, counts = np.unique(np.array(batch, np.int64), return_counts=True)
        sketch.add(values, counts)
    return sketch


def frequent_of(batches: Sequence[Sequence[int]], capacity: int) -> Frequent:
    sketch = Frequent(capacity, max_bytes=1000)
    for batch in batches:
        counts = Counter(batch)
        sketch.add(pa.array([str(value) for value in counts], pa.string()), list_of(counts))
    return sketch


def flat(batches: Sequence[Sequence[int]]) -> list[int]:
    return [number for batch in batches for number in batch]


def list_of(counts: Counter[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(list(counts.values()), np.int64)


def assert_ranks_within_the_error(sketch: Quantiles, numbers: Sequence[int]) -> None:
    values, counts = sketch.points()
    assert counts.sum() == len(numbers)
    assert list(values) == sorted(set(values))
    for x in range(-1, 42):
        true = sum(number <= x for number in numbers)
        assert abs(int(counts[values <= x].sum()) - true) <= sketch.rank_error()


@settings(deadline=None)
@given(BATCHES, BATCHES)
def test_quantiles_know_their_error(batches: list[list[int]], others: list[list[int]]) -> None:
    sketch = quantiles_of(batches, capacity=4)
    assert_ranks_within_the_error(sketch, flat(batches))
    other = quantiles_of(others, capacity=4)
    before = pickle.dumps(other)
    sketch.absorb(other)
    assert pickle.dumps(other) == before
    assert_ranks_within_the_error(sketch, flat(batches + others))


def test_quantiles_are_exact_within_the_capacity() -> None:
    sketch = quantiles_of([[5, 5, 1], [], [5, 3]], capacity=4)
    values, counts = sketch.points()
    assert (values.tolist(), counts.tolist(), sketch.rank_error()) == ([1, 3, 5], [1, 1, 3], 0)


def test_quantiles_of_nothing() -> None:
    sketch = Quantiles()
    sketch.absorb(Quantiles())
    assert (len(sketch.points()[0]), sketch.rank_error()) == (0, 0)


def test_quantiles_of_many_numbers_are_small_and_close() -> None:
    generator = np.random.default_rng(0)
    merged, parts = Quantiles(), [Quantiles() for _ in range(8)]
    numbers = generator.standard_normal((8, 4, 32768)).astype(np.float32)
    for part, batches in zip(parts, numbers, strict=True):
        for batch in batches:
            part.add(np.sort(batch), np.ones(len(batch), np.int64))
        merged.absorb(part)
    bound = numbers.size * np.log2(2 * numbers.size / 8192) / 8192
    assert merged.rank_error() <= bound < 0.0011 * numbers.size
    assert len(pickle.dumps(merged)) < 400_000
    values, counts = merged.points()
    ranks = np.searchsorted(np.sort(numbers, axis=None), values, side="right")
    assert np.abs(ranks - np.cumsum(counts)).max() <= merged.rank_error()


@settings(deadline=None)
@given(BATCHES, BATCHES, st.integers(1, 6))
def test_frequent_knows_its_error(
    batches: list[list[int]], others: list[list[int]], capacity: int
) -> None:
    sketch, other = frequent_of(batches, capacity), frequent_of(others, capacity)
    before = pickle.dumps((other.values, other.counts, other.errors, other.floor))
    sketch.absorb(other)
    assert pickle.dumps((other.values, other.counts, other.errors, other.floor)) == before
    true = Counter(str(value) for value in flat(batches + others))
    assert sketch.floor * (capacity + 1) <= true.total()
    ranges = zip(sketch.counts, sketch.errors, strict=True)
    bounds = dict(zip(sketch.values.to_pylist(), ranges, strict=True))
    assert len(bounds) <= capacity
    for value, count in true.items():
        most, error = bounds.get(value, (sketch.floor, sketch.floor))
        assert most - error <= count <= most
    if len(true) <= capacity:
        assert {value: count for value, (count, _) in bounds.items()} == true
        assert (sketch.errors.sum(), sketch.floor) == (0, 0)


def test_frequent_drops_the_least_common_and_of_equal_ones_the_later() -> None:
    sketch = frequent_of([[1, 1, 2, 3], [4, 3, 3]], capacity=2)
    assert sketch.values.to_pylist() == ["1", "3"]
    assert (sketch.counts.tolist(), sketch.errors.tolist()) == ([2, 3], [0, 1])
    # "3" lost its counter to "2" and came again: once more than was seen since, at most.
    assert sketch.floor == 2  # "4" comes anew: it may have been lost once, like "3"
    assert sketch.unique() == 4


def test_strings_are_dropped_for_their_bytes_too() -> None:
    sketch = Frequent(capacity=10, max_bytes=6)
    sketch.add(pa.array(["aaa", "bb", "c", "dddddddd"]), np.array([1, 3, 2, 1]))
    assert (sketch.values.to_pylist(), sketch.floor) == (["aaa", "bb", "c"], 1)
    sketch.add(pa.array(["longest"]), np.array([5]))
    assert (sketch.values.to_pylist(), sketch.floor, sketch.unique()) == ([], 6, 5)


def test_a_string_that_always_kept_its_counter_is_exact() -> None:
    sketch = frequent_of([[0] * 5 + [n, n + 1] for n in range(1, 40, 2)], capacity=3)
    index = sketch.values.to_pylist().index("0")
    assert (sketch.counts[index], sketch.errors[index]) == (100, 0)


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_different_numbers(dtype: type) -> None:
    few, many = DistinctNumbers(), DistinctNumbers()
    few.add(np.arange(HASHES - 1).astype(dtype))
    few.add(np.arange(10).astype(dtype))
    assert few.estimate() == HASHES - 1
    for start in range(0, 1_000_000, 50_000):
        many.add(np.arange(start, start + 60_000).astype(dtype))
    many.absorb(few)
    assert many.estimate() == pytest.approx(1_010_000, rel=3 * UNIQUE_ERROR)
    assert pickle.loads(pickle.dumps(many)).estimate() == many.estimate()


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 20_000), max_size=30), max_size=5))
def test_different_numbers_do_not_depend_on_their_order(parts: list[list[int]]) -> None:
    forward, backward = DistinctNumbers(), DistinctNumbers()
    for part in parts:
        forward.add(np.array(part, np.int64))
    for part in reversed(parts):
        alone = DistinctNumbers()
        alone.add(np.array(part, np.int64))
        backward.absorb(alone)
    assert forward.hashes.tolist() == backward.hashes.tolist()
    assert forward.estimate() == len(set(flat(parts)))


def test_different_strings() -> None:
    sketch, other = DistinctStrings(), DistinctStrings()
    sketch.add(pa.array([f"a{n % 4000}" for n in range(10_000)]))
    assert sketch.estimate() == 4000
    other.add(pa.array([f"b{n}" for n in range(100_000)]))
    sketch.absorb(other)
    assert sketch.estimate() == pytest.approx(104_000, rel=3 * UNIQUE_ERROR)
    assert pickle.loads(pickle.dumps(sketch)).estimate() == sketch.estimate()
