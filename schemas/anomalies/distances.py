"""Distances of two distributions by their statistics: L-infinity and Jensen-Shannon.

Both follow TensorFlow Data Validation, and take the `tensorflow_metadata` statistics of a feature.
Two samples of one population differ too, so each distance comes with the one that chance alone
exceeds once in a thousand times.
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
    "jensen_shannon",
    "l_infinity",
    "sampling_noise",
    "share_noise",
]

CONFIDENCE = 0.999
"""Probability that the distance of two samples of one population is below `Distance.chance`."""

_Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Share:
    """Shares of a value, or of a bin, in two distributions.

    Attributes:
      label: The value, or the bounds of the bin.
      before: Share of the reference data, in [0, 1].
      now: Share of the data, in [0, 1].
    """

    label: str
    before: float
    now: float


@dataclass(frozen=True)
class Distance:
    """Distance of a distribution from another.

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
    now: FeatureNameStatistics, before: FeatureNameStatistics, *, limit: int = 3
) -> Distance | None:
    """Return the largest difference of the shares of one value: max |p(value) - q(value)|.

    TFDV's `infinity_norm`, except that TFDV divides by the sum of the counts in the rank
    histogram, and this function by the number of all values. Both are equal as long as every value
    is listed (recordmill lists 1,000); otherwise TFDV's shares grow where other values are not
    listed. A value that only one side lists counts as the most that it can be on the other.

    Chance: the difference of two proportions has a standard error of sqrt(p (1 - p) (1/n + 1/m)),
    where p is the proportion in both together; its quantile for the value that differs most, at a
    level that Bonferroni's inequality divides by the number of values.

    Args:
      now: Statistics of a string feature.
      before: Statistics of the reference data.
      limit: Number of values in `Distance.shares`, at most.

    Returns:
      The distance; None where either has no values.
    """
    data, reference = (_Listed.of(statistics) for statistics in (now, before))
    if data is None or reference is None:
        return None
    shares = [_shares_of(label, data, reference) for label in {**data.counts, **reference.counts}]
    shares.sort(key=lambda share: (-abs(share.now - share.before), share.label))
    first = shares[0]
    return Distance(
        value=abs(first.now - first.before),
        chance=share_noise(first.now, data.total, first.before, reference.total, among=len(shares)),
        shares=tuple(share for share in shares[:limit] if share.now != share.before),
    )


def jensen_shannon(
    now: FeatureNameStatistics,
    before: FeatureNameStatistics,
    *,
    kind: Histogram.HistogramType,
    open_ended: bool = False,
    by_value: bool = False,
    limit: int = 3,
) -> Distance | None:
    """Return the Jensen-Shannon divergence of two histograms: (D(p || m) + D(q || m)) / 2 bits.

    m is the mean of p and q, D(p || m) = sum of p log2(p / m) (Lin, "Divergence measures based on
    the Shannon entropy", 1991). As in TFDV's `jensen_shannon_divergence`, the bins lie between all
    bounds of both histograms, and a split bucket counts as evenly filled; a bucket without width
    is a bin of its own; NaN and infinite values match nothing.

    Chance: with k bins, 8 ln(2) / (1/n + 1/m) times the divergence of two samples of one
    population follows chi-square with k - 1 degrees of freedom (the second-order expansion in
    Grosse et al., "Analysis of symbolic sequences using the Jensen-Shannon divergence", 2002).

    Args:
      now: Statistics of a number feature.
      before: Statistics of the reference data.
      kind: Type of the histograms. STANDARD has buckets of equal width, which one outlier
        stretches; QUANTILES has buckets of equal counts.
      open_ended: Whether to extend the first and the last bucket of both to the outer bounds of
        either. Otherwise one outlier widens its bucket, whose count then spreads over an empty
        range; TFDV does not guard against that.
      by_value: Whether to compare numbers exactly that both statistics list with their counts: few
        of them one by one, since a bucket merges codes such as 404 and 500; more of them in the
        bins of the histograms, with exact counts of each bin. `exact_bins` says how many are few.
      limit: Number of values or bins in `Distance.shares`, at most.

    Returns:
      The divergence; None where either has no values, or no such histogram. The shares of numbers
      that both list are exact, whatever `by_value` is.
    """
    first, second = (_histogram(statistics, kind) for statistics in (now, before))
    if first is None or second is None:
        return None
    pair = (first, second)
    sizes = [statistics.num_stats.common_stats.num_non_missing for statistics in (now, before)]
    sides = [_Masses.of(histogram) for histogram in (_extend(pair) if open_ended else pair)]
    bounds = _bounds_of(sides)
    binned = _align(sides, bounds)
    exact = exact_bins(now, before, bounds, sizes) or binned
    divergence, used = _divergence(exact if by_value else binned)
    # Exact counts can be equal where the estimates by histograms differ.
    shares = _largest_changes(exact, limit) or _largest_changes(binned, limit)
    return Distance(divergence, sampling_noise(used, *sizes), shares)


def _divergence(bins: Bins) -> tuple[float, int]:
    """Return the divergence of two distributions, in bits, and the number of bins in use."""
    middle = (bins.p + bins.q) / 2
    used = middle > 0
    p, q, middle = bins.p[used], bins.q[used], middle[used]
    bits = float((_entropy_terms(p, middle) + _entropy_terms(q, middle)).sum() / 2)
    return min(max(bits, 0.0), 1.0), len(middle)


