"""Skew and drift: distances of columns from reference data, their thresholds and anomalies.

`infinity_norm` compares the categories of a string column, `jensen_shannon_divergence` the
histograms of a number column, or its values where they are few integers; neither fits the other
type. A distance above its threshold that two samples of the same data could have by chance is a
note, not an anomaly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_metadata.proto.v0.anomalies_pb2 import DriftSkewInfo
from tensorflow_metadata.proto.v0.statistics_pb2 import (
    DatasetFeatureStatistics,
    FeatureNameStatistics,
    Histogram,
)

from ..column import Column
from ..errors import RecipeError
from ..schema import Schema
from ..statistics.columns import LISTED
from .columns import Anomaly, common_of, feature_name
from .distance_bins import value_counts
from .distances import CONFIDENCE, Distance, jensen_shannon, l_infinity, share_noise
from .observed import InputSummary

__all__ = [
    "ColumnThreshold",
    "Comparison",
    "ComparisonResult",
    "DriftThresholds",
    "Kind",
    "Reference",
    "compare",
]

Kind = Literal["skew", "drift"]

_SHOWN = 5
_NAMES = {"skew": ("serving", "training"), "drift": ("current", "previous")}
_FITTING = {
    "string": "infinity_norm",
    "int64": "jensen_shannon_divergence",
    "float32": "jensen_shannon_divergence",
}
_COMPARES = {
    "infinity_norm": "categories, which are strings",
    "jensen_shannon_divergence": "histograms of numbers",
}
_MEASUREMENT = {
    "infinity_norm": DriftSkewInfo.Measurement.L_INFTY,
    "jensen_shannon_divergence": DriftSkewInfo.Measurement.JENSEN_SHANNON_DIVERGENCE,
}
_HIGH = {
    "infinity_norm": ("COMPARATOR_L_INFTY_HIGH", "High Linfty distance"),
    "jensen_shannon_divergence": (
        "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH",
        "High approximate Jensen-Shannon divergence",
    ),
}


@dataclass(frozen=True)
class ColumnThreshold:
    """Threshold of the distance of a column, and the measure of the distance.

    Attributes:
      threshold: The largest good distance, in [0, 1].
      comparator: "infinity_norm" or "jensen_shannon_divergence"; None for the one that fits the
        type of the column.
      quantiles: Whether Jensen-Shannon compares histograms of equal counts; else of equal widths.
      open_ended: Whether to extend the outermost buckets of both, see `jensen_shannon`.
      by_value: Whether to compare listed numbers exactly, see `jensen_shannon`.
    """

    threshold: float
    comparator: str | None = None
    quantiles: bool = True
    open_ended: bool = True
    by_value: bool = True


@dataclass(frozen=True, kw_only=True)
class DriftThresholds:
    """Thresholds above which a difference is an anomaly; comparators of a schema override them.

    Attributes:
      skew: The largest good distance from the training data, of each column. Between random parts
        of 2,000 rows of the census it was 0.07 at most, because of the bounds of the histograms.
      drift: The largest good distance from the previous data, of each column.
      missing: The largest good rise of the share of missing values over the reference data.
      columns: Thresholds of single columns, which override those of the schema.
      min_rows: Least number of rows; None for the schema's.
      max_rows: Greatest number of rows; None for the schema's.

    Raises:
      RecipeError: A share is not in [0, 1], or `min_rows` is above `max_rows`.
    """

    skew: float = 0.1
    drift: float = 0.1
    missing: float = 0.05
    columns: Mapping[str, ColumnThreshold] = field(default_factory=dict)
    min_rows: int | None = None
    max_rows: int | None = None

    def __post_init__(self) -> None:
        shares = {"skew": self.skew, "drift": self.drift, "missing": self.missing}
        shares |= {f'column "{name}"': limit.threshold for name, limit in self.columns.items()}
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise RecipeError(f"threshold of {name}: expected [0, 1], got {share}")
        if self.max_rows is not None and (self.min_rows or 0) > self.max_rows:
            raise RecipeError(f"min_rows {self.min_rows:,} is above max_rows {self.max_rows:,}")

    def check(self, columns: Schema, schema: schema_pb2.Schema) -> None:
        """Check that every threshold, here and in the schema, fits its column.

        Raises:
          RecipeError: A threshold names no column, or a comparator that does not fit the type.
        """
        for name, limit in self.columns.items():
            _check_fit(columns[name], limit.comparator)
        for feature, column in zip(schema.feature, columns, strict=True):
            for kind in _NAMES:
                for comparator in _comparators(feature, kind):
                    _check_fit(column, comparator)

    def of(self, feature: schema_pb2.Feature, column: Column, kind: Kind) -> ColumnThreshold:
        """Return the threshold of a column: its own, else the schema's, else the default."""
        if column.name in self.columns:
            return self.columns[column.name]
        for comparator in _comparators(feature, kind):
            measure = getattr(getattr(feature, f"{kind}_comparator"), comparator)
            source = getattr(measure, "source", None)
            quantiles = bool(source and source.type == schema_pb2.HistogramSelection.QUANTILES)
            # A threshold of the schema is for the distance as TFDV computes it.
            return ColumnThreshold(
                measure.threshold, comparator, quantiles, open_ended=False, by_value=False
            )
        return ColumnThreshold(self.skew if kind == "skew" else self.drift)


