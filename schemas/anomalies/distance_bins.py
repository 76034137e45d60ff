"""Common bins of two distributions: of their histograms, or of numbers with exact counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from tensorflow_metadata.proto.v0.statistics_pb2 import FeatureNameStatistics

__all__ = ["Bins", "Bounds", "exact_bins", "value_counts"]

_FEW, _VALUES_EACH = 20, 10
"""Most distinct numbers with a bin each; or least values per distinct number on either side."""

_NOT_FINITE = "NaN or infinite"

_Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Bins:
    """Shares of two distributions in the same bins.

    Attributes:
      labels: Value of each bin, or its bounds; [bins].
      p: Share of each bin in the data; float64, [bins], of sum 1.
      q: Share of each bin in the reference data; like `p`.
    """

    labels: Sequence[str]
    p: _Doubles
    q: _Doubles

    @classmethod
    def of(cls, labels: Sequence[str], now: Iterable[float], before: Iterable[float]) -> Bins:
        """Divide counts by their sums; both [bins]."""
        p, q = np.array([*now], np.float64), np.array([*before], np.float64)
        return cls(labels, p / p.sum(), q / q.sum())


@dataclass(frozen=True)
class Bounds:
    """Bins between all bounds of two histograms.

    Attributes:
      edges: Edges of the bins with a width, ascending; float64, [edges].
      points: Values with a bin of their own, ascending.
    """

    edges: _Doubles
    points: Sequence[float]

    def labels(self) -> list[str]:
        """Return the names of the bins, then two bins of values that are not finite, one a side."""
        labels = [f"[{low:.6g}, {high:.6g})" for low, high in pairwise(self.edges)]
        return labels + [f"{value:.6g}" for value in self.points] + [_NOT_FINITE] * 2

    def index(self, value: float) -> int:
        """Return the index of the bin of a value: its own, or the one around it."""
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
    """Return exact shares of listed numbers: one bin a number where they are few, else `bounds`.

    Few are at most 20, the number of bins of histograms, or as many as have 10 values each on
    either side: of more, chance alone would make a divergence of half the usual threshold of 0.1.

    Args:
      now: Statistics of a number feature.
      before: Statistics of the reference data.
      bounds: Bins for more than a few numbers.
      sizes: Number of values of both.

    Returns:
      The bins; None where either side does not list all of its numbers.
    """
    counts, reference_counts = value_counts(now), value_counts(before)
    if counts is None or reference_counts is None:
        return None
    numbers = sorted({**counts, **reference_counts}, key=lambda label: (float(label), label))
    is_few = len(numbers) <= _FEW or min(sizes) >= _VALUES_EACH * len(numbers)
    bins = range(len(numbers)) if is_few else [bounds.index(float(label)) for label in numbers]
    labels = [*numbers, _NOT_FINITE, _NOT_FINITE] if is_few else bounds.labels()
    masses = np.zeros((2, len(labels)))
    for number, index in zip(numbers, bins, strict=True):
        masses[:, index] += counts.get(number, 0.0), reference_counts.get(number, 0.0)
    # NaN equals nothing: each side has its bin of values that are not finite, as in TFDV.
    masses[0, -2], masses[1, -1] = map(_not_finite, (now, before))
    return Bins.of(labels, *masses)


def value_counts(statistics: FeatureNameStatistics) -> dict[str, float] | None:
    """Return the count of each number from `custom_stats`; None where they do not list them.

    `recordmill.schemas.statistics.proto` says when they do.
    """
    for custom in statistics.custom_stats:
        if custom.name == "value_counts":
            return {bucket.label: bucket.sample_count for bucket in custom.rank_histogram.buckets}
    return None


def _not_finite(statistics: FeatureNameStatistics) -> float:
    histograms = statistics.num_stats.histograms
    return max((float(histogram.num_nan) for histogram in histograms), default=0.0)
