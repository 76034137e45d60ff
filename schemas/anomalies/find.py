"""`find_anomalies`: data against a schema, and against the data it is to resemble.

The types of anomalies, their short descriptions and when there is one are those of TensorFlow Data
Validation; the long descriptions carry what it does not know: exact counts, shares, where the
values stand. What only we can see - a column in one of several files only, another order of the
header, records that are no rows - comes as SCHEMA_MISSING_COLUMN and CUSTOM_VALIDATION.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tensorflow_metadata.proto.v0 import path_pb2, schema_pb2
from tensorflow_metadata.proto.v0.anomalies_pb2 import Anomalies, AnomalyInfo
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatistics

from ..schema import Schema
from .columns import Anomaly, column_anomalies, feature_name, mended_values, new_column
from .compare import Comparison, DriftThresholds, Reference, compare
from .dataset import dataset_anomalies
from .observed import InputSummary

__all__ = ["Findings", "find_anomalies"]

_STANDARD_STEP = re.compile(r"\([^()]*\)|[^().']+")


@dataclass(frozen=True)
class Findings:
    """What was found.

    Attributes:
      schema: What the data was held against.
      observed: The data.
      anomalies: In the order of the columns; those of the whole dataset first.
      comparisons: Each distance that was measured, whether it is an anomaly or not.
      notes: What else is to be known, such as values that a run clips or takes as missing, or a
        distance that may be chance.
    """

    schema: schema_pb2.Schema
    observed: InputSummary
    anomalies: tuple[Anomaly, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    notes: tuple[str, ...] = ()

    def to_proto(self) -> Anomalies:
        """The anomalies as TensorFlow Data Validation writes them."""
        proto = Anomalies(
            baseline=self.schema,
            anomaly_name_format=Anomalies.SERIALIZED_PATH,
            data_missing=self.observed.rows == 0,
        )
        for anomaly in self.anomalies:
            if anomaly.column is None:
                info = proto.dataset_anomaly_info
            else:
                info = proto.anomaly_info[_serialized(anomaly.column)]
                info.path.CopyFrom(path_pb2.Path(step=[anomaly.column]))
            _tell(info, anomaly)
        for comparison in self.comparisons:
            _measure(proto, comparison)
        return proto

    def text(self) -> str:
        """The anomalies in words, one a line; empty without any."""
        return "\n".join(map(str, self.anomalies))


def find_anomalies(
    schema: schema_pb2.Schema,
    observed: InputSummary,
    *,
    training: DatasetFeatureStatistics | None = None,
    previous: DatasetFeatureStatistics | None = None,
    limits: DriftThresholds | None = None,
) -> Findings:
    """Hold data against a schema, and against the statistics it is to resemble.

    Args:
      schema: What is expected, with TFDV's comparators and constraints where there are any.
      observed: The data.
      training: Statistics of the data that a model was trained on: a distance from them is skew.
      previous: Statistics of an earlier state of the data: a distance from them is drift.
      limits: From which distance on there is an anomaly; None for the defaults.

    Raises:
      DataError: The schema has columns that no table has.
      RecipeError: A limit names no column of the schema, or a comparator that its type does not
        have.
    """
    limits = limits or DriftThresholds()
    columns = Schema.from_proto(schema)
    limits.check(columns, schema)
    notes: list[str] = []
    anomalies = [*dataset_anomalies(schema, columns, observed, previous, limits)]
    by_name = {feature_name(feature): feature for feature in observed.statistics.features}
    for feature, column in zip(schema.feature, columns, strict=True):
        found = by_name.pop(column.name, None)
        anomalies += column_anomalies(feature, column, found, observed)
        notes += mended_values(column, found, observed)
    unnamed = [column.name for column in columns if column.name in observed.absent]
    anomalies += [new_column(name, found, unnamed) for name, found in by_name.items()]
    references = [Reference("skew", training)] if training is not None else []
    references += [Reference("drift", previous)] if previous is not None else []
    compared = [compare(schema, columns, observed, one, limits) for one in references]
    anomalies += [anomaly for one in compared for anomaly in one.anomalies]
    return Findings(
        schema,
        observed,
        tuple(_in_order(anomalies, columns)),
        tuple(comparison for one in compared for comparison in one.comparisons),
        (*notes, *(note for one in compared for note in one.notes)),
    )


def _in_order(anomalies: Iterable[Anomaly], columns: Schema) -> list[Anomaly]:
    places = {name: place for place, name in enumerate(columns.names)}
    last = len(places)
    return sorted(
        anomalies, key=lambda one: -1 if one.column is None else places.get(one.column, last)
    )


def _tell(info: AnomalyInfo, anomaly: Anomaly) -> None:
    """Add an anomaly to those of its column; several together have TFDV's "Multiple errors"."""
    info.reason.add(
        type=AnomalyInfo.Type.Value(anomaly.type),
        short_description=anomaly.short,
        description=anomaly.long,
    )
    several = len(info.reason) > 1
    info.short_description = "Multiple errors" if several else anomaly.short
    info.description = " ".join(reason.description for reason in info.reason)
    info.severity = AnomalyInfo.ERROR


def _measure(proto: Anomalies, comparison: Comparison) -> None:
    info = next(
        (one for one in proto.drift_skew_info if list(one.path.step) == [comparison.column]), None
    )
    if info is None:
        info = proto.drift_skew_info.add(path=path_pb2.Path(step=[comparison.column]))
    measurements = getattr(info, f"{comparison.kind}_measurements")
    measurements.add(
        type=comparison.measurement,
        value=comparison.distance.value,
        threshold=comparison.threshold,
    )


def _serialized(name: str) -> str:
    """The name as TFDV serializes a path of one step: quoted where it could be taken for several.

    >>> _serialized("hours per week"), _serialized("a.b"), _serialized("it's")
    ('hours per week', "'a.b'", "'it''s'")
    """
    return name if _STANDARD_STEP.fullmatch(name) else "'" + name.replace("'", "''") + "'"