@dataclass(frozen=True)
class Reference:
    """Reference data of a comparison.

    Attributes:
      kind: "skew" from the training data, or "drift" from the previous data.
      statistics: Statistics of the reference data.
    """

    kind: Kind
    statistics: DatasetFeatureStatistics


@dataclass(frozen=True)
class Comparison:
    """Distance of a column from the reference data.

    Attributes:
      column: Name of the column.
      kind: "skew" or "drift".
      comparator: "infinity_norm" or "jensen_shannon_divergence".
      distance: The distance, and the values or bins that differ most.
      threshold: The largest good distance.
      rows: Number of values in the data.
      reference_rows: Number of values in the reference data.
    """

    column: str
    kind: Kind
    comparator: str
    distance: Distance
    threshold: float
    rows: int
    reference_rows: int

    @property
    def measurement(self) -> DriftSkewInfo.Measurement.Type:
        """The comparator as a `DriftSkewInfo` type."""
        return _MEASUREMENT[self.comparator]

    @property
    def high(self) -> bool:
        """True if the distance is above the threshold."""
        return self.distance.value > self.threshold

    def describe_shares(self) -> str:
        """Return the values or bins that differ most, with their shares, in words."""
        return ", ".join(
            f"{share.label} {share.before:.1%} → {share.now:.1%}" for share in self.distance.shares
        )


@dataclass(frozen=True)
class ComparisonResult:
    """Result of comparing all columns with one reference.

    Attributes:
      anomalies: Anomalies, in the order of the columns.
      comparisons: Every distance, in the order of the columns.
      notes: Differences that may be chance, and limits of the comparison.
    """

    anomalies: tuple[Anomaly, ...]
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]


def compare(
    schema: schema_pb2.Schema,
    columns: Schema,
    observed: InputSummary,
    reference: Reference,
    limits: DriftThresholds,
) -> ComparisonResult:
    """Compare the features and the label of data with reference data.

    Args:
      schema: Schema, whose comparators override the defaults of `limits`.
      columns: Columns of the schema.
      observed: Summary of the data.
      reference: Reference data.
      limits: Thresholds of the distances.
    """
    now = {feature_name(feature): feature for feature in observed.statistics.features}
    before = {feature_name(feature): feature for feature in reference.statistics.features}
    results: list[Anomaly | Comparison | str] = []
    estimated: list[str] = []
    for feature, column in zip(schema.feature, columns, strict=True):
        name = column.name
        compared = ("feature",) if observed.requests else ("feature", "label")
        if name not in now or column.role not in compared:
            continue
        if name not in before:
            results.append(_control_missing(name, reference.kind))
            continue
        pair = _Pair(column, now[name], before[name], observed, reference)
        results += _missing_rise(pair, limits.missing)
        results += _distance(pair, limits.of(feature, column, reference.kind))
        if _is_estimated(pair):
            estimated.append(name)
    if estimated:
        results.append(_estimates(estimated, reference.kind))
    return ComparisonResult(
        tuple(result for result in results if isinstance(result, Anomaly)),
        tuple(result for result in results if isinstance(result, Comparison)),
        tuple(result for result in results if isinstance(result, str)),
    )


@dataclass(frozen=True)
class _Pair:
    """Statistics of a column in the data and in the reference data."""

    column: Column
    now: FeatureNameStatistics
    before: FeatureNameStatistics
    observed: InputSummary
    reference: Reference

    @property
    def kind(self) -> Kind:
        return self.reference.kind


