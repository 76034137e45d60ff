from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0.statistics_pb2 import FeatureNameStatistics, Histogram

from recordmill.schemas.anomalies.distances import (
    CONFIDENCE,
    Distance,
    Share,
    jensen_shannon,
    l_infinity,
    share_noise,
)
from recordmill.schemas.column import Column
from recordmill.schemas.statistics.columns import Numbers
from recordmill.schemas.statistics.proto import feature_proto


def strings(counts: dict[str, int], *, unique: int | None = None) -> FeatureNameStatistics:
    proto = FeatureNameStatistics(type=FeatureNameStatistics.STRING)
    stats = proto.string_stats
    stats.common_stats.num_non_missing = sum(counts.values())
    stats.unique = len(counts) if unique is None else unique
    for label, count in counts.items():
        stats.rank_histogram.buckets.add(label=label, sample_count=count)
    return proto


def numbers(*buckets: tuple[float, float, float], nan: int = 0) -> FeatureNameStatistics:
    proto = FeatureNameStatistics(type=FeatureNameStatistics.INT)
    proto.num_stats.common_stats.num_non_missing = int(sum(count for *_, count in buckets)) + nan
    for kind in (Histogram.STANDARD, Histogram.QUANTILES):
        histogram = proto.num_stats.histograms.add(type=kind, num_nan=nan)
        for low, high, count in buckets:
            histogram.buckets.add(low_value=low, high_value=high, sample_count=count)
    return proto


def bits(now: FeatureNameStatistics, before: FeatureNameStatistics) -> Distance:
    distance = jensen_shannon(now, before, kind=Histogram.STANDARD)
    assert distance is not None
    return distance


def test_l_infinity_is_the_largest_difference_of_a_share() -> None:
    distance = l_infinity(strings({"a": 60, "b": 40}), strings({"a": 10, "c": 30}))
    assert distance is not None
    assert distance.value == 0.75
    assert distance.shares == (Share("c", 0.75, 0.0), Share("b", 0.0, 0.4), Share("a", 0.25, 0.6))


def test_a_value_that_is_not_listed_may_be_as_common_as_the_rarest_that_is() -> None:
    cut = strings({"a": 50, "b": 10}, unique=9)
    cut.string_stats.common_stats.num_non_missing = 100
    distance = l_infinity(strings({"a": 50, "c": 20, "d": 30}), cut)
    assert distance is not None
    assert distance.shares == (Share("d", 0.1, 0.3), Share("b", 0.1, 0.0), Share("c", 0.1, 0.2))


def test_top_values_stand_in_for_a_missing_rank_histogram() -> None:
    top = strings({})
    top.string_stats.top_values.add(value="a", frequency=3)
    top.string_stats.top_values.add(value="b", frequency=1)
    distance = l_infinity(top, strings({"a": 1, "b": 1}))
    assert distance is not None and distance.value == 0.25


@pytest.mark.parametrize("pair", [({}, {"a": 1}), ({"a": 1}, {})])
def test_no_distance_without_values(pair: tuple[dict[str, int], dict[str, int]]) -> None:
    assert l_infinity(*map(strings, pair)) is None


def test_jensen_shannon_of_equal_and_of_disjoint_histograms() -> None:
    first = numbers((0, 1, 10), (1, 2, 30))
    assert bits(first, first).value == 0.0
    assert bits(first, numbers((5, 6, 7))).value == 1.0


def test_jensen_shannon_by_hand() -> None:
    p, q = np.array([0.25, 0.75]), np.array([0.5, 0.5])
    m = (p + q) / 2
    expected = (np.sum(p * np.log2(p / m)) + np.sum(q * np.log2(q / m))) / 2
    distance = bits(numbers((0, 1, 25), (1, 2, 75)), numbers((0, 1, 50), (1, 2, 50)))
    assert math.isclose(distance.value, expected, rel_tol=1e-12)
    assert distance.shares == (Share("[0, 1)", 0.5, 0.25), Share("[1, 2)", 0.5, 0.75))


def test_a_split_bucket_counts_as_evenly_filled() -> None:
    assert bits(numbers((0, 4, 8)), numbers((0, 1, 2), (1, 4, 6))).value == 0.0


def test_a_bucket_without_width_is_a_bin_of_its_own() -> None:
    distance = bits(numbers((0, 0, 90), (0, 9, 10)), numbers((0, 0, 90), (0, 7, 10)))
    assert distance.value < 0.02
    assert [share.label for share in distance.shares[:2]] == ["[0, 7)", "[7, 9)"]
    apart = bits(numbers((0, 0, 90), (0, 9, 10)), numbers((0, 9, 100)))
    assert apart.shares[0] == Share("[0, 9)", 1.0, 0.1)


def test_nan_matches_nothing() -> None:
    assert bits(numbers((0, 1, 50), nan=50), numbers((0, 1, 50), nan=50)).value == 0.5


