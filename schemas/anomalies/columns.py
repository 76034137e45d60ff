"""Anomalies of a column by its own statistics: presence, type, range, domain.

Each rule is a function from a `_ColumnCheck`, which holds schema and statistics, to `Anomaly`s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_metadata.proto.v0.statistics_pb2 import CommonStatistics, FeatureNameStatistics

from ..column import Column
from ..suggestions import nearest_name
from .observed import BadValues, InputSummary, list_files

__all__ = [
    "WRONG_TYPES",
    "Anomaly",
    "column_anomalies",
    "common_of",
    "feature_name",
    "new_column",
    "repaired_values",
]

_RETIRED = (schema_pb2.DEPRECATED, schema_pb2.PLANNED)
_NUMBERS = (FeatureNameStatistics.INT, FeatureNameStatistics.FLOAT)
_PROTO_TYPE = {FeatureNameStatistics.INT: "INT", FeatureNameStatistics.FLOAT: "FLOAT"}
_WRONG_TYPE = {
    "fraction": ("FLOAT", "are numbers but not integers"),
    "not_an_integer": ("STRING", "are not integers"),
    "not_a_number": ("STRING", "are not numbers"),
    "integer_overflow": ("STRING", "do not fit in int64"),
}
WRONG_TYPES = frozenset(_WRONG_TYPE)
"""Reasons why values are not of their column's type."""

_NOT_FINITE = {
    "nan": ("FLOAT_TYPE_HAS_NAN", "are NaN"),
    "infinite": ("FLOAT_TYPE_HAS_INF", "are infinite, or do not fit in float32"),
}
_OUT_OF_RANGE = {"below_minimum": "below the minimum", "above_maximum": "above the maximum"}
_REPAIRED = {
    "fraction": "not integers",
    "not_an_integer": "not integers",
    "not_a_number": "not numbers",
    "integer_overflow": "too large for int64",
    "nan": "NaN",
    "infinite": "infinite or too large for float32",
    **_OUT_OF_RANGE,
    "not_in_domain": "outside the domain",
}
"""Reasons why values are bad that a run can clip or take as missing."""


@dataclass(frozen=True)
class Anomaly:
    """Deviation of data from a schema or from other data.

    Attributes:
      column: Name of the column; None for the dataset.
      type: Name of a member of `AnomalyInfo.Type`.
      short: Short description, TFDV's where it has one.
      long: Full description: counts, shares, values and their locations.
    """

    column: str | None
    type: str
    short: str
    long: str

    def __str__(self) -> str:
        where = "dataset" if self.column is None else f'column "{self.column}"'
        return f"{where}: {self.short}: {self.long}"


@dataclass(frozen=True)
class _ColumnCheck:
    """Schema and statistics of a column, and the bad values that a run does not repair."""

    feature: schema_pb2.Feature
    column: Column
    statistics: FeatureNameStatistics
    bad: Mapping[str, BadValues]
    rows: int

    @property
    def common(self) -> CommonStatistics:
        return common_of(self.statistics)

    @property
    def values(self) -> int:
        """The number of values, good or bad."""
        return self.rows - int(self.common.num_missing)

    def anomaly(self, kind: str, short: str, long: str) -> Anomaly:
        return Anomaly(self.column.name, kind, short, long)

    def describe(self, bad: BadValues, problem: str) -> str:
        """Return a sentence with the count of bad values, their share, and examples."""
        share = bad.count / max(self.values, 1)
        examples = bad.describe()
        return f"{bad.count:,} of {self.values:,} values ({share:.2%}) {problem}: {examples}."


def feature_name(statistics: FeatureNameStatistics) -> str:
    """Return the name of a feature's column; dots join the steps of a nested feature."""
    return ".".join(statistics.path.step) or str(statistics.name)


def common_of(statistics: FeatureNameStatistics) -> CommonStatistics:
    """Return the statistics common to all types of features."""
    stats = getattr(statistics, statistics.WhichOneof("stats") or "string_stats")
    common: CommonStatistics = stats.common_stats
    return common


