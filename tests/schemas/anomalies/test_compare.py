from __future__ import annotations

from typing import Any

import pytest
from helpers.anomaly_cases import GOOD, SCHEMA, anomalies_of, findings_of, statistics

from recordmill.schemas.anomalies.compare import ColumnThreshold, DriftThresholds
from recordmill.schemas.anomalies.find import find_anomalies
from recordmill.schemas.anomalies.observed import InputSummary
from recordmill.schemas.errors import RecipeError


def test_skew_and_drift_with_their_numbers() -> None:
    now = {**GOOD, "pay": ["low"] * 4, "age": [80, 80, 90, 90]}
    observed = InputSummary(statistics(now, times=100))
    findings = find_anomalies(
        SCHEMA.to_proto(), observed, training=statistics(times=100), previous=observed.statistics
    )
    assert [(item.column, item.type) for item in findings.anomalies] == [
        ("age", "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH"),
        ("pay", "COMPARATOR_L_INFTY_HIGH"),
    ]
    assert findings.anomalies[1].short == "High Linfty distance between serving and training"
    assert findings.anomalies[1].long == (
        "The infinity_norm between the serving data (400 values) and the training data (400) is "
        "0.5, above the threshold 0.1. Most different, from training to serving: "
        "high 50.0% → 0.0%, low 50.0% → 100.0%."
    )
    measured = findings.to_proto().drift_skew_info
    assert [item.path.step[0] for item in measured] == ["age", "share", "sex", "pay"]
    assert [item.value for item in measured[3].skew_measurements] == [0.5]
    assert [item.value for item in measured[3].drift_measurements] == [0.0]


def test_codes_are_reported_with_their_exact_shares() -> None:
    """By histograms the distance would be 0.291, and the share of 500 20 %."""
    before = [200] * 99 + [301] * 99 + [404] * 96 + [500] * 106
    now = [200] * 104 + [301] * 104 + [404] * 98 + [999] * 94
    findings = find_anomalies(
        SCHEMA.to_proto(),
        InputSummary(statistics({"age": now})),
        training=statistics({"age": before}),
    )
    (anomaly,) = [item for item in findings.anomalies if item.type.endswith("DIVERGENCE_HIGH")]
    assert anomaly.long == (
        "The jensen_shannon_divergence between the serving data (400 values) and the training data "
        "(400) is 0.250241, above the threshold 0.1. Most different, from training to serving: "
        "500 26.5% → 0.0%, 999 0.0% → 23.5%, 200 24.8% → 26.0%."
    )
    (comparison,) = findings.comparisons
    assert comparison.distance.value == pytest.approx(0.250241, abs=5e-7)


def test_statistics_that_do_not_list_whole_numbers_are_compared_as_before() -> None:
    old = statistics({**GOOD, "age": [20, 20, 60, 60]}, times=100)
    for feature in old.features:
        for index, custom in reversed(list(enumerate(feature.custom_stats))):
            if custom.name == "value_counts":
                del feature.custom_stats[index]
    now = InputSummary(statistics({**GOOD, "age": [20, 20, 60, 90]}, times=100))
    findings = find_anomalies(SCHEMA.to_proto(), now, training=old)
    assert findings.comparisons[0].column == "age"
    assert findings.comparisons[0].describe_shares() == (
        "60 40.0% → 10.0%, 90 0.0% → 20.0%, [60, 90) 0.0% → 10.0%"
    )
    assert findings.notes[-1] == (
        'shares of single values of "age" are estimates by histograms: the statistics of the '
        "serving or the training data were written by recordmill 0.1.0, which did not count whole "
        "numbers one by one. Prepare or profile that data again to compare them exactly."
    )
    same = find_anomalies(SCHEMA.to_proto(), InputSummary(old), training=old)
    assert same.notes == ()


def test_few_rows_are_no_reason_to_warn() -> None:
    findings = findings_of({**GOOD, "pay": ["low"] * 4}, training=statistics(times=100))
    assert findings.anomalies == ()
    assert findings.notes[-1] == (
        'column "pay": The infinity_norm between the serving data (4 values) and the training data '
        "(400) is 0.5, above the threshold 0.1. Most different, from training to serving: "
        "high 50.0% → 0.0%, low 50.0% → 100.0%. No anomaly: so few rows differ as much by chance "
        "more often than once in 1,000 times."
    )


