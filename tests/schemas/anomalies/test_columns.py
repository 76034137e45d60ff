"""The checks of one column, called as `find_anomalies` calls them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from helpers.anomaly_cases import GOOD, SCHEMA, bad, statistics
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_metadata.proto.v0.statistics_pb2 import FeatureNameStatistics

from recordmill.schemas.anomalies.columns import (
    Anomaly,
    column_anomalies,
    common_of,
    feature_name,
    new_column,
    repaired_values,
)
from recordmill.schemas.anomalies.observed import BadValues, InputSummary
from recordmill.schemas.column import Column


def feature_of(name: str) -> schema_pb2.Feature:
    (feature,) = (feature for feature in SCHEMA.to_proto().feature if feature.name == name)
    return feature


def statistics_of(name: str) -> FeatureNameStatistics:
    (feature,) = (one for one in statistics().features if feature_name(one) == name)
    return feature


def anomalies_of(
    name: str, summary: InputSummary, feature: schema_pb2.Feature | None = None
) -> list[Anomaly]:
    feature = feature or feature_of(name)
    return [*column_anomalies(feature, SCHEMA[name], statistics_of(name), summary)]


def test_an_anomaly_names_its_column_or_the_dataset() -> None:
    assert str(Anomaly("age", "T", "short", "long")) == 'column "age": short: long'
    assert str(Anomaly(None, "T", "short", "long")) == "dataset: short: long"


def test_names_of_nested_features_have_dots() -> None:
    assert feature_name(FeatureNameStatistics(name="plain")) == "plain"
    nested = FeatureNameStatistics()
    nested.path.step.extend(["request", "age"])
    assert feature_name(nested) == "request.age"


def test_common_statistics_of_each_type() -> None:
    number, text, nothing = (FeatureNameStatistics() for _ in range(3))
    number.num_stats.common_stats.num_missing = 1
    text.string_stats.common_stats.num_missing = 2
    assert [common_of(one).num_missing for one in (number, text, nothing)] == [1, 2, 0]


@pytest.mark.parametrize("name", GOOD)
def test_good_values(name: str) -> None:
    assert anomalies_of(name, InputSummary(statistics())) == []


def test_several_wrong_types_are_one_anomaly() -> None:
    wrong = {"age": {"fraction": bad("1.5", 1, "a:1"), "not_an_integer": bad("x", 2, "a:2")}}
    (anomaly,) = anomalies_of("age", InputSummary(statistics(), bad=wrong))
    assert anomaly.short == "Expected data of type: INT but got STRING"
    assert anomaly.long == (
        '1 of 3 values (33.33%) are numbers but not integers: "1.5" (at a:1). '
        '2 of 3 values (66.67%) are not integers: "x" (2, the first at a:2).'
    )


def test_a_planned_column_is_not_checked() -> None:
    feature = feature_of("age")
    feature.lifecycle_stage = schema_pb2.PLANNED
    wrong = {"age": {"nan": bad("nan", 1, "a:1")}}
    assert anomalies_of("age", InputSummary(statistics(), bad=wrong), feature) == []


def test_files_that_lack_a_column_are_named_up_to_five() -> None:
    paths = tuple(f"{place}.csv" for place in range(7))
    summary = InputSummary(statistics(), files=paths, absent={"age": paths[1:]})
    (anomaly,) = anomalies_of("age", summary)
    assert anomaly.long == (
        "6 of 7 files lack the column: 1.csv, 2.csv, 3.csv, 4.csv, 5.csv and others."
    )


MANY_BAD = {"below_minimum": bad("-1", 9, "a:1"), "nan": bad("nan", 1, "a:2")}


@pytest.mark.parametrize(
    ("bad_value", "notes"),
    [
        ("reject", []),
        ("clip", []),
        (
            "missing",
            [
                'column "age": the values of 1 of 4 rows (25.00%) are taken as missing '
                'because they are NaN: "nan" (at a:2).'
            ],
        ),
    ],
)
def test_more_bad_values_than_good_ones_are_not_mended(bad_value: str, notes: list[str]) -> None:
    column = Column("age", "int64", minimum=0, bad_value=bad_value)  # type: ignore[arg-type]
    observed: Mapping[str, Mapping[str, BadValues]] = {"age": MANY_BAD}
    summary = InputSummary(statistics(), bad=observed)
    assert [*repaired_values(column, statistics_of("age"), summary)] == notes


def test_a_new_column_that_is_a_whole_header() -> None:
    anomaly = new_column("age;sex;pay", statistics_of("sex"), ["age", "sex", "pay"])
    assert anomaly.long == (
        "The data has a column that the schema lacks, of text in 3 rows. It is an entire "
        "header: set the separator of the fields (delimiter)."
    )


def test_a_new_column_of_numbers() -> None:
    assert new_column("weight", statistics_of("age"), []).long == (
        "The data has a column that the schema lacks, of integers in 3 rows."
    )
    assert new_column("shares", statistics_of("share"), ["share"]).long == (
        "The data has a column that the schema lacks, of numbers in 3 rows. "
        'Is it "share" under another name?'
    )