def column_anomalies(
    feature: schema_pb2.Feature,
    column: Column,
    statistics: FeatureNameStatistics | None,
    observed: InputSummary,
) -> Iterator[Anomaly]:
    """Yield the anomalies of a column of the schema.

    Args:
      feature: The column in the schema's proto.
      column: The same column as a `Column`.
      statistics: Statistics of its values; None where the data lacks the column.
      observed: Summary of the data.
    """
    if feature.deprecated or feature.lifecycle_stage in _RETIRED:
        return
    present = statistics is not None and common_of(statistics).num_non_missing > 0
    bad = _bad(column, statistics, observed, repaired=False)
    if observed.requests and column.role != "feature" and not (present or bad):
        return
    yield from _absence(column, observed, missing=statistics is None)
    if statistics is None or not observed.rows:
        return
    check = _ColumnCheck(feature, column, statistics, bad, observed.rows)
    for rule in (_presence, _type, _range, _domain):
        yield from rule(check)


def repaired_values(
    column: Column, statistics: FeatureNameStatistics | None, observed: InputSummary
) -> Iterator[str]:
    """Yield a sentence for each kind of bad values that a run clips or takes as missing.

    Args:
      column: Column of the schema, whose `bad_value` sets the treatment.
      statistics: As in `column_anomalies`.
      observed: Summary of the data.
    """
    verb = "clipped" if column.bad_value == "clip" else "taken as missing"
    for reason, bad in _bad(column, statistics, observed, repaired=True).items():
        share = bad.count / max(observed.rows, 1)
        yield (
            f'column "{column.name}": the values of {bad.count:,} of {observed.rows:,} rows '
            f"({share:.2%}) are {verb} because they are {_REPAIRED[reason]}: {bad.describe()}."
        )


def _bad(
    column: Column,
    statistics: FeatureNameStatistics | None,
    observed: InputSummary,
    *,
    repaired: bool,
) -> dict[str, BadValues]:
    """Return the bad values that a run repairs, or all others, by reason.

    Where more values are bad than good, the column has another meaning, which is an anomaly
    whatever `bad_value` says.
    """
    reasons = {"clip": tuple(_OUT_OF_RANGE), "missing": tuple(_REPAIRED)}.get(column.bad_value, ())
    good = int(common_of(statistics).num_non_missing) if statistics is not None else 0
    return {
        reason: bad
        for reason, bad in observed.bad.get(column.name, {}).items()
        if (reason in reasons and bad.count <= good) == repaired
    }


def new_column(name: str, statistics: FeatureNameStatistics, unnamed: Sequence[str]) -> Anomaly:
    """Return the anomaly of a column that the schema lacks.

    Args:
      name: Name of the column.
      statistics: Statistics of its values.
      unnamed: Columns of the schema that the data lacks.
    """
    kind = {"INT": "integers", "FLOAT": "numbers"}.get(
        FeatureNameStatistics.Type.Name(statistics.type), "text"
    )
    near = nearest_name(name, unnamed)
    renamed = f' Is it "{near}" under another name?' if near else ""
    if sum(column in name for column in unnamed) > 1:
        renamed = " It is an entire header: set the separator of the fields (delimiter)."
    values = int(common_of(statistics).num_non_missing)
    return Anomaly(
        name,
        "SCHEMA_NEW_COLUMN",
        "New column",
        f"The data has a column that the schema lacks, of {kind} in {values:,} rows.{renamed}",
    )


def _absence(column: Column, observed: InputSummary, *, missing: bool) -> Iterator[Anomaly]:
    absent = observed.absent.get(column.name, ())
    if not missing and not absent:
        return
    long = "Column is completely missing."
    if absent and (not missing or len(observed.files) > 1):
        files = f"{len(absent):,} of {len(observed.files):,} files"
        long = f"{files} lack the column: {list_files(absent)}."
    yield Anomaly(column.name, "SCHEMA_MISSING_COLUMN", "Column dropped", long)