def test_no_distance_without_histograms() -> None:
    none = FeatureNameStatistics(type=FeatureNameStatistics.INT)
    assert jensen_shannon(numbers((0, 1, 2)), none, kind=Histogram.STANDARD) is None
    assert jensen_shannon(numbers(), numbers((0, 1, 2)), kind=Histogram.STANDARD) is None


buckets = st.lists(
    st.tuples(st.integers(-9, 9), st.integers(0, 5), st.integers(1, 99)), min_size=1, max_size=5
).map(lambda rows: [(low, low + width, count) for low, width, count in rows])


@given(buckets, buckets)
def test_jensen_shannon_is_symmetric_and_in_range(
    first: list[tuple[float, float, float]], second: list[tuple[float, float, float]]
) -> None:
    there, back = bits(numbers(*first), numbers(*second)), bits(numbers(*second), numbers(*first))
    assert 0 <= there.value <= 1
    assert math.isclose(there.value, back.value, abs_tol=1e-12)
    assert bits(numbers(*first), numbers(*first)).value < 1e-12


counts = st.dictionaries(st.text(max_size=2), st.integers(1, 99), min_size=1, max_size=6)


@given(counts, counts)
def test_l_infinity_is_symmetric_and_in_range(
    first: dict[str, int], second: dict[str, int]
) -> None:
    there, back = (l_infinity(*map(strings, pair)) for pair in ((first, second), (second, first)))
    assert there is not None and back is not None
    assert 0 <= there.value <= 1
    assert there.value == back.value
    assert there.chance == back.chance


