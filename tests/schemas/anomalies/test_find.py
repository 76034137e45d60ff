from __future__ import annotations

from dataclasses import replace

import pytest
from google.protobuf import text_format
from helpers.anomaly_cases import GOOD, SCHEMA, anomalies_of, bad, findings_of, statistics
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_metadata.proto.v0.anomalies_pb2 import Anomalies
from tensorflow_metadata.proto.v0.statistics_pb2 import (
    DatasetFeatureStatistics,
    FeatureNameStatistics,
)

from recordmill.schemas.anomalies.compare import DriftThresholds
from recordmill.schemas.anomalies.find import find_anomalies
from recordmill.schemas.anomalies.observed import InputSummary
from recordmill.schemas.column import BadValue, Column
from recordmill.schemas.schema import Schema


def test_good_data_has_no_anomalies() -> None:
    findings = findings_of(GOOD)
    assert findings.anomalies == ()
    assert findings.text() == ""
    assert findings.to_proto() == Anomalies(
        baseline=SCHEMA.to_proto(),
        anomaly_name_format=Anomalies.SERIALIZED_PATH,
        data_missing=False,
    )


def test_a_bound_that_float32_rounds_is_a_good_value() -> None:
    schema = Schema((Column("share", "float32", minimum=0.7, maximum=0.7),))
    rows = statistics({"share": [0.7]})
    assert find_anomalies(schema.to_proto(), InputSummary(rows)).anomalies == ()


def test_values_out_of_range_and_domain_by_statistics_alone() -> None:
    rows = {
        **GOOD,
        "age": [-1, 120, None, 1],
        "share": [0.1, 0.9, 0, 0],
        "sex": ["x", "x", "F", "y"],
    }
    assert anomalies_of(findings_of(rows)) == [
        ("age", "INT_TYPE_SMALL_INT", "The smallest value is -1, below the minimum 0."),
        ("age", "INT_TYPE_BIG_INT", "The largest value is 120, above the maximum 90."),
        (
            "share",
            "FLOAT_TYPE_BIG_FLOAT",
            "The largest value is 0.899999976158142, above the maximum 0.7.",
        ),
        (
            "sex",
            "ENUM_TYPE_UNEXPECTED_STRING_VALUES",
            '3 of 4 values (75.00%) are not in the domain: "x" (2), "y" (1).',
        ),
    ]


def test_locations_of_bad_values_are_reported() -> None:
    rows = {**GOOD, "age": [120, 120, 1, None], "sex": ["x", "F", "F", "F"]}
    seen = {
        "age": {"above_maximum": bad("120", 2, "a.csv:2")},
        "sex": {"not_in_domain": bad("x", 1, "a.csv:3")},
    }
    assert anomalies_of(findings_of(rows, bad=seen)) == [
        (
            "age",
            "INT_TYPE_BIG_INT",
            '2 of 3 values (66.67%) are above the maximum 90: "120" (2, the first at a.csv:2). '
            "The largest value is 120, above the maximum 90.",
        ),
        (
            "sex",
            "ENUM_TYPE_UNEXPECTED_STRING_VALUES",
            '1 of 4 values (25.00%) are not in the domain: "x" (at a.csv:3).',
        ),
    ]


@pytest.mark.parametrize(
    ("reason", "kind", "short", "long"),
    [
        (
            "not_an_integer",
            "UNEXPECTED_DATA_TYPE",
            "Expected data of type: INT but got STRING",
            '2 of 3 values (66.67%) are not integers: "x" (2, the first at a:1).',
        ),
        (
            "fraction",
            "UNEXPECTED_DATA_TYPE",
            "Expected data of type: INT but got FLOAT",
            '2 of 3 values (66.67%) are numbers but not integers: "x" (2, the first at a:1).',
        ),
        (
            "nan",
            "FLOAT_TYPE_HAS_NAN",
            "Invalid values",
            '2 of 3 values (66.67%) are NaN: "x" (2, the first at a:1).',
        ),
    ],
)
def test_values_of_another_type(reason: str, kind: str, short: str, long: str) -> None:
    findings = findings_of(GOOD, bad={"age": {reason: bad("x", 2, "a:1")}})
    (anomaly,) = findings.anomalies
    assert (anomaly.type, anomaly.short, anomaly.long) == (kind, short, long)


def test_statistics_of_another_type() -> None:
    rows = statistics()
    rows.features[0].type = FeatureNameStatistics.FLOAT
    (anomaly,) = find_anomalies(SCHEMA.to_proto(), InputSummary(rows)).anomalies
    assert str(anomaly) == (
        'column "age": Expected data of type: INT but got FLOAT: '
        "The statistics are of FLOAT values."
    )


