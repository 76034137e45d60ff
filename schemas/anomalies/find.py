"""`find_anomalies`: validates data against a schema, and compares it with reference data.

The types of anomalies, their conditions and short descriptions are those of TensorFlow Data
Validation; the long descriptions add exact counts, shares, and locations of values. Findings that
TFDV does not have - a column in only some of the files, another order of the header, records that
are not rows - have the types SCHEMA_MISSING_COLUMN and CUSTOM_VALIDATION.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tensorflow_metadata.proto.v0 import path_pb2, schema_pb2
from tensorflow_metadata.proto.v0.anomalies_pb2 import Anomalies, AnomalyInfo
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatistics

from ..schema import Schema
from .columns import Anomaly, column_anomalies, feature_name, new_column, repaired_values
from .compare import Comparison, DriftThresholds, Reference, compare
from .dataset import dataset_anomalies
from .observed import InputSummary

__all__ = ["Findings", "find_anomalies"]

_STANDARD_STEP = re.compile(r"\([^()]*\)|[^().']+")


@dataclass(frozen=True)
class Findings:
    """Result of validating data.

    Attributes:
      schema: Schema that the data was validated against.
      observed: Summary of the data.
      anomalies: Anomalies of the dataset, then of the columns in their order.
      comparisons: Every distance, above its threshold or not.
      notes: Remarks, such as on values that a run clips or takes as missing, or on a distance that
        may be chance; a sentence each.
    """

    schema: schema_pb2.Schema
    observed: InputSummary
    anomalies: tuple[Anomaly, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    notes: tuple[str, ...] = ()

    def to_proto(self) -> Anomalies:
        """Return the anomalies as TensorFlow Data Validation writes them."""
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
            _add_reason(info, anomaly)
        for comparison in self.comparisons:
            _add_measurement(proto, comparison)
        return proto

    def text(self) -> str:
        """Return the anomalies in words, one a line; "" without any."""
        return "\n".join(map(str, self.anomalies))


def find_anomalies(
    schema: schema_pb2.Schema,
    observed: InputSummary,
    *,
    training: DatasetFeatureStatistics | None = None,
    previous: DatasetFeatureStatistics | None = None,
    limits: DriftThresholds | None = None,
) -> Findings:
    """Validate data against a schema, and compare it with reference statistics.

    Args:
      schema: Schema of the data, with TFDV's comparators and constraints, if any.
      observed: Summary of the data.
      training: Statistics of the data that a model was trained on: a distance from them is skew.
      previous: Statistics of an earlier state of the data: a distance from them is drift.
      limits: Thresholds of the distances; None for the defaults.

    Raises:
      DataError: The schema has features that are no columns of a table.
      RecipeError: A threshold names no column of the schema, or a comparator that does not fit its
        type.
    """
    limits = limits or DriftThresholds()
    columns = Schema.from_proto(schema)
    limits.check(columns, schema)
    notes: list[str] = []
    anomalies = [*dataset_anomalies(schema, columns, observed, previous, limits)]
    by_name = {feature_name(feature): feature for feature in observed.statistics.features}
    for feature, column in zip(schema.feature, columns, strict=True):
        statistics = by_name.pop(column.name, None)
        anomalies += column_anomalies(feature, column, statistics, observed)
        notes += repaired_values(column, statistics, observed)
    unnamed = [column.name for column in columns if column.name in observed.absent]
    anomalies += [new_column(name, statistics, unnamed) for name, statistics in by_name.items()]
    references = [Reference("skew", training)] if training is not None else []
    references += [Reference("drift", previous)] if previous is not None else []
    comparisons: list[Comparison] = []
    for reference in references:
        result = compare(schema, columns, observed, reference, limits)
        anomalies += result.anomalies
        comparisons += result.comparisons
        notes += result.notes
    ordered = tuple(_in_order(anomalies, columns))
    return Findings(schema, observed, ordered, tuple(comparisons), tuple(notes))


def _in_order(anomalies: Iterable[Anomaly], columns: Schema) -> list[Anomaly]:
    order: dict[str | None, int] = {name: index for index, name in enumerate(columns.names)}
    order[None] = -1
    return sorted(anomalies, key=lambda anomaly: order.get(anomaly.column, len(order)))


def _add_reason(info: AnomalyInfo, anomaly: Anomaly) -> None:
    """Add an anomaly to those of its column; several together are TFDV's "Multiple errors"."""
    info.reason.add(
        type=AnomalyInfo.Type.Value(anomaly.type),
        short_description=anomaly.short,
        description=anomaly.long,
    )
    several = len(info.reason) > 1
    info.short_description = "Multiple errors" if several else anomaly.short
    info.description = " ".join(reason.description for reason in info.reason)
    info.severity = AnomalyInfo.ERROR


def _add_measurement(proto: Anomalies, comparison: Comparison) -> None:
    path = path_pb2.Path(step=[comparison.column])
    info = next((info for info in proto.drift_skew_info if info.path == path), None)
    if info is None:
        info = proto.drift_skew_info.add(path=path)
    measurements = getattr(info, f"{comparison.kind}_measurements")
    measurements.add(
        type=comparison.measurement,
        value=comparison.distance.value,
        threshold=comparison.threshold,
    )


def _serialized(name: str) -> str:
    """Serialize a path of one step as TFDV does: quoted where it could be read as several steps.

    >>> _serialized("hours per week"), _serialized("a.b"), _serialized("it's")
    ('hours per week', "'a.b'", "'it''s'")
    """
    return name if _STANDARD_STEP.fullmatch(name) else "'" + name.replace("'", "''") + "'"