def _missing_rise(pair: _Pair, limit: float) -> Iterator[Anomaly | str]:
    rows, reference_rows = pair.observed.rows, int(pair.reference.statistics.num_examples)
    if not rows or not reference_rows:
        return
    now = common_of(pair.now).num_missing / rows
    before = common_of(pair.before).num_missing / reference_rows
    if now - before <= limit:
        return
    _, control = _NAMES[pair.kind]
    long = (
        f"{now:.2%} of {rows:,} rows have no value, against {before:.2%} of {reference_rows:,} in "
        f"the {control} data; the rise is above the threshold {limit:.6g}."
    )
    if now - before <= share_noise(now, rows, before, reference_rows):
        yield _noise_note(pair.column.name, long)
    else:
        yield Anomaly(
            pair.column.name, "FEATURE_TYPE_LOW_FRACTION_PRESENT", "More missing values", long
        )


def _distance(pair: _Pair, limit: ColumnThreshold) -> Iterator[Anomaly | Comparison | str]:
    comparator = limit.comparator or _FITTING[pair.column.type]
    if comparator == "infinity_norm":
        distance = l_infinity(pair.now, pair.before)
    else:
        kind = Histogram.QUANTILES if limit.quantiles else Histogram.STANDARD
        distance = jensen_shannon(
            pair.now, pair.before, kind=kind, open_ended=limit.open_ended, by_value=limit.by_value
        )
    if distance is None:
        return
    sizes = (int(common_of(side).num_non_missing) for side in (pair.now, pair.before))
    name = pair.column.name
    comparison = Comparison(name, pair.kind, comparator, distance, limit.threshold, *sizes)
    yield comparison
    if not comparison.high:
        return
    treatment, control = _NAMES[pair.kind]
    long = (
        f"The {comparator} between the {treatment} data ({comparison.rows:,} values) and the "
        f"{control} data ({comparison.reference_rows:,}) is {distance.value:.6g}, above the "
        f"threshold {limit.threshold:.6g}. Most different, from {control} to {treatment}: "
        f"{comparison.describe_shares()}."
    )
    if distance.value <= distance.chance:
        yield _noise_note(name, long)
    else:
        anomaly, short = _HIGH[comparator]
        yield Anomaly(name, anomaly, f"{short} between {treatment} and {control}", long)


def _noise_note(name: str, difference: str) -> str:
    return (
        f'column "{name}": {difference} No anomaly: so few rows differ as much by chance more '
        f"often than once in {1 / (1 - CONFIDENCE):,.0f} times."
    )


def _is_estimated(pair: _Pair) -> bool:
    """Return whether one side lists each integer, and the other could but does not."""
    sides = (pair.now, pair.before)
    if pair.column.type != "int64" or len({value_counts(side) is None for side in sides}) == 1:
        return False
    unique = [
        statistic.num
        for side in sides
        if value_counts(side) is None
        for statistic in side.custom_stats
        if statistic.name == "unique"
    ]
    return any(number <= LISTED for number in unique)


def _estimates(names: Sequence[str], kind: Kind) -> str:
    treatment, control = _NAMES[kind]
    columns = ", ".join(f'"{name}"' for name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return (
        f"shares of single values of {columns}{more} are estimates by histograms: the statistics "
        f"of the {treatment} or the {control} data were written by recordmill 0.1.0, which did not "
        "count whole numbers one by one. Prepare or profile that data again to compare them "
        "exactly."
    )


def _control_missing(name: str, kind: Kind) -> Anomaly:
    _, control = _NAMES[kind]
    return Anomaly(
        name,
        "COMPARATOR_CONTROL_DATA_MISSING",
        f"{control} data missing",
        f"The {control} data has no such column, so there is nothing to compare with.",
    )


def _comparators(feature: schema_pb2.Feature, kind: str) -> list[str]:
    """Return the names of the comparators that a schema sets for a feature."""
    comparator = getattr(feature, f"{kind}_comparator")
    return [name for name in _COMPARES if getattr(comparator, name).HasField("threshold")]


def _check_fit(column: Column, comparator: str | None) -> None:
    fitting = _FITTING[column.type]
    if comparator is None or comparator == fitting:
        return
    if comparator not in _COMPARES:
        raise RecipeError(
            f'column "{column.name}": there is no comparator "{comparator}"; '
            f"for {column.type} it is {fitting}"
        )
    raise RecipeError(
        f'column "{column.name}": {comparator} compares {_COMPARES[comparator]}, and the type is '
        f"{column.type}; use {fitting}"
    )
