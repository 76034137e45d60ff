"""What can be wrong with one column, by its own statistics: presence, type, range, domain.

Each check is a function from what is expected and what was observed to `Anomaly`s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_metadata.proto.v0.statistics_pb2 import (
    CommonStatistics,
    FeatureNameStatistics,
)

from ..column import Column
from .observed import BadValues, InputSummary

__all__ = [
    "WRONG_TYPES",
    "Anomaly",
    "column_anomalies",
    "common_of",
    "feature_name",
    "mended_values",
    "new_column",
]

_RETIRED = (schema_pb2.DEPRECATED, schema_pb2.PLANNED)
_NUMBERS = (FeatureNameStatistics.INT, FeatureNameStatistics.FLOAT)
_PROTO_TYPE = {FeatureNameStatistics.INT: "INT", FeatureNameStatistics.FLOAT: "FLOAT"}
_WRONG_TYPE = {
    "fraction": ("FLOAT", "are numbers but no integers"),
    "not_an_integer": ("STRING", "are no integers"),
    "not_a_number": ("STRING", "are no numbers"),
    "integer_overflow": ("STRING", "do not fit in int64"),
}
WRONG_TYPES = frozenset(_WRONG_TYPE)
"""What is wrong with values that are not of their column's type."""

_NOT_FINITE = {
    "nan": ("FLOAT_TYPE_HAS_NAN", "are NaN"),
    "infinite": ("FLOAT_TYPE_HAS_INF", "are infinite, or do not fit in float32"),
}
_OUT_OF_RANGE = {"below_minimum": "below the minimum", "above_maximum": "above the maximum"}
_MENDED = {
    "fraction": "no integers",
    "not_an_integer": "no integers",
    "not_a_number": "no numbers",
    "integer_overflow": "too large for int64",
    "nan": "NaN",
    "infinite": "infinite or too large for float32",
    **_OUT_OF_RANGE,
    "not_in_domain": "outside the domain",
}
"""What is wrong with values that a run can clip or take as missing."""

_SHOWN = 5


@dataclass(frozen=True)
class Anomaly:
    """One thing that is not as expected.

    Attributes:
      column: The name of the column; None where it is about the dataset.
      type: A name of `AnomalyInfo.Type`.
      short: A few words, TFDV's where it has any.
      long: All that is known of it.
    """

    column: str | None
    type: str
    short: str
    long: str

    def __str__(self) -> str:
        where = "dataset" if self.column is None else f'column "{self.column}"'
        return f"{where}: {self.short}: {self.long}"


@dataclass(frozen=True)
class _Found:
    """What one column turned out to be, beside what was expected of it."""

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
        """How many values there are, good or bad."""
        return self.rows - int(self.common.num_missing)

    def anomaly(self, kind: str, short: str, long: str) -> Anomaly:
        return Anomaly(self.column.name, kind, short, long)

    def counted(self, bad: BadValues, what: str) -> str:
        """A sentence of how many values are bad, their share, and which."""
        share = bad.count / max(self.values, 1)
        return f"{bad.count:,} of {self.values:,} values ({share:.2%}) {what}: {bad.shown()}."


def feature_name(statistics: FeatureNameStatistics) -> str:
    """The name of the column that statistics are of; a nested feature's has dots."""
    return ".".join(statistics.path.step) or str(statistics.name)


def common_of(statistics: FeatureNameStatistics) -> CommonStatistics:
    """The statistics that all types of features have."""
    stats = getattr(statistics, statistics.WhichOneof("stats") or "string_stats")
    common: CommonStatistics = stats.common_stats
    return common


def column_anomalies(
    feature: schema_pb2.Feature,
    column: Column,
    statistics: FeatureNameStatistics | None,
    observed: InputSummary,
) -> Iterator[Anomaly]:
    """What is wrong with one column of the schema.

    Args:
      feature: The column in the schema's proto.
      column: The same column.
      statistics: Of its values; None where the data has no such column.
      observed: All that was observed.
    """
    if feature.deprecated or feature.lifecycle_stage in _RETIRED:
        return
    present = statistics is not None and common_of(statistics).num_non_missing > 0
    bad = _bad(column, statistics, observed, mended=False)
    if observed.requests and column.role != "feature" and not (present or bad):
        return
    yield from _absence(column, observed, missing=statistics is None)
    if statistics is None or not observed.rows:
        return
    found = _Found(feature, column, statistics, bad, observed.rows)
    for check in (_presence, _type, _range, _domain):
        yield from check(found)


def mended_values(
    column: Column, statistics: FeatureNameStatistics | None, observed: InputSummary
) -> Iterator[str]:
    """What is to be known of the bad values that a run does not reject: a sentence for each kind.

    Args:
      column: Of the schema; its `bad_value` says what becomes of them.
      statistics: As in `column_anomalies`.
      observed: All that was observed.
    """
    verb = "clipped" if column.bad_value == "clip" else "taken as missing"
    for reason, bad in _bad(column, statistics, observed, mended=True).items():
        share = bad.count / max(observed.rows, 1)
        yield (
            f'column "{column.name}": the values of {bad.count:,} of {observed.rows:,} rows '
            f"({share:.2%}) are {verb}, being {_MENDED[reason]}: {bad.shown()}."
        )