@settings(max_examples=10)
@given(st.integers(20, 2000), st.integers(2, 12), st.integers(0, 2**32 - 1))
def test_samples_of_one_population_stay_below_the_chance(rows: int, kinds: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    shares = draw.dirichlet(np.ones(kinds))
    above = 0
    for _ in range(50):
        first, second = (draw.choice(kinds, size, p=shares) for size in (rows, 3000))
        distance = l_infinity(
            *(strings({str(k): n for k, n in Counter(side).items()}) for side in (first, second))
        )
        edges = range(kinds)
        divergence = bits(
            *(
                numbers(*((edge, edge + 1, int((side == edge).sum())) for edge in edges))
                for side in (first, second)
            )
        )
        assert distance is not None
        above += (distance.value > distance.chance) + (divergence.value > divergence.chance)
    assert above <= 3  # of 100, where 1 - CONFIDENCE lets 0.1 be expected
    assert CONFIDENCE == 0.999


def test_the_chance_of_a_share_falls_with_the_rows() -> None:
    chances = [share_noise(0.5, rows, 0.5, 10_000) for rows in (10, 100, 1000)]
    assert chances == sorted(chances, reverse=True)
    assert share_noise(0.0, 5, 0.0, 5) == 0.0


def test_one_outlier_moves_no_distribution() -> None:
    """Compare 5,000 values with a long tail with as many others, then with one outlier added."""
    draw = np.random.default_rng(0)
    before, now = np.sort(np.exp(draw.normal(8, 1, (2, 5000))))
    quantiles = Histogram.QUANTILES

    def of(values: Any) -> FeatureNameStatistics:
        bounds = np.quantile(values, np.linspace(0, 1, 11))
        return numbers(*((low, high, len(values) / 10) for low, high in pairwise(bounds)))

    def far(values: Any, **how: bool) -> float:
        distance = jensen_shannon(of(values), of(before), kind=quantiles, **how)
        assert distance is not None
        return distance.value

    outlier = np.append(now, 1e7)
    assert far(outlier) > 0.1
    assert far(outlier, open_ended=True) < 0.02 > far(now, open_ended=True)


def measured(values: Any, dtype: Any = np.int64) -> FeatureNameStatistics:
    """Return the statistics of a column, as a run writes them."""
    column = Numbers(dtype)
    column.add(pa.array(values, pa.from_numpy_dtype(dtype)))
    return feature_proto(Column("code", column.type), column)


def by_value(now: Any, before: Any, dtype: Any = np.int64) -> Distance:
    distance = jensen_shannon(
        measured(now, dtype),
        measured(before, dtype),
        kind=Histogram.QUANTILES,
        open_ended=True,
        by_value=True,
    )
    assert distance is not None
    return distance


def oracle(now: Any, before: Any) -> tuple[float, pd.DataFrame]:
    """Return the divergence by its definition, of shares that pandas counts, and these shares."""
    counts = {"now": now, "before": before}
    shares = pd.DataFrame(
        {side: pd.Series(values).value_counts(normalize=True) for side, values in counts.items()}
    ).fillna(0)
    middle = shares.mean(axis=1)
    bits = [
        (side[side > 0] * np.log2(side[side > 0] / middle[side > 0])).sum()
        for side in (shares["now"], shares["before"])
    ]
    return sum(bits) / 2, shares


codes = st.sampled_from([-1, 0, 200, 301, 404, 500, 2**62, 2**62 + 1])


@settings(deadline=None)
@given(st.lists(codes, min_size=1, max_size=60), st.lists(codes, min_size=1, max_size=60))
def test_few_whole_numbers_are_compared_as_pandas_counts_them(
    now: list[int], before: list[int]
) -> None:
    distance = by_value(now, before)
    bits, shares = oracle(now, before)
    assert math.isclose(distance.value, bits, abs_tol=1e-12)
    for share in distance.shares:
        row = shares.loc[int(share.label)]
        assert (share.now, share.before) == pytest.approx((row["now"], row["before"]), abs=1e-15)
    largest = (shares["now"] - shares["before"]).abs().max()
    moved = max((abs(share.now - share.before) for share in distance.shares), default=0)
    assert moved == pytest.approx(largest, abs=1e-15)


def test_codes_that_change_places() -> None:
    """Two new codes beyond the old ones, which one bucket of a quantiles histogram merges."""
    before = [200] * 99 + [301] * 99 + [404] * 96 + [500] * 106
    now = [200] * 104 + [301] * 104 + [404] * 98 + [999] * 94
    distance = by_value(now, before)
    assert distance.value == pytest.approx(oracle(now, before)[0], rel=1e-12)
    assert distance.shares == (
        Share("500", 0.265, 0.0),
        Share("999", 0.0, 0.235),
        Share("200", 0.2475, 0.26),
    )
    assert distance.value < 0.2503 and distance.chance < 0.02


def test_more_whole_numbers_are_compared_one_by_one_where_each_comes_often() -> None:
    now, before = np.random.default_rng(0).integers(0, 80, (2, 900))
    assert by_value(now, before).value == pytest.approx(oracle(now, before)[0], rel=1e-12)


def test_other_whole_numbers_are_counted_in_the_bins_of_the_histograms() -> None:
    """60 codes in 300 rows, most of them 3 codes, so that buckets are not evenly filled."""
    draw = np.random.default_rng(0)
    shares = np.full(60, 0.4 / 57)
    shares[[7, 30, 52]] = 0.2
    now, before = (draw.choice(np.arange(60) ** 2, size, p=shares) for size in (300, 9000))
    distance = by_value(now, before)
    binned = jensen_shannon(
        measured(now), measured(before), kind=Histogram.QUANTILES, open_ended=True
    )
    assert binned is not None and distance.value < distance.chance < binned.value
    own = [7**2, 30**2, 52**2]  # which have bins of their own
    last = 59**2  # which is in the last bin, that it ends
    for share in distance.shares:
        low, _, high = share.label.strip("[)").partition(", ")
        for side, values in ((share.now, now), (share.before, before)):
            below = values < int(high or last) + (high == str(last))
            inside = (values >= int(low)) & below & ~np.isin(values, own)
            rows = inside if high else values == int(low)
            assert side == pytest.approx(np.mean(rows), abs=1e-15)


@settings(deadline=None)
@given(
    st.lists(st.integers(-40, 40), min_size=1, max_size=90),
    st.lists(st.integers(-40, 40), min_size=1, max_size=90),
    st.booleans(),
)
def test_exact_shares_add_up(now: list[int], before: list[int], open_ended: bool) -> None:
    """No value is lost in any bins, and their distance is at most that of single values."""
    sides = measured(now), measured(before)
    distance = jensen_shannon(
        *sides, kind=Histogram.QUANTILES, open_ended=open_ended, by_value=True, limit=1000
    )
    assert distance is not None and distance.value <= oracle(now, before)[0] + 1e-12
    moved = sum(share.now - share.before for share in distance.shares)
    assert moved == pytest.approx(0, abs=1e-12)


def test_few_floats_are_compared_too() -> None:
    distance = by_value([404.0, 404.0, np.nan, 500.0], [404.0, 500.0], np.float32)
    assert distance.shares[:2] == (Share("500", 0.5, 0.25), Share("NaN or infinite", 0.0, 0.25))
    ratings = by_value([0.5, 1.5, 1.5, 4.5], [0.5, 4.5, 4.5, 4.5], np.float32)
    assert ratings.shares == (
        Share("1.5", 0.0, 0.5),
        Share("4.5", 0.75, 0.25),
    )


def test_one_sample_of_many_and_one_of_few_are_compared_by_histograms() -> None:
    distance = by_value(list(range(2000)), [1, 2, 3])
    assert all(share.label[0] in "[123" for share in distance.shares)


def test_without_by_value_the_distance_is_that_of_the_histograms() -> None:
    """TensorFlow Data Validation measures the same; the largest changes are exact nonetheless."""
    now, before = measured([200] * 50 + [999] * 50), measured([200] * 60 + [404] * 40)
    distance = jensen_shannon(now, before, kind=Histogram.QUANTILES)
    for side in (now, before):
        del side.custom_stats[:]
    plain = jensen_shannon(now, before, kind=Histogram.QUANTILES)
    assert distance is not None and plain is not None
    assert distance.value == plain.value
    assert distance.shares == (
        Share("999", 0.0, 0.5),
        Share("404", 0.4, 0.0),
        Share("200", 0.6, 0.5),
    )
