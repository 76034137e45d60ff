"""Skewness and distance of splits, computed from statistics without the data.

The histogram and the quantiles of a feature are points of one curve, its cumulative distribution
function: the share of the numbers up to a value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from ...schemas.anomalies.distances import CONFIDENCE, Distance, l_infinity

__all__ = [
    "common_stats",
    "cumulative_distribution",
    "custom_stats",
    "skewness",
    "split_distance",
]

_Doubles = npt.NDArray[np.float64]


def custom_stats(feature: Any) -> dict[str, Any]:
    """Return the `custom_stats` of a `FeatureNameStatistics`: numbers, strings, histograms by name.

    Args:
      feature: A `FeatureNameStatistics`.
    """
    return {
        entry.name: getattr(entry, entry.WhichOneof("val") or "num")
        for entry in feature.custom_stats
    }


def common_stats(feature: Any) -> Any:
    """Return the `CommonStatistics` of a `FeatureNameStatistics`; empty ones if it has none."""
    return getattr(feature, feature.WhichOneof("stats") or "num_stats").common_stats


def cumulative_distribution(feature: Any) -> tuple[_Doubles, _Doubles] | None:
    """Return the known points of the cumulative distribution function of a feature.

    Args:
      feature: A `FeatureNameStatistics`.

    Returns:
      Values, ascending, a value twice if many numbers are equal to it, and the shares of the
      numbers up to them, ascending in [0, 1]; both float64 [points]. None without numbers.
    """
    quantiles = custom_stats(feature).get("quantiles")
    histograms = [*feature.num_stats.histograms, *([quantiles] if quantiles else [])]
    histograms = [
        histogram
        for histogram in histograms
        if sum(bucket.sample_count for bucket in histogram.buckets) > 0
    ]
    if not histograms:
        return None
    values = np.array(list(chain.from_iterable(map(_edges, histograms))))
    shares = np.concatenate(list(map(_shares, histograms)))
    order = np.lexsort((shares, values))
    return values[order], np.maximum.accumulate(shares[order])


def _edges(histogram: Any) -> list[float]:
    return [histogram.buckets[0].low_value, *(bucket.high_value for bucket in histogram.buckets)]


def _shares(histogram: Any) -> _Doubles:
    counts = np.array([bucket.sample_count for bucket in histogram.buckets])
    shares: _Doubles = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
    return shares


def skewness(feature: Any) -> float | None:
    """Estimate the third standardized moment, from the cumulative distribution function.

    The mean and the standard deviation are those of the statistics.

    Args:
      feature: A `FeatureNameStatistics`.

    Returns:
      0 if all numbers are equal; None without numbers.
    """
    points, deviation = cumulative_distribution(feature), feature.num_stats.std_dev
    if points is None:
        return None
    values, shares = points
    if not deviation > 0:
        return 0.0
    middles = values[:-1] + np.diff(values) / 2
    return float(np.diff(shares) @ ((middles - feature.num_stats.mean) / deviation) ** 3)


def split_distance(features: Iterable[Any]) -> Distance | None:
    """Return the largest distance of a split of a feature from the first split.

    For strings it is the largest difference between the shares of a string (L-infinity). For
    numbers it is the largest difference between cumulative distribution functions (the
    Kolmogorov-Smirnov distance), or rather a lower bound of it that follows from the known points.
    Unlike a comparison of histograms, it is not affected by buckets of different widths.

    Args:
      features: `FeatureNameStatistics` of the feature in each split.

    Returns:
      The distance of the most distant split; None if no split can be compared.
    """
    first, *others = features
    distances = (_distance(feature, first) for feature in others)
    return max(filter(None, distances), key=lambda distance: distance.value, default=None)


def _distance(now: Any, before: Any) -> Distance | None:
    kinds = {now.WhichOneof("stats"), before.WhichOneof("stats")}
    if kinds == {"string_stats"}:
        return l_infinity(now, before)
    now_points, before_points = cumulative_distribution(now), cumulative_distribution(before)
    if now_points is None or before_points is None:
        return None
    grid = np.union1d(now_points[0], before_points[0])
    now_low, now_high = _bounds(now_points, grid)
    before_low, before_high = _bounds(before_points, grid)
    bound = max(float(np.max(now_low - before_high)), float(np.max(before_low - now_high)))
    sizes = [feature.num_stats.common_stats.num_non_missing for feature in (now, before)]
    return Distance(min(max(bound, 0.0), 1.0), _ks_noise(*sizes), ())


def _bounds(points: tuple[_Doubles, _Doubles], grid: _Doubles) -> tuple[_Doubles, _Doubles]:
    """Return lower and upper bounds of the distribution function at each value of a grid."""
    values, shares = points
    after = np.searchsorted(values, grid, side="right")
    padded = np.concatenate([[0.0], shares, [1.0]])
    return padded[after], padded[after + 1]


def _ks_noise(first: float, second: float) -> float:
    """Return the distance that two samples exceed with probability 1 - `CONFIDENCE`.

    Source: Smirnov, 1948.

    Args:
      first: Size of one sample.
      second: Size of the other.

    >>> round(_ks_noise(32561, 16281), 4)
    0.0187
    """
    return min(1.0, math.sqrt(-math.log((1 - CONFIDENCE) / 2) / 2 * (1 / first + 1 / second)))
