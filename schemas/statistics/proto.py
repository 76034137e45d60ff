"""Statistics as `tensorflow_metadata` protos, filled as TensorFlow Data Validation fills them.

Statistics that TFDV has no field for are in `custom_stats`. Every number that can come from a
sketch has its error beside it, which is 0 where the number is exact.

    of a number column   `unique`, `unique_error`  number of distinct values, and its relative
                                                   standard error
                         `rank_error`              bound of the error of the ranks of the median,
                                                   quantiles and edges, as a share of the numbers
                         `quantiles`               histogram of 20 buckets of equal count
                         `value_counts`            exact count of each number, as a rank histogram,
                                                   of at most 1,000 distinct integers, or 20
                                                   distinct numbers otherwise
    of a string column   `unique_error`            relative standard error of `unique`
                         `top_values_error`        bound by which the counts of the top values and
                                                   the rank histogram are too low
                         `min_length`, `max_length`  in bytes of UTF-8, as `avg_length` is
    of either            `label_association`       association with the label, in [0, 1], as
                                                   `recordmill.schemas.statistics.association`
                         `label_association_kind`  defines it for each kind

Strings are cut to 200 characters, and then end in "…".
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from tensorflow_metadata.proto.v0.statistics_pb2 import (
    CommonStatistics,
    FeatureNameStatistics,
    Histogram,
    RankHistogram,
)

from ..column import Column, ColumnType
from .association import Association
from .columns import LISTED, LISTED_FRACTIONS, Moments, Numbers, Strings
from .sketches import Counts

__all__ = ["feature_proto", "quantiles", "values_proto"]

_BUCKETS = 10
_FINE_BUCKETS = 20
_TOP_VALUES = 20
_MAX_CHARACTERS = 200

_Doubles = npt.NDArray[np.float64]
_TYPES = {
    "int64": FeatureNameStatistics.INT,
    "float32": FeatureNameStatistics.FLOAT,
    "string": FeatureNameStatistics.STRING,
}


def feature_proto(
    column: Column, values: Numbers | Strings, association: Association | None = None
) -> FeatureNameStatistics:
    """Return the statistics of a column; without values, only the number of missing ones.

    Args:
      column: The column.
      values: Accumulator of its values.
      association: Association with the label; None without a label.
    """
    proto = _proto(column.name, column.type, values)
    _fill_common(_common(proto), values.count, values.missing, _one_each(values.count))
    measure = association.measure() if association else None
    if measure:
        _custom(proto, label_association=measure.value)
        proto.custom_stats.add(name="label_association_kind", str=measure.kind)
    return proto


def values_proto(name: str, values: Numbers | Strings, lengths: Numbers) -> FeatureNameStatistics:
    """Return the statistics of a feature with any number of values a row.

    Args:
      name: Name of the feature.
      values: Values of all rows.
      lengths: Number of values of each row; a row with 0 counts as missing.
    """
    proto = _proto(name, values.type, values)
    numbers, rows = lengths.points()
    positive = numbers > 0
    missing = int(rows[~positive].sum())
    _fill_common(_common(proto), values.count, missing, (numbers[positive], rows[positive]))
    return proto


def _proto(name: str, kind: ColumnType, values: Numbers | Strings) -> FeatureNameStatistics:
    """Return the statistics of values, without those of rows."""
    proto = FeatureNameStatistics(type=_TYPES[kind])
    proto.path.step.append(name)
    if isinstance(values, Strings):
        proto.string_stats.SetInParent()
        if values.count:
            _fill_strings(proto, values)
    else:
        proto.num_stats.SetInParent()
        if values.count:
            _fill_numbers(proto, values)
    return proto


def _common(proto: FeatureNameStatistics) -> CommonStatistics:
    kind = proto.WhichOneof("stats")
    common: CommonStatistics = getattr(proto, kind or "").common_stats
    common.SetInParent()
    return common


def _one_each(rows: int) -> tuple[_Doubles, Counts]:
    return np.ones(min(rows, 1)), np.full(min(rows, 1), rows)


def quantiles(values: _Doubles, counts: Counts, at: npt.ArrayLike) -> _Doubles:
    """Return quantiles, interpolated between neighbours as numpy and pandas do by default.

    Args:
      values: At least one number, ascending; [values].
      counts: Count of each number; [values].
      at: Shares of the numbers, each in [0, 1]; [shares].

    Returns:
      The quantile of each share; float64, [shares].

    >>> quantiles(np.array([1.0, 5.0]), np.array([3, 1]), [0.0, 0.5, 0.75, 1.0])
    array([1., 1., 2., 5.])
    """
    ends = np.cumsum(counts)
    ranks = np.asarray(at) * (ends[-1] - 1)
    floors = np.floor(ranks)
    low, high = (
        values[np.searchsorted(ends, np.minimum(rank, ends[-1] - 1), side="right")]
        for rank in (floors, floors + 1)
    )
    share, step = ranks - floors, high - low
    # From the nearer neighbour, as numpy does: low + step may round to another number than high.
    between: _Doubles = np.where(share < 0.5, low + step * share, high - step * (1 - share))
    return between


def _fill_common(
    proto: CommonStatistics, values: int, missing: int, lengths: tuple[_Doubles, Counts]
) -> None:
    """Fill the numbers of rows with and without values, and of values a row.

    Args:
      proto: Proto to fill.
      values: Number of values.
      missing: Number of rows without values.
      lengths: Distinct numbers of values a row, ascending, and the number of rows of each.
    """
    numbers, counts = lengths
    rows = int(counts.sum())
    proto.num_non_missing, proto.num_missing = rows, missing
    if rows:
        proto.min_num_values, proto.max_num_values = int(numbers[0]), int(numbers[-1])
        proto.avg_num_values, proto.tot_num_values = values / rows, values
        bounds = quantiles(numbers, counts, np.arange(_BUCKETS + 1) / _BUCKETS)
        proto.num_values_histogram.CopyFrom(_equal_counts(bounds, rows))


def _fill_numbers(proto: FeatureNameStatistics, numbers: Numbers) -> None:
    stats, moments = proto.num_stats, numbers.moments
    if moments is None:
        stats.histograms.add(type=Histogram.STANDARD, num_nan=numbers.not_finite)
        stats.histograms.add(type=Histogram.QUANTILES, num_nan=numbers.not_finite)
        return
    values, counts = numbers.points()
    stats.mean, stats.std_dev, stats.num_zeros = moments.mean, moments.std_dev, moments.zeros
    stats.min, stats.max = moments.minimum, moments.maximum
    shares = np.arange(_FINE_BUCKETS + 1) / _FINE_BUCKETS
    bounds = quantiles(values, counts, shares)
    bounds[0], bounds[-1] = moments.minimum, moments.maximum
    stats.median = bounds[_FINE_BUCKETS // 2]
    stats.histograms.append(_equal_widths(values, counts, moments))
    stats.histograms.append(_equal_counts(bounds[:: _FINE_BUCKETS // _BUCKETS], moments.count))
    for histogram in stats.histograms:
        histogram.num_nan = numbers.not_finite
    unique, unique_error = numbers.unique()
    _custom(proto, unique=unique, unique_error=unique_error, rank_error=numbers.rank_error())
    proto.custom_stats.add(name="quantiles", histogram=_equal_counts(bounds, moments.count))
    if _is_listed(numbers):
        proto.custom_stats.add(name="value_counts", rank_histogram=_value_counts(numbers))


def _is_listed(numbers: Numbers) -> bool:
    """Return whether the finite numbers are few enough to list with their counts."""
    values = numbers.values
    if len(values) <= LISTED_FRACTIONS:
        return len(values) > 0
    integral = numbers.type == "int64" or bool((values == np.trunc(values)).all())
    return integral and len(values) <= LISTED


def _value_counts(numbers: Numbers) -> RankHistogram:
    """List numbers, the most common first; of equal counts, the smaller first."""
    proto = RankHistogram()
    order = np.argsort(-numbers.counts, kind="stable")
    for rank, index in enumerate(order):
        value, count = numbers.values[index], int(numbers.counts[index])
        label = str(int(value)) if value == np.trunc(value) else str(value)
        proto.buckets.add(low_rank=rank, high_rank=rank, label=label, sample_count=count)
    return proto


def _fill_strings(proto: FeatureNameStatistics, strings: Strings) -> None:
    stats = proto.string_stats
    stats.unique, unique_error = strings.unique()
    stats.avg_length = strings.total_bytes / strings.count
    for rank, (value, count) in enumerate(strings.top(LISTED)):
        if len(value) > _MAX_CHARACTERS:
            value = value[:_MAX_CHARACTERS] + "…"
        if rank < _TOP_VALUES:
            stats.top_values.add(value=value, frequency=count)
        # TFDV counts ranks from 0 and makes both ends the same.
        stats.rank_histogram.buckets.add(
            low_rank=rank, high_rank=rank, label=value, sample_count=count
        )
    _custom(
        proto,
        unique_error=unique_error,
        top_values_error=strings.top_error(),
        min_length=strings.shortest,
        max_length=strings.longest,
    )


def _custom(proto: FeatureNameStatistics, **numbers: float | None) -> None:
    for name, number in numbers.items():
        proto.custom_stats.add(name=name, num=number)


def _equal_counts(bounds: _Doubles, count: int) -> Histogram:
    proto = Histogram(type=Histogram.QUANTILES)
    buckets = len(bounds) - 1
    for low, high in pairwise(bounds):
        proto.buckets.add(low_value=low, high_value=high, sample_count=count / buckets)
    return proto


def _equal_widths(values: _Doubles, counts: Counts, moments: Moments) -> Histogram:
    """Return buckets of equal width, without their high value except for the last."""
    proto = Histogram(type=Histogram.STANDARD)
    low, high = float(moments.minimum), float(moments.maximum)
    edges = np.linspace(low, high, _BUCKETS + 1 if low < high else 2)
    below = np.concatenate([[0], np.cumsum(counts)])[np.searchsorted(values, edges[1:-1])]
    inside = np.diff(below, prepend=0, append=moments.count)
    for (low, high), count in zip(pairwise(edges), inside, strict=True):
        proto.buckets.add(low_value=low, high_value=high, sample_count=count)
    return proto
