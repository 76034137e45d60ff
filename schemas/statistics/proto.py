"""Statistics as `tensorflow_metadata` protos, filled as TensorFlow Data Validation fills them.

What TFDV has no field for stands in `custom_stats`. Every number that can come from a sketch has
its error beside it, and that is 0 where the number is exact.

    of a number column   `unique`, `unique_error`  how many different ones, and the relative
                                                   standard error of that
                         `rank_error`              by what share of the numbers the ranks of the
                                                   median, quantiles and edges can be wrong
                         `quantiles`               a histogram of 20 buckets of equal count
                         `value_counts`            where at most 1,000 whole numbers, or 20 others,
                                                   are different: how often each occurs, exactly, as
                                                   the rank histogram of a string column says it
    of a string column   `unique_error`            the relative standard error of `unique`
                         `top_values_error`        how much more often a string can occur than the
                                                   top values and the rank histogram say
                         `min_length`, `max_length`  in bytes of UTF-8, as `avg_length` is
    of either            `label_association`       how strongly the column goes with the label, in
                                                   [0, 1]; `statistics_association` says what
                                                   `label_association_kind` means

Strings of more than 200 characters are cut there, and end in "…".
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
_LABEL = 200

_Doubles = npt.NDArray[np.float64]
_TYPES = {
    "int64": FeatureNameStatistics.INT,
    "float32": FeatureNameStatistics.FLOAT,
    "string": FeatureNameStatistics.STRING,
}


def feature_proto(
    column: Column, found: Numbers | Strings, association: Association | None = None
) -> FeatureNameStatistics:
    """The statistics of one column; of one without values, how many are missing and no more."""
    proto = _proto(column.name, column.type, found)
    _fill_common(_common(proto), found.count, found.missing, _one_each(found.count))
    measured = association.measured() if association else None
    if measured:
        _custom(proto, label_association=measured.value)
        proto.custom_stats.add(name="label_association_kind", str=measured.kind)
    return proto


def values_proto(name: str, values: Numbers | Strings, lengths: Numbers) -> FeatureNameStatistics:
    """The statistics of a feature of any number of values a row.

    Args:
      name: The feature's.
      values: Those of all rows.
      lengths: How many each row has; a row without one has the feature "missing".
    """
    proto = _proto(name, values.type, values)
    numbers, rows = lengths.points()
    some = numbers > 0
    missing = int(rows[~some].sum())
    _fill_common(_common(proto), values.count, missing, (numbers[some], rows[some]))
    return proto


def _proto(name: str, kind: ColumnType, found: Numbers | Strings) -> FeatureNameStatistics:
    """The statistics of values, of whatever rows."""
    proto = FeatureNameStatistics(type=_TYPES[kind])
    proto.path.step.append(name)
    if isinstance(found, Strings):
        proto.string_stats.SetInParent()
        if found.count:
            _fill_strings(proto, found)
    else:
        proto.num_stats.SetInParent()
        if found.count:
            _fill_numbers(proto, found)
    return proto


def _common(proto: FeatureNameStatistics) -> CommonStatistics:
    kind = proto.WhichOneof("stats")
    common: CommonStatistics = getattr(proto, kind or "").common_stats
    common.SetInParent()
    return common


def _one_each(rows: int) -> tuple[_Doubles, Counts]:
    return np.ones(min(rows, 1)), np.full(min(rows, 1), rows)


def quantiles(values: _Doubles, counts: Counts, at: npt.ArrayLike) -> _Doubles:
    """Quantiles of numbers, interpolated between neighbours as numpy and pandas do by default.

    Args:
      values: At least one number, ascending; [values].
      counts: How often each occurs; [values].
      at: The shares of the numbers, each in [0, 1]; [shares].

    Returns:
      The numbers below which those shares lie; [shares].

    >>> quantiles(np.array([1.0, 5.0]), np.array([3, 1]), [0.0, 0.5, 0.75, 1.0])
    array([1., 1., 2., 5.])
    """
    ends = np.cumsum(counts)
    places = np.asarray(at) * (ends[-1] - 1)
    floors = np.floor(places)
    low, high = (
        values[np.searchsorted(ends, np.minimum(place, ends[-1] - 1), side="right")]
        for place in (floors, floors + 1)
    )
    share, step = places - floors, high - low
    between: _Doubles = np.where(share < 0.5, low + step * share, high - step * (1 - share))
    return between


def _fill_common(
    proto: CommonStatistics, values: int, missing: int, lengths: tuple[_Doubles, Counts]
) -> None:
    """How many rows have values, and how many values they have.

    Args:
      proto: Is filled.
      values: How many values there are.
      missing: How many rows have none.
      lengths: How many values a row has, ascending, and how many rows have as many.
    """
    numbers, counts = lengths
    rows = int(counts.sum())
    proto.num_non_missing, proto.num_missing = rows, missing
    if rows:
        proto.min_num_values, proto.max_num_values = int(numbers[0]), int(numbers[-1])
        proto.avg_num_values, proto.tot_num_values = values / rows, values
        bounds = quantiles(numbers, counts, np.arange(_BUCKETS + 1) / _BUCKETS)
        proto.num_values_histogram.CopyFrom(_equal_counts(bounds, rows))


def _fill_numbers(proto: FeatureNameStatistics, found: Numbers) -> None:
    stats, moments = proto.num_stats, found.moments
    if moments is None:
        stats.histograms.add(type=Histogram.STANDARD, num_nan=found.not_finite)
        stats.histograms.add(type=Histogram.QUANTILES, num_nan=found.not_finite)
        return
    values, counts = found.points()
    stats.mean, stats.std_dev, stats.num_zeros = moments.mean, moments.std_dev, moments.zeros
    stats.min, stats.max = moments.minimum, moments.maximum
    shares = np.arange(_FINE_BUCKETS + 1) / _FINE_BUCKETS
    bounds = quantiles(values, counts, shares)
    bounds[0], bounds[-1] = moments.minimum, moments.maximum
    stats.median = bounds[_FINE_BUCKETS // 2]
    stats.histograms.append(_equal_widths(values, counts, moments))
    stats.histograms.append(_equal_counts(bounds[:: _FINE_BUCKETS // _BUCKETS], moments.count))
    for histogram in stats.histograms:
        histogram.num_nan = found.not_finite
    unique, unique_error = found.unique()
    _custom(proto, unique=unique, unique_error=unique_error, rank_error=found.rank_error())
    proto.custom_stats.add(name="quantiles", histogram=_equal_counts(bounds, moments.count))
    if _is_listed(found):
        proto.custom_stats.add(name="value_counts", rank_histogram=_value_counts(found))


def _is_listed(found: Numbers) -> bool:
    """Return whether the finite numbers are few enough to list with their counts."""
    values = found.values
    if len(values) <= LISTED_FRACTIONS:
        return len(values) > 0
    whole = found.type == "int64" or bool((values == np.trunc(values)).all())
    return whole and len(values) <= LISTED


def _value_counts(found: Numbers) -> RankHistogram:
    """List numbers, the most common first; of equal counts, the smaller first."""
    proto = RankHistogram()
    order = np.argsort(-found.counts, kind="stable")
    for rank, place in enumerate(order):
        value, count = found.values[place], int(found.counts[place])
        label = str(int(value)) if value == np.trunc(value) else str(value)
        proto.buckets.add(low_rank=rank, high_rank=rank, label=label, sample_count=count)
    return proto


def _fill_strings(proto: FeatureNameStatistics, found: Strings) -> None:
    stats = proto.string_stats
    stats.unique, unique_error = found.unique()
    stats.avg_length = found.total_bytes / found.count
    for rank, (value, count) in enumerate(found.top(LISTED)):
        value = value if len(value) <= _LABEL else value[:_LABEL] + "…"
        if rank < _TOP_VALUES:
            stats.top_values.add(value=value, frequency=count)
        # TFDV counts ranks from 0 and makes both ends the same.
        stats.rank_histogram.buckets.add(
            low_rank=rank, high_rank=rank, label=value, sample_count=count
        )
    _custom(
        proto,
        unique_error=unique_error,
        top_values_error=found.top_error(),
        min_length=found.shortest,
        max_length=found.longest,
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
    """Buckets that hold their low and not their high value; the last one holds both."""
    proto = Histogram(type=Histogram.STANDARD)
    low, high = float(moments.minimum), float(moments.maximum)
    edges = np.linspace(low, high, _BUCKETS + 1 if low < high else 2)
    below = np.concatenate([[0], np.cumsum(counts)])[np.searchsorted(values, edges[1:-1])]
    inside = np.diff(below, prepend=0, append=moments.count)
    for (low, high), count in zip(pairwise(edges), inside, strict=True):
        proto.buckets.add(low_value=low, high_value=high, sample_count=count)
    return proto