def _presence(check: _ColumnCheck) -> Iterator[Anomaly]:
    presence, missing = check.feature.presence, int(check.common.num_missing)
    if not check.values:
        if presence.min_count > 0 or presence.min_fraction > 0:
            yield check.anomaly(
                "FEATURE_TYPE_NOT_PRESENT",
                "Column dropped",
                f"None of {check.rows:,} rows has a value.",
            )
        return
    if check.values < presence.min_count:
        yield check.anomaly(
            "FEATURE_TYPE_LOW_NUMBER_PRESENT",
            "Column dropped",
            f"{check.values:,} rows have a value, and at least {presence.min_count:,} must.",
        )
    share = check.values / check.rows
    if share < presence.min_fraction:
        examples = check.bad.get("missing_required")
        yield check.anomaly(
            "FEATURE_TYPE_LOW_FRACTION_PRESENT",
            "Column dropped",
            f"{missing:,} of {check.rows:,} rows ({missing / check.rows:.2%}) have no value, and "
            f"at most {1 - presence.min_fraction:.2%} may lack it"
            + (f": {examples.describe()}." if examples else "."),
        )


def _type(check: _ColumnCheck) -> Iterator[Anomaly]:
    expected = schema_pb2.FeatureType.Name(check.feature.type)
    got = _PROTO_TYPE.get(check.statistics.type, "BYTES")
    if got != expected:
        name = FeatureNameStatistics.Type.Name(check.statistics.type)
        yield check.anomaly(
            "UNEXPECTED_DATA_TYPE",
            f"Expected data of type: {expected} but got {name}",
            f"The statistics are of {name} values.",
        )
    wrong = [reason for reason in _WRONG_TYPE if reason in check.bad]
    if wrong:
        names = [_WRONG_TYPE[reason][0] for reason in wrong]
        yield check.anomaly(
            "UNEXPECTED_DATA_TYPE",
            f"Expected data of type: {expected} but got "
            f"{'STRING' if 'STRING' in names else 'FLOAT'}",
            " ".join(check.describe(check.bad[reason], _WRONG_TYPE[reason][1]) for reason in wrong),
        )
    for reason, (kind, problem) in _NOT_FINITE.items():
        if reason in check.bad:
            yield check.anomaly(kind, "Invalid values", check.describe(check.bad[reason], problem))


def _range(check: _ColumnCheck) -> Iterator[Anomaly]:
    column, stats = check.column, check.statistics.num_stats
    if check.statistics.type not in _NUMBERS or not check.common.num_non_missing:
        return
    # Statistics are of values as the dataset stores them, so a bound is rounded likewise.
    as_type = np.float32 if column.type == "float32" else np.float64
    noun = "INT" if column.type == "int64" else "FLOAT"
    ends = (
        ("below_minimum", "SMALL", column.minimum, stats.min, "smallest", "below the minimum"),
        ("above_maximum", "BIG", column.maximum, stats.max, "largest", "above the maximum"),
    )
    for reason, size, bound, extreme, which, side in ends:
        low = reason == "below_minimum"
        if bound is None or not (extreme < as_type(bound) if low else extreme > as_type(bound)):
            continue
        long = f"The {which} value is {extreme:.15g}, {side} {bound:.15g}."
        if reason in check.bad:
            long = f"{check.describe(check.bad[reason], f'are {side} {bound:.15g}')} {long}"
        yield check.anomaly(f"{noun}_TYPE_{size}_{noun}", "Out-of-range values", long)


def _domain(check: _ColumnCheck) -> Iterator[Anomaly]:
    domain, most = set(check.column.domain), 0.0
    if check.feature.HasField("distribution_constraints"):
        most = 1 - check.feature.distribution_constraints.min_domain_mass
    if not domain or check.statistics.type in _NUMBERS:
        return
    bad = check.bad.get("not_in_domain") or _listed_outside(check.statistics, domain)
    if not bad.count or bad.count <= most * check.values:
        return
    allowed = f" At most {most:.2%} may be." if most else ""
    yield check.anomaly(
        "ENUM_TYPE_UNEXPECTED_STRING_VALUES",
        "Unexpected string values",
        check.describe(bad, "are not in the domain") + allowed,
    )


def _listed_outside(statistics: FeatureNameStatistics, domain: set[str]) -> BadValues:
    """Return the values in the statistics' lists that are outside a domain."""
    bad = BadValues()
    stats = statistics.string_stats
    pairs = [(bucket.label, bucket.sample_count) for bucket in stats.rank_histogram.buckets] or [
        (top.value, top.frequency) for top in stats.top_values
    ]
    for value, count in pairs:
        if value not in domain:
            bad.add(value, int(count), "")
    return bad