def test_a_rise_of_missing_values() -> None:
    now = statistics({**GOOD, "sex": ["F", None, None, "M"]}, times=100)
    findings = find_anomalies(SCHEMA.to_proto(), InputSummary(now), training=statistics(times=100))
    assert anomalies_of(findings)[0] == (
        "sex",
        "FEATURE_TYPE_LOW_FRACTION_PRESENT",
        "50.00% of 400 rows have no value, against 25.00% of 400 in the training data; the rise is "
        "above the threshold 0.05.",
    )
    fewer = find_anomalies(
        SCHEMA.to_proto(),
        InputSummary(statistics({**GOOD, "sex": ["F", None, None, "M"]})),
        training=statistics(times=100),
    )
    assert [item for item in fewer.anomalies if item.column == "sex"] == []
    told_of_sex = [note for note in fewer.notes if note.startswith('column "sex": 50.00% of 4')]
    assert len(told_of_sex) == 1


def test_a_column_that_the_training_data_lacks() -> None:
    before = {name: values for name, values in GOOD.items() if name != "age"}
    (anomaly,) = findings_of(GOOD, training=statistics(before)).anomalies
    assert (anomaly.column, anomaly.type) == ("age", "COMPARATOR_CONTROL_DATA_MISSING")


def test_comparators_of_the_schema_override_the_defaults() -> None:
    proto = SCHEMA.to_proto()
    proto.feature[3].skew_comparator.infinity_norm.threshold = 0.6
    proto.feature[0].skew_comparator.jensen_shannon_divergence.threshold = 1.0
    now = {**GOOD, "pay": ["low"] * 4, "age": [80, 80, 90, 90]}
    observed, training = InputSummary(statistics(now, times=100)), statistics(times=100)
    assert find_anomalies(proto, observed, training=training).anomalies == ()
    limits = DriftThresholds(columns={"pay": ColumnThreshold(0.2)})
    (anomaly,) = find_anomalies(proto, observed, training=training, limits=limits).anomalies
    assert anomaly.column == "pay"


def test_comparators_of_the_schema_measure_as_tfdv_does() -> None:
    """The threshold was chosen for the distance of histograms."""
    proto = SCHEMA.to_proto()
    now = InputSummary(statistics({"age": [20] * 200 + [60] * 100 + [90] * 100}))
    before = statistics({"age": [20] * 190 + [60] * 210})
    exact = find_anomalies(proto, now, training=before).comparisons[0].distance
    proto.feature[0].skew_comparator.jensen_shannon_divergence.threshold = 0.1
    binned = find_anomalies(proto, now, training=before).comparisons[0].distance
    assert exact.value != binned.value
    assert exact.shares == binned.shares


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"aeg": ColumnThreshold(0.1)}, 'no column "aeg" in the schema; did you mean "age"?'),
        (
            {"share": ColumnThreshold(0.1, "infinity_norm")},
            'column "share": infinity_norm compares categories, which are strings, and the type is '
            "float32; use jensen_shannon_divergence",
        ),
        (
            {"sex": ColumnThreshold(0.1, "jensen_shannon_divergence")},
            'column "sex": jensen_shannon_divergence compares histograms of numbers, and the type '
            "is string; use infinity_norm",
        ),
        (
            {"sex": ColumnThreshold(0.1, "psi")},
            'column "sex": there is no comparator "psi"; for string it is infinity_norm',
        ),
    ],
)
def test_a_threshold_that_does_not_fit(limits: dict[str, ColumnThreshold], message: str) -> None:
    with pytest.raises(RecipeError) as error:
        findings_of(GOOD, limits=DriftThresholds(columns=limits))
    assert str(error.value) == message


def test_a_comparator_of_the_schema_that_does_not_fit() -> None:
    proto = SCHEMA.to_proto()
    proto.feature[1].drift_comparator.infinity_norm.threshold = 0.1
    with pytest.raises(RecipeError, match='column "share": infinity_norm compares categories'):
        findings_of(GOOD, schema=proto)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"skew": 2}, r"threshold of skew: expected \[0, 1\], got 2"),
        (
            {"columns": {"a": ColumnThreshold(-1)}},
            r'threshold of column "a": expected \[0, 1\], got -1',
        ),
        ({"min_rows": 3, "max_rows": 2}, "min_rows 3 is above max_rows 2"),
    ],
)
def test_invalid_thresholds(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=f"^{message}$"):
        DriftThresholds(**options)