def _largest_changes(bins: Bins, limit: int) -> tuple[Share, ...]:
    """Return at most `limit` bins that differ, the largest difference first."""
    p, q = bins.p, bins.q
    order = np.argsort(-np.abs(p - q), kind="stable")[:limit]
    return tuple(Share(bins.labels[i], float(q[i]), float(p[i])) for i in order if p[i] != q[i])


def sampling_noise(bins: int, rows: float, reference_rows: float) -> float:
    """Return the Jensen-Shannon divergence of two samples due to chance; at most 1.

    Args:
      bins: Number of bins.
      rows: Size of one sample, at least 1.
      reference_rows: Size of the other, at least 1.

    >>> round(sampling_noise(20, 32561, 16281), 4)
    0.0007
    >>> round(sampling_noise(20, 30, 32561), 2)
    0.26
    """
    return min(1.0, _chi_square(bins - 1) * (1 / rows + 1 / reference_rows) / (8 * math.log(2)))


def share_noise(
    now: float, rows: float, before: float, reference_rows: float, *, among: int = 1
) -> float:
    """Return the difference of a share in two samples due to chance; at most 1.

    Args:
      now: Share in one sample, in [0, 1].
      rows: Size of that sample, at least 1.
      before: Share in the other sample, in [0, 1].
      reference_rows: Size of the other sample, at least 1.
      among: Number of shares of which this one differs most.

    >>> round(share_noise(0.5, 50, 0.4, 5000), 2)
    0.23
    """
    pooled = (now * rows + before * reference_rows) / (rows + reference_rows)
    error = math.sqrt(max(0.0, pooled * (1 - pooled)) * (1 / rows + 1 / reference_rows))
    return min(1.0, NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2 / among) * error)


def _chi_square(freedom: int) -> float:
    """Return the chi-square quantile at `CONFIDENCE` (Wilson and Hilferty, 1931).

    Args:
      freedom: Degrees of freedom; 0 gives 0.0.

    >>> [round(_chi_square(freedom), 1) for freedom in (0, 1, 10, 19)]
    [0.0, 11.2, 29.8, 43.9]
    """
    if freedom < 1:
        return 0.0
    step = 2 / (9 * freedom)
    return freedom * (1 - step + NormalDist().inv_cdf(CONFIDENCE) * math.sqrt(step)) ** 3


@dataclass(frozen=True)
class _Listed:
    """Values that the statistics of a string feature list.

    Attributes:
      counts: Count of each listed value.
      total: Number of values, listed or not.
      rarest: Greatest count of a value that is not listed.
    """

    counts: Mapping[str, float]
    total: float
    rarest: float

    @classmethod
    def of(cls, statistics: FeatureNameStatistics) -> _Listed | None:
        stats = statistics.string_stats
        buckets = stats.rank_histogram.buckets
        counts = {bucket.label: bucket.sample_count for bucket in buckets} or {
            top.value: top.frequency for top in stats.top_values
        }
        if not counts:
            return None
        total = max(stats.common_stats.num_non_missing, sum(counts.values()))
        return cls(counts, total, min(counts.values()) if stats.unique > len(counts) else 0.0)


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
        count = histogram.num_nan + sum(bucket.sample_count for bucket in histogram.buckets)
        if histogram.type == kind and count:
            return histogram
    return None


def _extend(histograms: Sequence[Histogram]) -> list[Histogram]:
    """Extend the outermost buckets with a width to the outer bounds of all histograms."""
    extended = []
    for histogram in histograms:
        copy = Histogram()
        copy.CopyFrom(histogram)
        first, last = copy.buckets[0], copy.buckets[-1]
        if first.low_value < first.high_value:
            first.low_value = min(other.buckets[0].low_value for other in histograms)
        if last.low_value < last.high_value:
            last.high_value = max(other.buckets[-1].high_value for other in histograms)
        extended.append(copy)
    return extended


def _bounds_of(sides: Sequence[_Masses]) -> Bounds:
    """Return the bounds of all buckets of both sides."""
    edges = np.unique([bound for side in sides for bucket in side.buckets for bound in bucket[:2]])
    return Bounds(edges, sorted({value for side in sides for value in side.points}))


def _align(sides: Sequence[_Masses], bounds: Bounds) -> Bins:
    """Distribute both histograms over common bins."""
    masses = [
        [*side.between(bounds.edges), *(side.points.get(value, 0.0) for value in bounds.points)]
        for side in sides
    ]
    return Bins.of(
        bounds.labels(),
        [*masses[0], sides[0].not_finite, 0.0],
        [*masses[1], 0.0, sides[1].not_finite],
    )


@dataclass(frozen=True)
class _Masses:
    """Counts of a histogram, by kind of bucket.

    Attributes:
      buckets: (low, high, count) of each bucket with a width.
      points: Count of each bucket without width, by its value.
      not_finite: Number of values that are NaN or infinite.
    """

    buckets: list[tuple[float, float, float]]
    points: Mapping[float, float]
    not_finite: float

    @classmethod
    def of(cls, histogram: Histogram) -> _Masses:
        wide: list[tuple[float, float, float]] = []
        points: dict[float, float] = {}
        not_finite = float(histogram.num_nan)
        for low, high, count in _bounds(histogram.buckets):
            if not (math.isfinite(low) and math.isfinite(high)):
                not_finite += count
            elif low == high:
                points[low] = points.get(low, 0.0) + count
            else:
                wide.append((low, high, count))
        return cls(wide, points, not_finite)

    def between(self, edges: _Doubles) -> _Doubles:
        """Return the count between each edge and the next, [edges - 1]; buckets evenly filled."""
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