def test_missing_and_new_columns() -> None:
    rows = statistics()
    rows.features[2].path.step[0] = "gender"
    rows.features[3].path.step[0] = "payy"
    observed = InputSummary(rows, files=("a.csv",), absent={"sex": ("a.csv",), "pay": ("a.csv",)})
    assert anomalies_of(find_anomalies(SCHEMA.to_proto(), observed)) == [
        ("sex", "SCHEMA_MISSING_COLUMN", "Column is completely missing."),
        ("pay", "SCHEMA_MISSING_COLUMN", "Column is completely missing."),
        (
            "gender",
            "SCHEMA_NEW_COLUMN",
            "The data has a column that the schema lacks, of text in 3 rows.",
        ),
        (
            "payy",
            "SCHEMA_NEW_COLUMN",
            "The data has a column that the schema lacks, of text in 4 rows. "
            'Is it "pay" under another name?',
        ),
    ]


def test_a_column_that_some_files_lack() -> None:
    observed = InputSummary(
        statistics(), files=("a.csv", "b.csv"), absent={"age": ("b.csv",)}, reordered=("a.csv",)
    )
    assert anomalies_of(find_anomalies(SCHEMA.to_proto(), observed)) == [
        (
            None,
            "CUSTOM_VALIDATION",
            "The header of 1 of 2 files does not have the order of the schema (age, share, sex, "
            "pay): a.csv.",
        ),
        ("age", "SCHEMA_MISSING_COLUMN", "1 of 2 files lack the column: b.csv."),
    ]


def test_a_deprecated_column_may_be_missing() -> None:
    proto = SCHEMA.to_proto()
    proto.feature[0].lifecycle_stage = schema_pb2.DEPRECATED
    rows = {name: values for name, values in GOOD.items() if name != "age"}
    assert findings_of(rows, schema=proto).anomalies == ()


def test_presence() -> None:
    proto = SCHEMA.to_proto()
    proto.feature[0].presence.min_fraction = 0.9
    proto.feature[1].presence.min_count = 4
    proto.feature[2].presence.min_count = 1
    rows = {**GOOD, "sex": [None] * 4, "pay": ["low", "low", None, "low"]}
    assert anomalies_of(findings_of(rows, schema=proto)) == [
        (
            "age",
            "FEATURE_TYPE_LOW_FRACTION_PRESENT",
            "1 of 4 rows (25.00%) have no value, and at most 10.00% may lack it.",
        ),
        (
            "share",
            "FEATURE_TYPE_LOW_NUMBER_PRESENT",
            "3 rows have a value, and at least 4 must.",
        ),
        ("sex", "FEATURE_TYPE_NOT_PRESENT", "None of 4 rows has a value."),
        (
            "pay",
            "FEATURE_TYPE_LOW_FRACTION_PRESENT",
            "1 of 4 rows (25.00%) have no value, and at most 0.00% may lack it.",
        ),
    ]


def test_some_values_may_be_outside_the_domain() -> None:
    proto = SCHEMA.to_proto()
    proto.feature[2].distribution_constraints.min_domain_mass = 0.5
    assert findings_of({**GOOD, "sex": ["x", "F", "F", "F"]}, schema=proto).anomalies == ()
    (anomaly,) = findings_of({**GOOD, "sex": ["x", "x", "x", "F"]}, schema=proto).anomalies
    assert anomaly.long == (
        '3 of 4 values (75.00%) are not in the domain: "x" (3). At most 50.00% may be.'
    )


def test_requests_need_no_label() -> None:
    rows = statistics({**GOOD, "pay": [None] * 4})
    assert find_anomalies(SCHEMA.to_proto(), InputSummary(rows, requests=True)).anomalies == ()


def test_the_number_of_rows() -> None:
    proto = SCHEMA.to_proto()
    constraints = proto.dataset_constraints
    constraints.min_examples_count = 5
    constraints.num_examples_drift_comparator.min_fraction_threshold = 0.5
    constraints.num_examples_drift_comparator.max_fraction_threshold = 2
    assert anomalies_of(findings_of(GOOD, schema=proto, previous=statistics(times=10))) == [
        (None, "DATASET_LOW_NUM_EXAMPLES", "The dataset has 4 rows; expected at least 5."),
        (
            None,
            "COMPARATOR_LOW_NUM_EXAMPLES",
            "The dataset has 4 rows and the previous one 40, a ratio of 0.1, below the threshold "
            "0.5.",
        ),
    ]
    assert anomalies_of(findings_of(GOOD, limits=DriftThresholds(min_rows=0, max_rows=3))) == [
        (None, "DATASET_HIGH_NUM_EXAMPLES", "The dataset has 4 rows; expected at most 3.")
    ]


