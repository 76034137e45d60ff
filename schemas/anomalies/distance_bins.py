"""Bins that two distributions share: of histograms, and of numbers listed with their counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from tensorflow_metadata.proto.v0.statistics_pb2 import FeatureNameStatistics

__all__ = ["Bins", "Bounds", "exact_bins", "value_counts"]

_FEW, _VALUES_EACH = 20, 10
"""Numbers are compared one by one up to so many different ones, or with so many values of each."""

_NOT_FINITE = "NaN or infinite"

_Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Bins:
    """The shares of two distributions in the same bins.

    Attributes:
      labels: The value of each bin, or its bounds.
      p: The share in each bin now; float64, [bins], of sum 1.
      q: The share in each bin before; like `p`.
    """

    labels: Sequence[str]
    p: _Doubles
    q: _Doubles

    @classmethod
    def of(cls, labels: Sequence[str], now: Iterable[float], before: Iterable[float]) -> Bins:
        """Make shares of counts, [bins]."""
        p, q = np.array([*now], np.float64), np.array([*before], np.float64)
        return cls(labels, p / p.sum(), q / q.sum())


@dataclass(frozen=True)
class Bounds:
    """The bins between all bounds of two histograms.

    Attributes:
      edges: Those of the bins with a width, ascending; float64, [edges].
      points: The values that have a bin to themselves, ascending.
    """

    edges: _Doubles
    points: Sequence[float]

    def labels(self) -> list[str]:
        """The names of the bins, and of those of what is not finite on either side."""
        labels = [f"[{low:.6g}, {high:.6g})" for low, high in pairwise(self.edges)]
        return labels + [f"{value:.6g}" for value in self.points] + [_NOT_FINITE] * 2

    def place(self, value: float) -> int:
        """Return the number of the bin that a value is in: its own, or the one around it."""
        last = max(len(self.edges) - 1, 0)
        if value in self.points:
            return last + self.points.index(value)
        return min(max(int(np.searchsorted(self.edges, value, "right")) - 1, 0), last - 1)


def exact_bins(
    now: FeatureNameStatistics,
    before: FeatureNameStatistics,
    bounds: Bounds,
    sizes: Sequence[float],
) -> Bins | None:
    """Return the exact shares of numbers: of single ones where they are few.

    Few are at most 20, for histograms make as many bins, or as many as have 10 values each on
    either side: of more, chance alone would make a divergence of half the usual threshold of 0.1.

    Args:
      now: The statistics of a number feature.
      before: Those it is compared with.
      bounds: The bins of more than a few numbers.
      sizes: How many values there are now, and before.

    Returns:
      The bins; None where either side does not list all of its numbers.
    """
    counts, others = value_counts(now), value_counts(before)
    if counts is None or others is None:
        return None
    numbers = sorted({**counts, **others}, key=lambda label: (float(label), label))
    is_few = len(numbers) <= _FEW or min(sizes) >= _VALUES_EACH * len(numbers)
    places = range(len(numbers)) if is_few else [bounds.place(float(one)) for one in numbers]
    labels = [*numbers, _NOT_FINITE, _NOT_FINITE] if is_few else bounds.labels()
    masses = np.zeros((2, len(labels)))
    for number, place in zip(numbers, places, strict=True):
        masses[:, place] += counts.get(number, 0.0), others.get(number, 0.0)
    masses[0, -2], masses[1, -1] = map(_not_finite, (now, before))
    return Bins.of(labels, *masses)


def value_counts(statistics: FeatureNameStatistics) -> dict[str, float] | None:
    """Return how often each number occurs, where recordmill listed it; see `statistics_proto`."""
    for custom in statistics.custom_stats:
        if custom.name == "value_counts":
            return {one.label: one.sample_count for one in custom.rank_histogram.buckets}
    return None


def _not_finite(statistics: FeatureNameStatistics) -> float:
    return max((float(one.num_nan) for one in statistics.num_stats.histograms), default=0.0)
