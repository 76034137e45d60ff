"""Data against the data it is to resemble: each column's distance, its threshold, its anomaly.

`infinity_norm` compares the categories of a string column, `jensen_shannon_divergence` the
histograms of a number column, or its single values where they are whole and few; neither fits the
other. A distance above its threshold that two samples of the same data could have by chance is a
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
from .distances import CONFIDENCE, Distance, jensen_shannon, l_infinity, share_by_chance
from .observed import InputSummary

__all__ = ["Compared", "Comparison", "Kind", "Limit", "DriftThresholds", "Reference", "compare"]

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
class Limit:
    """From which distance on a column is an anomaly.

    Attributes:
      threshold: The largest good distance, in [0, 1].
      comparator: "infinity_norm" or "jensen_shannon_divergence"; None for the one that fits the
        type of the column.
      quantiles: Whether Jensen-Shannon compares histograms of equal counts; else of equal widths.
      open_ended: Whether the outermost buckets of both reach equally far, see `jensen_shannon`.
      by_value: Whether numbers that are listed are compared exactly, see `jensen_shannon`.
    """

    threshold: float
    comparator: str | None = None
    quantiles: bool = True
    open_ended: bool = True
    by_value: bool = True


@dataclass(frozen=True, kw_only=True)
class DriftThresholds:
    """From where on there is an anomaly. A schema's own comparators stand before the defaults.

    Attributes:
      skew: The largest good distance from the training data, of each column. Between random parts
        of 2,000 rows of the census it was 0.07 at most, for the cut of the histograms.
      drift: The largest good distance from the previous data, of each column.
      missing: The most by which the share of missing values may be above that of the data
        compared with.
      columns: Limits of single columns, before those of the schema.
      min_rows: The fewest rows; None for the schema's own.
      max_rows: The most rows; None for the schema's own.

    Raises:
      RecipeError: A share is not in [0, 1], or `min_rows` is above `max_rows`.
    """

    skew: float = 0.1
    drift: float = 0.1
    missing: float = 0.05
    columns: Mapping[str, Limit] = field(default_factory=dict)
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
        """Check that every limit, here and in the schema, fits its column.

        Raises:
          RecipeError: It names no column, or a comparator that does not fit the type.
        """
        for name, limit in self.columns.items():
            _check_fit(columns[name], limit.comparator)
        for feature, column in zip(schema.feature, columns, strict=True):
            for kind in _NAMES:
                for comparator in _set_in(feature, kind):
                    _check_fit(column, comparator)

    def of(self, feature: schema_pb2.Feature, column: Column, kind: Kind) -> Limit:
        """What holds for a column."""
        if column.name in self.columns:
            return self.columns[column.name]
        for comparator in _set_in(feature, kind):
            found = getattr(getattr(feature, f"{kind}_comparator"), comparator)
            source = getattr(found, "source", None)
            quantiles = bool(source and source.type == schema_pb2.HistogramSelection.QUANTILES)
            return Limit(found.threshold, comparator, quantiles, open_ended=False, by_value=False)
        return Limit(self.skew if kind == "skew" else self.drift)


@dataclass(frozen=True)
class Reference:
    """What data is compared with.

    Attributes:
      kind: "skew" from the training data, or "drift" from the previous data.
      statistics: Its statistics.
    """

    kind: Kind
    statistics: DatasetFeatureStatistics


@dataclass(frozen=True)
class Comparison:
    """A measured distance.

    Attributes:
      column: The name of the column.
      kind: "skew" or "drift".
      comparator: "infinity_norm" or "jensen_shannon_divergence".
      distance: The distance, and what makes it.
      threshold: The largest good one.
      rows: How many values there are now.
      others: How many there are in the data compared with.
    """

    column: str
    kind: Kind
    comparator: str
    distance: Distance
    threshold: float
    rows: int
    others: int

    @property
    def measurement(self) -> DriftSkewInfo.Measurement.Type:
        """The comparator, as `DriftSkewInfo` names it."""
        return _MEASUREMENT[self.comparator]

    @property
    def high(self) -> bool:
        """Whether the distance is above the threshold."""
        return self.distance.value > self.threshold

    def moved(self) -> str:
        """The values or bins that differ most, in words."""
        return ", ".join(
            f"{share.label} {share.before:.1%} → {share.now:.1%}" for share in self.distance.shares
        )


@dataclass(frozen=True)
class Compared:
    """What came of comparing all columns with one reference."""

    anomalies: tuple[Anomaly, ...]
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]


def compare(
    schema: schema_pb2.Schema,
    columns: Schema,
    observed: InputSummary,
    reference: Reference,
    limits: DriftThresholds,
) -> Compared:
    """Compare the features and the label with what they are to resemble.

    Args:
      schema: Whose comparators count.
      columns: The columns of the schema.
      observed: The data.
      reference: What it is compared with.
      limits: From which distance on there is an anomaly.
    """
    now = {feature_name(feature): feature for feature in observed.statistics.features}
    before = {feature_name(feature): feature for feature in reference.statistics.features}
    found: list[Anomaly | Comparison | str] = []
    estimated: list[str] = []
    for feature, column in zip(schema.feature, columns, strict=True):
        name = column.name
        compared = ("feature",) if observed.requests else ("feature", "label")
        if name not in now or column.role not in compared:
            continue
        if name not in before:
            found.append(_control_missing(name, reference.kind))
            continue
        pair = _Pair(column, now[name], before[name], observed, reference)
        found += _missing_rise(pair, limits.missing)
        found += _distance(pair, limits.of(feature, column, reference.kind))
        if _is_estimated(pair):
            estimated.append(name)
    if estimated:
        found.append(_estimates(estimated, reference.kind))
    return Compared(
        tuple(one for one in found if isinstance(one, Anomaly)),
        tuple(one for one in found if isinstance(one, Comparison)),
        tuple(one for one in found if isinstance(one, str)),
    )


@dataclass(frozen=True)
class _Pair:
    """One column now and before."""

    column: Column
    now: FeatureNameStatistics
    before: FeatureNameStatistics
    observed: InputSummary
    reference: Reference

    @property
    def kind(self) -> Kind:
        return self.reference.kind


def _missing_rise(pair: _Pair, limit: float) -> Iterator[Anomaly | str]:
    rows, others = pair.observed.rows, int(pair.reference.statistics.num_examples)
    if not rows or not others:
        return
    now = common_of(pair.now).num_missing / rows
    before = common_of(pair.before).num_missing / others
    if now - before <= limit:
        return
    _, control = _NAMES[pair.kind]
    told = (
        f"{now:.2%} of {rows:,} rows have no value, against {before:.2%} of {others:,} in the "
        f"{control} data; the rise is above the threshold {limit:.6g}."
    )
    chance = share_by_chance(now, rows, before, others)
    if now - before <= chance:
        yield _by_chance(pair.column.name, told)
    else:
        yield Anomaly(
            pair.column.name, "FEATURE_TYPE_LOW_FRACTION_PRESENT", "More missing values", told
        )


def _distance(pair: _Pair, limit: Limit) -> Iterator[Anomaly | Comparison | str]:
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
    sizes = (int(common_of(one).num_non_missing) for one in (pair.now, pair.before))
    name = pair.column.name
    found = Comparison(name, pair.kind, comparator, distance, limit.threshold, *sizes)
    yield found
    if found.high and distance.value <= distance.chance:
        yield _by_chance(name, _told(found))
    elif found.high:
        treatment, control = _NAMES[pair.kind]
        anomaly, short = _HIGH[comparator]
        yield Anomaly(name, anomaly, f"{short} between {treatment} and {control}", _told(found))


def _told(found: Comparison) -> str:
    treatment, control = _NAMES[found.kind]
    return (
        f"The {found.comparator} between the {treatment} data ({found.rows:,} values) and the "
        f"{control} data ({found.others:,}) is {found.distance.value:.6g}, above the threshold "
        f"{found.threshold:.6g}. Most different, from {control} to {treatment}: {found.moved()}."
    )


def _by_chance(name: str, told: str) -> str:
    return (
        f'column "{name}": {told} No anomaly: so few rows differ as much by chance more often '
        f"than once in {1 / (1 - CONFIDENCE):,.0f} times."
    )


def _is_estimated(pair: _Pair) -> bool:
    """Return whether one side lists each whole number, and the other could and do not."""
    sides = (pair.now, pair.before)
    if pair.column.type != "int64" or len({value_counts(side) is None for side in sides}) == 1:
        return False
    unique = [
        one.num
        for side in sides
        if value_counts(side) is None
        for one in side.custom_stats
        if one.name == "unique"
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


def _set_in(feature: schema_pb2.Feature, kind: str) -> list[str]:
    """The comparators that a schema sets for a feature."""
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