def test_no_rows_at_all() -> None:
    findings = findings_of({name: [] for name in GOOD})
    assert anomalies_of(findings) == [
        (None, "DATASET_LOW_NUM_EXAMPLES", "The dataset has 0 rows; expected at least 1.")
    ]
    assert findings.to_proto().data_missing


def test_several_anomalies_of_a_column_in_the_proto() -> None:
    proto = findings_of({**GOOD, "age": [-1, 120, None, 1]}).to_proto()
    info = proto.anomaly_info["age"]
    assert info.short_description == "Multiple errors"
    assert info.description == (
        "The smallest value is -1, below the minimum 0. "
        "The largest value is 120, above the maximum 90."
    )
    assert list(info.path.step) == ["age"]
    assert [anomaly.short_description for anomaly in info.reason] == ["Out-of-range values"] * 2
    assert text_format.Parse(text_format.MessageToString(proto), Anomalies()) == proto


def test_records_that_are_not_rows() -> None:
    observed = InputSummary(
        statistics(),
        files=("a.csv",),
        records={"too_few_fields": bad("expected 4, got 3", 1, "a:3")},
    )
    findings = find_anomalies(SCHEMA.to_proto(), observed)
    assert findings.text() == (
        "dataset: Bad records: 1 of 5 records (20.00%) are not rows, too_few_fields: "
        '"expected 4, got 3" (at a:3).'
    )
    assert findings.to_proto().dataset_anomaly_info.short_description == "Bad records"


def test_statistics_without_paths() -> None:
    rows = DatasetFeatureStatistics()
    rows.CopyFrom(statistics())
    for feature in rows.features:
        name = feature.path.step[0]
        feature.name = name
    assert find_anomalies(SCHEMA.to_proto(), InputSummary(rows)).anomalies == ()


def _lenient(bad_value: BadValue) -> schema_pb2.Schema:
    first, *others = SCHEMA
    return Schema((replace(first, bad_value=bad_value), *others)).to_proto()


def test_bad_values_that_a_run_takes_as_missing_are_noted() -> None:
    values = {"age": {"not_an_integer": bad("x", 1, "a.csv:3")}}
    findings = findings_of(GOOD, schema=_lenient("missing"), bad=values)
    assert (findings.anomalies, findings.notes) == (
        (),
        (
            'column "age": the values of 1 of 4 rows (25.00%) are taken as missing because they '
            'are not integers: "x" (at a.csv:3).',
        ),
    )
    (rejected,) = findings_of(GOOD, schema=_lenient("reject"), bad=values).anomalies
    assert rejected.type == "UNEXPECTED_DATA_TYPE"


def test_bad_values_that_a_run_clips_are_noted() -> None:
    values = {
        "age": {"above_maximum": bad("200", 1, "a.csv:3"), "fraction": bad("1.5", 1, "a.csv:4")}
    }
    findings = findings_of(GOOD, schema=_lenient("clip"), bad=values)
    assert [anomaly.type for anomaly in findings.anomalies] == ["UNEXPECTED_DATA_TYPE"]
    assert findings.notes == (
        'column "age": the values of 1 of 4 rows (25.00%) are clipped because they are above the '
        'maximum: "200" (at a.csv:3).',
    )


def test_a_column_of_mostly_bad_values_is_another_one() -> None:
    values = {"age": {"not_an_integer": bad("x", 4, "a.csv:3")}}
    findings = findings_of(GOOD, schema=_lenient("missing"), bad=values)
    assert [anomaly.type for anomaly in findings.anomalies] == ["UNEXPECTED_DATA_TYPE"]
    assert findings.notes == ()


def test_a_header_that_was_not_cut() -> None:
    rows = statistics({"age": [1]})
    rows.features[0].path.step[0] = "age;share;sex;pay"
    observed = InputSummary(rows, absent=dict.fromkeys(SCHEMA.names, ("a.csv",)))
    new = find_anomalies(SCHEMA.to_proto(), observed).anomalies[-1]
    assert (new.short, new.long) == (
        "New column",
        "The data has a column that the schema lacks, of integers in 1 rows. It is an entire "
        "header: set the separator of the fields (delimiter).",
    )
