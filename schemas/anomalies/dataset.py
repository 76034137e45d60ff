"""Anomalies of a dataset: number of rows, order of the header, malformed records."""

from __future__ import annotations

from collections.abc import Iterator

from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatistics

from ..schema import Schema
from .columns import Anomaly
from .compare import DriftThresholds
from .observed import InputSummary, list_files

__all__ = ["dataset_anomalies"]


def dataset_anomalies(
    schema: schema_pb2.Schema,
    columns: Schema,
    observed: InputSummary,
    previous: DatasetFeatureStatistics | None,
    limits: DriftThresholds,
) -> Iterator[Anomaly]:
    """Yield the anomalies that concern no single column.

    Args:
      schema: Schema with the default constraints on the number of rows.
      columns: Columns of the schema.
      observed: Summary of the data.
      previous: Statistics of an earlier state of the data.
      limits: Least and most rows, which override the constraints of the schema.
    """
    yield from _count(schema, observed.rows, limits)
    if previous is not None and observed.rows:
        yield from _against_previous(schema, observed.rows, int(previous.num_examples))
    if observed.reordered:
        yield _custom(
            "Columns in another order",
            f"The header of {len(observed.reordered):,} of {len(observed.files):,} files does not "
            f"have the order of the schema ({', '.join(columns.names)}): "
            f"{list_files(observed.reordered)}.",
        )
    for reason, bad in observed.records.items():
        records = observed.rows + sum(others.count for others in observed.records.values())
        yield _custom(
            "Bad records",
            f"{bad.count:,} of {records:,} records ({bad.count / records:.2%}) are not rows, "
            f"{reason}: {bad.describe()}.",
        )


def _count(schema: schema_pb2.Schema, rows: int, limits: DriftThresholds) -> Iterator[Anomaly]:
    constraints = schema.dataset_constraints
    fewest, most = limits.min_rows, limits.max_rows
    if fewest is None and constraints.HasField("min_examples_count"):
        fewest = constraints.min_examples_count
    if most is None and constraints.HasField("max_examples_count"):
        most = constraints.max_examples_count
    if rows < max(fewest or 0, 1):
        yield Anomaly(
            None,
            "DATASET_LOW_NUM_EXAMPLES",
            "Low num examples in dataset.",
            f"The dataset has {rows:,} rows; expected at least {max(fewest or 0, 1):,}.",
        )
    if most is not None and rows > most:
        yield Anomaly(
            None,
            "DATASET_HIGH_NUM_EXAMPLES",
            "High num examples in dataset.",
            f"The dataset has {rows:,} rows; expected at most {most:,}.",
        )


def _against_previous(schema: schema_pb2.Schema, rows: int, before: int) -> Iterator[Anomaly]:
    comparator = schema.dataset_constraints.num_examples_drift_comparator
    prefix = f"The dataset has {rows:,} rows and the previous one {before:,}, a ratio of "
    ratio = rows / before if before else float("inf")
    ends = (
        ("min_fraction_threshold", "Low", ratio < comparator.min_fraction_threshold, "below"),
        ("max_fraction_threshold", "High", ratio > comparator.max_fraction_threshold, "above"),
    )
    for name, size, wrong, side in ends:
        if comparator.HasField(name) and wrong:
            yield Anomaly(
                None,
                f"COMPARATOR_{size.upper()}_NUM_EXAMPLES",
                f"{size} num examples in current dataset versus the previous span.",
                f"{prefix}{ratio:.6g}, {side} the threshold {getattr(comparator, name):.6g}.",
            )


def _custom(short: str, long: str) -> Anomaly:
    return Anomaly(None, "CUSTOM_VALIDATION", short, long)
