from __future__ import annotations

import numpy as np
import pytest
from helpers.report_cases import statistics
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0.statistics_pb2 import FeatureNameStatistics

from recordmill.pipelines.report.measures import cumulative_distribution, skewness, split_distance
from recordmill.schemas.column import Column
from recordmill.schemas.schema import Schema


def features(*splits: object, kind: str = "float32") -> list[FeatureNameStatistics]:
    """Return the statistics of one column in each split."""
    schema = Schema((Column("x", kind),))  # type: ignore[arg-type]
    datasets = statistics(schema, {str(i): {"x": split} for i, split in enumerate(splits)})
    return [dataset.features[0] for dataset in datasets.values()]


class TestCumulativeDistribution:
    def test_no_numbers(self) -> None:
        (feature,) = features([None, None], kind="float32")
        assert cumulative_distribution(feature) is None
        (text,) = features(["a"], kind="string")
        assert cumulative_distribution(text) is None

    def test_of_few_numbers(self) -> None:
        (feature,) = features([0.0, 0.0, 0.0, 10.0])
        values, shares = cumulative_distribution(feature) or ([], [])
        assert (values[0], values[-1], shares[0], shares[-1]) == (0, 10, 0, 1)
        assert shares[list(values).index(1.0)] == 0.75

    @settings(max_examples=40)
    @given(st.lists(st.integers(-50, 50), min_size=1, max_size=60))
    def test_is_between_the_shares_below_and_up_to_a_value(self, numbers: list[int]) -> None:
        (feature,) = features(numbers, kind="int64")
        values, shares = cumulative_distribution(feature) or ([], [])
        assert (np.diff(values) >= 0).all() and (np.diff(shares) >= 0).all()
        array = np.array(numbers)
        for value, share in zip(values, shares, strict=True):
            slack = 1 / len(array) + 1e-9  # quantiles lie between two numbers
            assert (array < value - 1e-6).mean() - slack <= share
            assert share <= (array <= value + 1e-6).mean() + slack


class TestSkewness:
    def test_none_and_constant(self) -> None:
        (nothing,), (constant,) = features([None]), features([3.0, 3.0])
        assert (skewness(nothing), skewness(constant)) == (None, 0.0)

    @pytest.mark.parametrize(
        ("draw", "expected", "within"),
        [("normal", 0, 0.1), ("uniform", 0, 0.05), ("exponential", 2, 0.3)],
    )
    def test_estimates_the_third_moment(self, draw: str, expected: float, within: float) -> None:
        numbers = getattr(np.random.default_rng(0), draw)(size=20_000).astype(np.float32)
        (feature,) = features(numbers)
        assert skewness(feature) == pytest.approx(expected, abs=within)

    def test_of_mostly_zeros(self) -> None:
        numbers = np.zeros(1000, np.float32)
        numbers[:20] = np.linspace(10, 100, 20)
        (feature,) = features(numbers)
        deviations = (numbers - numbers.mean()) / numbers.std()
        assert skewness(feature) == pytest.approx((deviations**3).mean(), rel=0.15)


class TestSplitDistance:
    def test_one_split_or_none_to_compare(self) -> None:
        assert split_distance(features([1.0])) is None
        assert split_distance(features([1.0], [None])) is None
        (number,), (text,) = features([1.0]), features(["a"], kind="string")
        assert split_distance([number, text]) is None

    def test_of_strings(self) -> None:
        distance = split_distance(features(["a"] * 3 + ["b"], ["a"] + ["b"] * 3, kind="string"))
        assert distance is not None and distance.value == 0.5

    def test_of_the_most_distant_split(self) -> None:
        near, far = [1.0, 2.0, 3.0, 4.0] * 9, [9.0] * 9
        distance = split_distance(features(near, near, far))
        assert distance is not None and distance.value == 1.0

    @settings(max_examples=40)
    @given(st.lists(st.integers(0, 9), min_size=1), st.lists(st.integers(0, 9), min_size=1))
    def test_of_numbers_is_a_lower_bound(self, numbers: list[int], others: list[int]) -> None:
        distance = split_distance(features(numbers, others, kind="int64"))
        first, second = np.array(numbers), np.array(others)
        exact = max(abs((first <= n).mean() - (second <= n).mean()) for n in range(10))
        assert distance is not None
        slack = 1 / len(first) + 1 / len(second)  # quantiles lie between two numbers
        assert 0 <= distance.value <= exact + slack + 1e-9

    def test_another_range_of_integers_is_not_another_distribution(self) -> None:
        draw = np.random.default_rng(0)
        large, small = draw.poisson(2, 20_000), draw.poisson(2, 500)
        assert large.max() != small.max()
        distance = split_distance(features(large, small, kind="int64"))
        assert distance is not None and distance.value < distance.chance

    def test_a_shift(self) -> None:
        draw = np.random.default_rng(0)
        shifted = draw.normal(0.5, 1, 5000).astype(np.float32)
        distance = split_distance(features(draw.normal(0, 1, 5000).astype(np.float32), shifted))
        assert distance is not None and 0.12 < distance.value < 0.2