def _bad(
    column: Column,
    statistics: FeatureNameStatistics | None,
    observed: InputSummary,
    *,
    mended: bool,
) -> dict[str, BadValues]:
    """The bad values that a run mends, or the others, by reason.

    Where more are bad than good, the column has become another one, and nothing mends that.
    """
    reasons = {"clip": tuple(_OUT_OF_RANGE), "missing": tuple(_MENDED)}.get(column.bad_value, ())
    good = int(common_of(statistics).num_non_missing) if statistics is not None else 0
    return {
        reason: bad
        for reason, bad in observed.bad.get(column.name, {}).items()
        if (reason in reasons and bad.count <= good) == mended
    }


def new_column(name: str, statistics: FeatureNameStatistics, unnamed: Sequence[str]) -> Anomaly:
    """The anomaly of a column that the schema lacks.

    Args:
      name: Its name.
      statistics: Of its values.
      unnamed: The columns of the schema that the data lacks.
    """
    kind = {"INT": "integers", "FLOAT": "numbers"}.get(
        FeatureNameStatistics.Type.Name(statistics.type), "text"
    )
    near = get_close_matches(name, unnamed, n=1)
    renamed = f' Is it "{near[0]}" under another name?' if near else ""
    if len([one for one in unnamed if one in name]) > 1:
        renamed = " It is a whole header: say what separates the fields (delimiter)."
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
        files = ", ".join(absent[:_SHOWN]) + (" and others" if len(absent) > _SHOWN else "")
        long = f"{len(absent):,} of {len(observed.files):,} files lack the column: {files}."
    yield Anomaly(column.name, "SCHEMA_MISSING_COLUMN", "Column dropped", long)


def _presence(found: _Found) -> Iterator[Anomaly]:
    presence, missing = found.feature.presence, int(found.common.num_missing)
    if not found.values:
        if presence.min_count > 0 or presence.min_fraction > 0:
            yield found.anomaly(
                "FEATURE_TYPE_NOT_PRESENT",
                "Column dropped",
                f"None of {found.rows:,} rows has a value.",
            )
        return
    if found.values < presence.min_count:
        yield found.anomaly(
            "FEATURE_TYPE_LOW_NUMBER_PRESENT",
            "Column dropped",
            f"{found.values:,} rows have a value, and at least {presence.min_count:,} must.",
        )
    share = found.values / found.rows
    if share < presence.min_fraction:
        where = found.bad.get("missing_required")
        yield found.anomaly(
            "FEATURE_TYPE_LOW_FRACTION_PRESENT",
            "Column dropped",
            f"{missing:,} of {found.rows:,} rows ({missing / found.rows:.2%}) have no value, and "
            f"at most {1 - presence.min_fraction:.2%} may lack it"
            + (f": {where.shown()}." if where else "."),
        )


def _type(found: _Found) -> Iterator[Anomaly]:
    expected = schema_pb2.FeatureType.Name(found.feature.type)
    got = _PROTO_TYPE.get(found.statistics.type, "BYTES")
    if got != expected:
        name = FeatureNameStatistics.Type.Name(found.statistics.type)
        yield found.anomaly(
            "UNEXPECTED_DATA_TYPE",
            f"Expected data of type: {expected} but got {name}",
            f"The statistics are of {name} values.",
        )
    wrong = [reason for reason in _WRONG_TYPE if reason in found.bad]
    if wrong:
        names = [_WRONG_TYPE[reason][0] for reason in wrong]
        yield found.anomaly(
            "UNEXPECTED_DATA_TYPE",
            f"Expected data of type: {expected} but got "
            f"{'STRING' if 'STRING' in names else 'FLOAT'}",
            " ".join(found.counted(found.bad[one], _WRONG_TYPE[one][1]) for one in wrong),
        )
    for reason, (kind, what) in _NOT_FINITE.items():
        if reason in found.bad:
            yield found.anomaly(kind, "Invalid values", found.counted(found.bad[reason], what))


def _range(found: _Found) -> Iterator[Anomaly]:
    column, stats = found.column, found.statistics.num_stats
    if found.statistics.type not in _NUMBERS or not found.common.num_non_missing:
        return
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
        told = f"The {which} value is {extreme:.15g}, {side} {bound:.15g}."
        if reason in found.bad:
            told = f"{found.counted(found.bad[reason], f'are {side} {bound:.15g}')} {told}"
        yield found.anomaly(f"{noun}_TYPE_{size}_{noun}", "Out-of-range values", told)


def _domain(found: _Found) -> Iterator[Anomaly]:
    domain, most = set(found.column.domain), 0.0
    if found.feature.HasField("distribution_constraints"):
        most = 1 - found.feature.distribution_constraints.min_domain_mass
    if not domain or found.statistics.type in _NUMBERS:
        return
    bad = found.bad.get("not_in_domain") or _listed_outside(found.statistics, domain)
    if not bad.count or bad.count <= most * found.values:
        return
    allowed = f" At most {most:.2%} may be." if most else ""
    yield found.anomaly(
        "ENUM_TYPE_UNEXPECTED_STRING_VALUES",
        "Unexpected string values",
        found.counted(bad, "are not in the domain") + allowed,
    )


def _listed_outside(statistics: FeatureNameStatistics, domain: set[str]) -> BadValues:
    """The values that statistics list and a domain does not have."""
    bad = BadValues()
    stats = statistics.string_stats
    pairs = [(bucket.label, bucket.sample_count) for bucket in stats.rank_histogram.buckets] or [
        (top.value, top.frequency) for top in stats.top_values
    ]
    for value, count in pairs:
        if value not in domain:
            bad.add(value, int(count), "")
    return bad
