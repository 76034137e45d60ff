"""What the report works out of the statistics of a feature alone.

A histogram and the quantiles of a feature together are points of one curve: the share of the
numbers up to a value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from ...schemas.anomalies.distances import CONFIDENCE, Distance, l_infinity

__all__ = ["apart", "common", "curve", "custom", "skewness"]

_Doubles = npt.NDArray[np.float64]


def custom(feature: Any) -> dict[str, Any]:
    """The `custom_stats` of a `FeatureNameStatistics`: numbers, strings and histograms by name."""
    return {one.name: getattr(one, one.WhichOneof("val") or "num") for one in feature.custom_stats}


def common(feature: Any) -> Any:
    """The `CommonStatistics` of a `FeatureNameStatistics`; empty ones where it has none."""
    return getattr(feature, feature.WhichOneof("stats") or "num_stats").common_stats


def curve(feature: Any) -> tuple[_Doubles, _Doubles] | None:
    """The share of a feature's numbers up to each known value.

    Args:
      feature: A `FeatureNameStatistics`.

    Returns:
      Values, ascending, with a value twice where many numbers are equal to it, and shares in
      [0, 1], ascending; float64 [points] both. None where the feature has no numbers.
    """
    quantiles = custom(feature).get("quantiles")
    histograms = [*feature.num_stats.histograms, *([quantiles] if quantiles else [])]
    known = [one for one in histograms if sum(bucket.sample_count for bucket in one.buckets) > 0]
    if not known:
        return None
    values = np.array(list(chain.from_iterable(map(_edges, known))))
    shares = np.concatenate([_shares(one) for one in known])
    order = np.lexsort((shares, values))
    return values[order], np.maximum.accumulate(shares[order])


def _edges(histogram: Any) -> list[float]:
    return [histogram.buckets[0].low_value, *(bucket.high_value for bucket in histogram.buckets)]


def _shares(histogram: Any) -> _Doubles:
    counts = np.array([bucket.sample_count for bucket in histogram.buckets])
    shares: _Doubles = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
    return shares


def skewness(feature: Any) -> float | None:
    """The third standardized moment, about: of the curve, with the mean and deviation as they are.

    Returns:
      0 where all numbers are equal; None where there are none.
    """
    found, deviation = curve(feature), feature.num_stats.std_dev
    if found is None:
        return None
    values, shares = found
    if not deviation > 0:
        return 0.0
    middles = values[:-1] + np.diff(values) / 2
    return float(np.diff(shares) @ ((middles - feature.num_stats.mean) / deviation) ** 3)


def apart(features: Iterable[Any]) -> Distance | None:
    """How far the splits of a feature are from the first one: the largest difference of a share.

    Of strings that is the share of one string (L-infinity). Of numbers it is the share of those
    up to one number (the distance of Kolmogorov and Smirnov), as far as the points that are known
    of both curves prove it: unlike a comparison of histograms, it does not take whole numbers in
    buckets of another width for other numbers.

    Args:
      features: Its `FeatureNameStatistics` in each split.

    Returns:
      Of the split that is farthest; None where nothing can be compared.
    """
    first, *others = features
    found = (_distance(other, first) for other in others)
    return max((one for one in found if one), key=lambda one: one.value, default=None)


def _distance(now: Any, before: Any) -> Distance | None:
    kinds = {now.WhichOneof("stats"), before.WhichOneof("stats")}
    if kinds == {"string_stats"}:
        return l_infinity(now, before)
    curves = curve(now), curve(before)
    if curves[0] is None or curves[1] is None:
        return None
    grid = np.union1d(curves[0][0], curves[1][0])
    (least, most), (other_least, other_most) = (_bounds(one, grid) for one in curves if one)
    proven = max(float(np.max(least - other_most)), float(np.max(other_least - most)))
    sizes = [one.num_stats.common_stats.num_non_missing for one in (now, before)]
    return Distance(min(max(proven, 0.0), 1.0), _ks_by_chance(*sizes), ())


def _bounds(points: tuple[_Doubles, _Doubles], grid: _Doubles) -> tuple[_Doubles, _Doubles]:
    """Between what the share of the numbers up to each value of the grid must lie."""
    values, shares = points
    after = np.searchsorted(values, grid, side="right")
    padded = np.concatenate([[0.0], shares, [1.0]])
    return padded[after], padded[after + 1]


def _ks_by_chance(count: float, other: float) -> float:
    """What two samples exceed with a probability of 1 - `CONFIDENCE` (Smirnov, 1948).

    >>> round(_ks_by_chance(32561, 16281), 4)
    0.0187
    """
    return min(1.0, math.sqrt(-math.log((1 - CONFIDENCE) / 2) / 2 * (1 / count + 1 / other)))
