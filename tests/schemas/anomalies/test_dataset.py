"""The checks of a dataset as a whole, called as `find_anomalies` calls them."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.anomaly_cases import SCHEMA, bad, statistics
from tensorflow_metadata.proto.v0 import schema_pb2

from recordmill.schemas.anomalies.compare import DriftThresholds
from recordmill.schemas.anomalies.dataset import dataset_anomalies
from recordmill.schemas.anomalies.observed import InputSummary


def anomalies_of(
    schema: schema_pb2.Schema | None = None,
    *,
    previous: Any = None,
    limits: DriftThresholds | None = None,
    **summary: Any,
) -> list[tuple[str | None, str, str]]:
    anomalies = dataset_anomalies(
        schema or SCHEMA.to_proto(),
        SCHEMA,
        InputSummary(summary.pop("rows", statistics()), **summary),
        previous,
        limits or DriftThresholds(),
    )
    return [(one.column, one.type, one.long) for one in anomalies]


def test_four_good_rows() -> None:
    assert anomalies_of() == []


def test_limits_of_the_caller_come_before_those_of_the_schema() -> None:
    schema = SCHEMA.to_proto()
    schema.dataset_constraints.min_examples_count = 5
    schema.dataset_constraints.max_examples_count = 3
    assert anomalies_of(schema) == [
        (None, "DATASET_LOW_NUM_EXAMPLES", "The dataset has 4 rows; expected at least 5."),
        (None, "DATASET_HIGH_NUM_EXAMPLES", "The dataset has 4 rows; expected at most 3."),
    ]
    assert anomalies_of(schema, limits=DriftThresholds(min_rows=4, max_rows=4)) == []


RATIO = "The dataset has 4 rows and the previous one 2, a ratio of 2"


RATIO = "The dataset has 4 rows and the previous one 2, a ratio of 2"


@pytest.mark.parametrize(
    ("bounds", "long"),
    [
        ((0.5, 2), []),
        ((2.5, 3), [f"{RATIO}, below the threshold 2.5."]),
        ((0.1, 1.5), [f"{RATIO}, above the threshold 1.5."]),
    ],
)
def test_the_number_of_rows_before(bounds: tuple[float, float], long: list[str]) -> None:
    schema = SCHEMA.to_proto()
    comparator = schema.dataset_constraints.num_examples_drift_comparator
    comparator.min_fraction_threshold, comparator.max_fraction_threshold = bounds
    previous = statistics()
    previous.num_examples = 2
    assert [text for _, _, text in anomalies_of(schema, previous=previous)] == long


def test_no_rows_before_are_above_every_threshold() -> None:
    schema = SCHEMA.to_proto()
    schema.dataset_constraints.num_examples_drift_comparator.max_fraction_threshold = 1e9
    previous = statistics()
    previous.num_examples = 0
    ((_, kind, text),) = anomalies_of(schema, previous=previous)
    assert kind == "COMPARATOR_HIGH_NUM_EXAMPLES"
    assert "the previous one 0, a ratio of inf, above" in text


def test_reordered_headers_are_named_up_to_five() -> None:
    files = tuple(f"{place}.csv" for place in range(6))
    ((_, kind, text),) = anomalies_of(files=files, reordered=files)
    assert kind == "CUSTOM_VALIDATION"
    assert text == (
        "The header of 6 of 6 files does not have the order of the schema (age, share, sex, pay): "
        "0.csv, 1.csv, 2.csv, 3.csv, 4.csv and others."
    )


def test_the_share_of_bad_records_is_of_all_records() -> None:
    records = {"nul_byte": bad("a NUL", 1, "a:1"), "too_few_fields": bad("3 fields", 3, "a:2")}
    assert [text for _, _, text in anomalies_of(records=records)] == [
        '1 of 8 records (12.50%) are not rows, nul_byte: "a NUL" (at a:1).',
        '3 of 8 records (37.50%) are not rows, too_few_fields: "3 fields" (3, the first at a:2).',
    ]
