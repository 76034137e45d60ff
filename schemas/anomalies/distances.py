"""How far apart two distributions are, by their statistics: L-infinity and Jensen-Shannon.

Both are computed as TensorFlow Data Validation does it, from what a
`tensorflow_metadata` statistics proto tells of a feature. Two samples of one population differ
too: so each distance comes with the one that chance alone would exceed once in a thousand times.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from tensorflow_metadata.proto.v0.statistics_pb2 import FeatureNameStatistics, Histogram

from .distance_bins import Bins, Bounds, exact_bins

__all__ = [
    "CONFIDENCE",
    "Distance",
    "Share",
    "sampling_noise",
    "jensen_shannon",
    "l_infinity",
    "share_by_chance",
]

CONFIDENCE = 0.999
"""How often chance alone stays below the distance that is called its."""

_Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Share:
    """How much of two distributions is one value, or in one bin.

    Attributes:
      label: The value, or the bounds of the bin.
      before: Its share of the one it is compared with, in [0, 1].
      now: Its share of the one at hand, in [0, 1].
    """

    label: str
    before: float
    now: float


@dataclass(frozen=True)
class Distance:
    """How far a distribution is from another.

    Attributes:
      value: The distance, in [0, 1].
      chance: The distance that two samples of these sizes, of one population, exceed with a
        probability of 1 - `CONFIDENCE`.
      shares: The values or bins that differ most, the largest difference first.
    """

    value: float
    chance: float
    shares: tuple[Share, ...]


def l_infinity(
    now: FeatureNameStatistics, before: FeatureNameStatistics, *, shown: int = 3
) -> Distance | None:
    """The largest difference of the shares of one value: max |p(value) - q(value)|.

    TFDV's `infinity_norm`. It divides by the counts of the values that the rank histogram lists;
    here they are divided by all values there are. That is the same as long as every value is listed
    (we list 1,000), and else keeps the share of a value from growing where others go unlisted. A
    value that only one side lists is taken to be as common on the other as it can be there.

    Chance: the difference of two proportions has a standard error of sqrt(p (1 - p) (1/n + 1/m)),
    p being that of both together; its quantile for the value that differs most, at a level that
    Bonferroni's inequality divides by the number of values.

    Args:
      now: The statistics of a string feature.
      before: Those it is compared with.
      shown: How many values to name.

    Returns:
      The distance; None where either has no values.
    """
    sides = [_Listed.of(statistics) for statistics in (now, before)]
    if any(side is None for side in sides):
        return None
    mine, other = (side for side in sides if side is not None)
    shares = [_shares_of(label, mine, other) for label in {**mine.counts, **other.counts}]
    shares.sort(key=lambda share: (-abs(share.now - share.before), share.label))
    first = shares[0]
    return Distance(
        value=abs(first.now - first.before),
        chance=share_by_chance(first.now, mine.total, first.before, other.total, among=len(shares)),
        shares=tuple(share for share in shares[:shown] if share.now != share.before),
    )


def jensen_shannon(
    now: FeatureNameStatistics,
    before: FeatureNameStatistics,
    *,
    kind: Histogram.HistogramType,
    open_ended: bool = False,
    by_value: bool = False,
    shown: int = 3,
) -> Distance | None:
    """The Jensen-Shannon divergence of two histograms, in bits: (D(p || m) + D(q || m)) / 2.

    m is the mean of p and q, D(p || m) = sum of p log2(p / m) (Lin, "Divergence measures based on
    the Shannon entropy", 1991). As in TFDV's `jensen_shannon_divergence`, the bins are those
    between all bounds of both histograms, and a bucket that is cut is taken to be evenly filled; a
    bucket without width stays a bin of its own; NaN and infinite values match nothing.

    Chance: with k bins, 8 ln(2) / (1/n + 1/m) times the divergence of two samples of one
    population follows chi-square with k - 1 degrees of freedom (the second-order expansion in
    Grosse et al., "Analysis of symbolic sequences using the Jensen-Shannon divergence", 2002).

    Args:
      now: The statistics of a number feature.
      before: Those it is compared with.
      kind: Which of their histograms. Standard ones have bins of equal width, which one outlier
        stretches; those of quantiles hold equal counts.
      open_ended: Whether the first and the last bucket of both reach as far out as that of either.
        Else one outlier makes its bucket wide, and spreads where nothing is what it holds; TFDV
        does not guard against that.
      by_value: Whether numbers that both statistics list with their counts are compared exactly:
        few of them one by one, for a bucket takes codes such as 404 and 500 for one stretch; more
        of them in the bins of the histograms, without taking buckets to be evenly filled. Few are
        at most 20, since histograms make as many bins, or as many as have 10 values each on either
        side: of more, chance alone would exceed half of a threshold of 0.1.
      shown: How many values or bins to name.

    Returns:
      The divergence; None where either has no values, or no such histogram. The shares of numbers
      that both list are exact whatever is compared.
    """
    histograms = [_histogram(statistics, kind) for statistics in (now, before)]
    if any(histogram is None for histogram in histograms):
        return None
    found = [histogram for histogram in histograms if histogram is not None]
    sizes = [one.num_stats.common_stats.num_non_missing for one in (now, before)]
    sides = [_Masses.of(one) for one in (_opened(found) if open_ended else found)]
    bounds = _bounds_of(sides)
    binned = _aligned(sides, bounds)
    exact = exact_bins(now, before, bounds, sizes) or binned
    compared = exact if by_value else binned
    middle = (compared.p + compared.q) / 2
    used = middle > 0
    p, q = compared.p[used], compared.q[used]
    bits = (_entropy_terms(p, middle[used]) + _entropy_terms(q, middle[used])).sum() / 2
    return Distance(
        value=min(max(float(bits), 0.0), 1.0),
        chance=sampling_noise(int(used.sum()), *sizes),
        shares=_moved(exact, shown) or _moved(binned, shown),
    )


def _moved(bins: Bins, shown: int) -> tuple[Share, ...]:
    """The bins that differ most, at most so many, the largest difference first."""
    p, q = bins.p, bins.q
    order = np.argsort(-np.abs(p - q), kind="stable")[:shown]
    return tuple(Share(bins.labels[i], float(q[i]), float(p[i])) for i in order if p[i] != q[i])


def sampling_noise(bins: int, rows: float, others: float) -> float:
    """The Jensen-Shannon divergence that samples of so many rows owe to chance; at most 1.

    >>> round(sampling_noise(20, 32561, 16281), 4)
    0.0007
    >>> round(sampling_noise(20, 30, 32561), 2)
    0.26
    """
    return min(1.0, _chi_square(bins - 1) * (1 / rows + 1 / others) / (8 * math.log(2)))


def share_by_chance(
    now: float, rows: float, before: float, others: float, *, among: int = 1
) -> float:
    """The difference of two shares that samples of so many rows owe to chance; at most 1.

    Args:
      now: The share in the one sample.
      rows: Its size, at least 1.
      before: The share in the other.
      others: The size of that.
      among: Of how many shares these are the ones that differ most.

    >>> round(share_by_chance(0.5, 50, 0.4, 5000), 2)
    0.23
    """
    pooled = (now * rows + before * others) / (rows + others)
    error = math.sqrt(max(0.0, pooled * (1 - pooled)) * (1 / rows + 1 / others))
    return min(1.0, NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2 / among) * error)


def _chi_square(freedom: int) -> float:
    """The quantile of chi-square at `CONFIDENCE` (Wilson and Hilferty, 1931); 0 of no freedom.

    >>> [round(_chi_square(freedom), 1) for freedom in (0, 1, 10, 19)]
    [0.0, 11.2, 29.8, 43.9]
    """
    if freedom < 1:
        return 0.0
    step = 2 / (9 * freedom)
    return freedom * (1 - step + NormalDist().inv_cdf(CONFIDENCE) * math.sqrt(step)) ** 3


@dataclass(frozen=True)
class _Listed:
    """The values that statistics list.

    Attributes:
      counts: How often each occurs.
      total: How many values there are, listed or not.
      rarest: How often a value that is not listed can occur.
    """

    counts: Mapping[str, float]
    total: float
    rarest: float

    @classmethod
    def of(cls, statistics: FeatureNameStatistics) -> _Listed | None:
        found = statistics.string_stats
        buckets = found.rank_histogram.buckets
        counts = {bucket.label: bucket.sample_count for bucket in buckets} or {
            top.value: top.frequency for top in found.top_values
        }
        if not counts:
            return None
        total = max(found.common_stats.num_non_missing, sum(counts.values()))
        return cls(counts, total, min(counts.values()) if found.unique > len(counts) else 0.0)


def _shares_of(label: str, now: _Listed, before: _Listed) -> Share:
    shares = []
    for side, other in ((now, before), (before, now)):
        unlisted = min(side.rarest / side.total, other.counts.get(label, 0) / other.total)
        shares.append(side.counts[label] / side.total if label in side.counts else unlisted)
    return Share(label, before=shares[1], now=shares[0])


def _histogram(
    statistics: FeatureNameStatistics, kind: Histogram.HistogramType
) -> Histogram | None:
    for histogram in statistics.num_stats.histograms:
        held = histogram.num_nan + sum(bucket.sample_count for bucket in histogram.buckets)
        if histogram.type == kind and held:
            return histogram
    return None


def _opened(histograms: Sequence[Histogram]) -> list[Histogram]:
    """The histograms with outermost buckets that reach equally far, where they have a width."""
    opened = []
    for histogram in histograms:
        copy = Histogram()
        copy.CopyFrom(histogram)
        first, last = copy.buckets[0], copy.buckets[-1]
        if first.low_value < first.high_value:
            first.low_value = min(one.buckets[0].low_value for one in histograms)
        if last.low_value < last.high_value:
            last.high_value = max(one.buckets[-1].high_value for one in histograms)
        opened.append(copy)
    return opened


def _bounds_of(sides: Sequence[_Masses]) -> Bounds:
    """The bounds of all buckets of both sides."""
    edges = np.unique([bound for side in sides for bucket in side.buckets for bound in bucket[:2]])
    return Bounds(edges, sorted({value for side in sides for value in side.points}))


def _aligned(sides: Sequence[_Masses], bounds: Bounds) -> Bins:
    """Bins that fit both histograms."""
    masses = [
        [*side.between(bounds.edges), *(side.points.get(value, 0.0) for value in bounds.points)]
        for side in sides
    ]
    return Bins.of(
        bounds.labels(), [*masses[0], sides[0].apart, 0.0], [*masses[1], 0.0, sides[1].apart]
    )


@dataclass(frozen=True)
class _Masses:
    """What a histogram holds, by kind.

    Attributes:
      buckets: (low, high, count) of those with a width.
      points: The count at each value that has a bucket to itself.
      apart: How many values are NaN or infinite.
    """

    buckets: list[tuple[float, float, float]]
    points: Mapping[float, float]
    apart: float

    @classmethod
    def of(cls, histogram: Histogram) -> _Masses:
        wide: list[tuple[float, float, float]] = []
        points: dict[float, float] = {}
        apart = float(histogram.num_nan)
        for low, high, count in _bounds(histogram.buckets):
            if not (math.isfinite(low) and math.isfinite(high)):
                apart += count
            elif low == high:
                points[low] = points.get(low, 0.0) + count
            else:
                wide.append((low, high, count))
        return cls(wide, points, apart)

    def between(self, edges: _Doubles) -> _Doubles:
        """How much lies between each edge and the next."""
        below = np.zeros(len(edges))
        for low, high, count in self.buckets:
            below += count * np.clip((edges - low) / (high - low), 0, 1)
        between: _Doubles = np.diff(below)
        return between


def _bounds(buckets: Iterable[Histogram.Bucket]) -> Iterator[tuple[float, float, float]]:
    for bucket in buckets:
        yield bucket.low_value, bucket.high_value, bucket.sample_count


def _entropy_terms(p: _Doubles, middle: _Doubles) -> _Doubles:
    terms: _Doubles = np.where(p > 0, p * np.log2(np.where(p > 0, p, 1) / middle), 0.0)
    return terms
