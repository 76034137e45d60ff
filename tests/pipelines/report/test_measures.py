from __future__ import annotations

import numpy as np
import pytest
from helpers.report_cases import statistics
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0.statistics_pb2 import FeatureNameStatistics

from recordmill.pipelines.report.measures import apart, curve, skewness
from recordmill.schemas.column import Column
from recordmill.schemas.schema import Schema


def features(*splits: object, kind: str = "float32") -> list[FeatureNameStatistics]:
    """The statistics of one column in each split."""
    schema = Schema((Column("x", kind),))  # type: ignore[arg-type]
    found = statistics(schema, {str(place): {"x": split} for place, split in enumerate(splits)})
    return [dataset.features[0] for dataset in found.values()]


class TestCurve:
    def test_no_numbers(self) -> None:
        (feature,) = features([None, None], kind="float32")
        assert curve(feature) is None
        (text,) = features(["a"], kind="string")
        assert curve(text) is None

    def test_of_few_numbers(self) -> None:
        (feature,) = features([0.0, 0.0, 0.0, 10.0])
        values, shares = curve(feature) or ([], [])
        assert (values[0], values[-1], shares[0], shares[-1]) == (0, 10, 0, 1)
        assert shares[list(values).index(1.0)] == 0.75

    @settings(max_examples=40)
    @given(st.lists(st.integers(-50, 50), min_size=1, max_size=60))
    def test_lies_between_the_shares_below_and_up_to(self, numbers: list[int]) -> None:
        (feature,) = features(numbers, kind="int64")
        values, shares = curve(feature) or ([], [])
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
    def test_is_about_the_third_moment(self, draw: str, expected: float, within: float) -> None:
        numbers = getattr(np.random.default_rng(0), draw)(size=20_000).astype(np.float32)
        (feature,) = features(numbers)
        assert skewness(feature) == pytest.approx(expected, abs=within)

    def test_of_mostly_zeros(self) -> None:
        numbers = np.zeros(1000, np.float32)
        numbers[:20] = np.linspace(10, 100, 20)
        (feature,) = features(numbers)
        deviations = (numbers - numbers.mean()) / numbers.std()
        assert skewness(feature) == pytest.approx((deviations**3).mean(), rel=0.15)


class TestApart:
    def test_one_split_or_none_to_compare(self) -> None:
        assert apart(features([1.0])) is None
        assert apart(features([1.0], [None])) is None
        (number,), (text,) = features([1.0]), features(["a"], kind="string")
        assert apart([number, text]) is None

    def test_of_strings(self) -> None:
        found = apart(features(["a"] * 3 + ["b"], ["a"] + ["b"] * 3, kind="string"))
        assert found is not None and found.value == 0.5

    def test_the_farthest_split_counts(self) -> None:
        near, far = [1.0, 2.0, 3.0, 4.0] * 9, [9.0] * 9
        found = apart(features(near, near, far))
        assert found is not None and found.value == 1.0

    @settings(max_examples=40)
    @given(st.lists(st.integers(0, 9), min_size=1), st.lists(st.integers(0, 9), min_size=1))
    def test_of_numbers_is_proven(self, numbers: list[int], others: list[int]) -> None:
        found = apart(features(numbers, others, kind="int64"))
        one, other = np.array(numbers), np.array(others)
        real = max(abs((one <= n).mean() - (other <= n).mean()) for n in range(10))
        assert found is not None
        slack = 1 / len(one) + 1 / len(other)  # quantiles lie between two numbers
        assert 0 <= found.value <= real + slack + 1e-9

    def test_whole_numbers_of_another_range_are_not_another_distribution(self) -> None:
        draw = np.random.default_rng(0)
        one, other = draw.poisson(2, 20_000), draw.poisson(2, 500)
        assert one.max() != other.max()
        found = apart(features(one, other, kind="int64"))
        assert found is not None and found.value < found.chance

    def test_a_shift_is_found(self) -> None:
        draw = np.random.default_rng(0)
        shifted = draw.normal(0.5, 1, 5000).astype(np.float32)
        found = apart(features(draw.normal(0, 1, 5000).astype(np.float32), shifted))
        assert found is not None and 0.12 < found.value < 0.2
