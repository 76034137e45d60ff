from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from tensorflow_metadata.proto.v0.statistics_pb2 import FeatureNameStatistics

from recordmill.schemas.anomalies.distance_bins import Bins, Bounds, exact_bins, value_counts

BOUNDS = Bounds(np.array([0.0, 10.0, 20.0]), [5.0, 20.0])


def listed(counts: Mapping[str, int], *, nan: int = 0) -> FeatureNameStatistics:
    """Statistics that list all numbers, as recordmill writes them."""
    statistics = FeatureNameStatistics(type=FeatureNameStatistics.INT)
    custom = statistics.custom_stats.add(name="value_counts")
    for label, count in counts.items():
        custom.rank_histogram.buckets.add(label=label, sample_count=count)
    statistics.num_stats.histograms.add(num_nan=nan)
    return statistics


def test_shares_sum_to_one() -> None:
    bins = Bins.of(["a", "b"], [1, 3], [2, 2])
    assert (bins.p.tolist(), bins.q.tolist()) == ([0.25, 0.75], [0.5, 0.5])


def test_labels_of_bounds() -> None:
    assert BOUNDS.labels() == [
        "[0, 10)",
        "[10, 20)",
        "5",
        "20",
        "NaN or infinite",
        "NaN or infinite",
    ]


@pytest.mark.parametrize(
    ("value", "place"),
    [(0.0, 0), (4.9, 0), (10.0, 1), (19.0, 1), (5.0, 2), (20.0, 3), (-7.0, 0), (99.0, 1)],
)
def test_the_bin_of_a_value(value: float, place: int) -> None:
    assert BOUNDS.index(value) == place


def test_numbers_that_are_not_listed() -> None:
    assert value_counts(FeatureNameStatistics()) is None
    assert value_counts(listed({"1": 2})) == {"1": 2.0}
    assert exact_bins(listed({"1": 2}), FeatureNameStatistics(), BOUNDS, (2, 2)) is None


def test_a_few_numbers_have_bins_of_their_own() -> None:
    bins = exact_bins(listed({"9": 1, "10": 1}), listed({"10": 3}, nan=1), BOUNDS, (2, 4))
    assert bins is not None
    assert bins.labels == ["9", "10", "NaN or infinite", "NaN or infinite"]
    assert bins.p.tolist() == [0.5, 0.5, 0, 0]
    assert bins.q.tolist() == [0, 0.75, 0, 0.25]


def test_many_numbers_with_few_values_each_share_bins() -> None:
    """21 numbers are more than 20, and 21 values of them are fewer than 10 each."""
    now, before = (listed({str(number): 1 for number in range(21)}) for _ in range(2))
    bins = exact_bins(now, before, BOUNDS, (21, 21))
    assert bins is not None
    assert bins.labels == BOUNDS.labels()
    np.testing.assert_allclose(bins.p, np.array([9, 10, 1, 1, 0, 0]) / 21)
    exact = exact_bins(now, before, BOUNDS, (210, 210))
    assert exact is not None
    assert len(exact.labels) == 21 + 2
