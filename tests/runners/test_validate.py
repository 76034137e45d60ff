from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from helpers.anomaly_cases import GOOD, SCHEMA, bad, examine_here, findings_of, statistics
from tensorflow_metadata.proto.v0.anomalies_pb2 import Anomalies

from recordmill.pipelines.config.csv_format import CsvFormat
from recordmill.runners.validate import csv_format_of, limits_of, retraining_advice, validate
from recordmill.schemas.anomalies.compare import ColumnThreshold
from recordmill.schemas.anomalies.find import find_anomalies
from recordmill.schemas.anomalies.observed import InputSummary
from recordmill.schemas.errors import RecipeError

HEADER = "age,share,sex,pay\n"


@pytest.fixture(autouse=True)
def without_beam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recordmill.pipelines.validation.validate.examine", examine_here)


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    path = tmp_path / "schema.pbtxt"
    path.write_text(SCHEMA.to_pbtxt())
    return path


def run(data: Path, against: Path, **options: Any) -> int:
    arguments: dict[str, Any] = {
        "drift": [],
        "split": "train",
        "serving": False,
        "skew_threshold": 0.1,
        "drift_threshold": 0.1,
        "missing_threshold": 0.05,
        "thresholds": [],
        "min_rows": None,
        "max_rows": None,
        "csv": [],
        "output": None,
        **options,
    }
    return validate([str(data)], against=str(against), **arguments)


def test_good_data(tmp_path: Path, schema: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "a.csv"
    data.write_text(HEADER + "20,0.1,F,low\n")
    assert run(data, schema) == 0
    assert capsys.readouterr().out.split() == f"1 row against {schema}: no anomalies".split()


@pytest.mark.parametrize(
    ("row", "count"),
    [
        ("200,0.1,F,low", "1 anomaly"),
        ("200,0.9,F,low", "2 anomalies in 2 columns"),
    ],
)
def test_the_number_of_anomalies(
    row: str, count: str, tmp_path: Path, schema: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "a.csv"
    data.write_text(f"{HEADER}{row}\n")
    assert run(data, schema) == 1
    text = " ".join(capsys.readouterr().out.split())
    assert text.endswith(f"1 row against {schema}: {count}")


def test_serving_data_has_no_label(tmp_path: Path, schema: Path) -> None:
    data = tmp_path / "a.csv"
    data.write_text("age,share,sex\n20,0.1,F\n")
    assert run(data, schema) == 1
    assert run(data, schema, serving=True) == 0


def test_anomalies_as_a_table_and_as_a_proto(
    tmp_path: Path, schema: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, output = tmp_path / "a.csv", tmp_path / "anomalies.pbtxt"
    data.write_text(HEADER + "200,0.1,[red]\x1b[1m,low\n")
    assert run(data, schema, output=str(output)) == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "[red]" in out
    assert "2 anomalies in 2 columns" in out
    proto = text_format.Parse(output.read_text(), Anomalies())
    assert sorted(proto.anomaly_info) == ["age", "sex"]


def test_distances_are_shown(
    tmp_path: Path, schema: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, before = tmp_path / "a.csv", tmp_path / "b.csv"
    data.write_text(HEADER + "20,0.1,F,low\n" * 200)
    before.write_text(HEADER + "20,0.1,M,low\n" * 200)
    assert run(data, schema, drift=[str(before)]) == 1
    out = capsys.readouterr().out
    assert "1.0000" in out and "infinity_norm" in out
    assert run(data, schema, drift=[str(before)], thresholds=["sex=1"]) == 0


def test_when_to_retrain() -> None:
    trained = statistics(times=200)
    same = findings_of(GOOD, training=statistics())
    assert retraining_advice(same) == [
        "no need to retrain: 4 columns look like the training data",
    ]
    ages = replace(same, comparisons=same.comparisons[:1])
    assert retraining_advice(ages) == ["no need to retrain: 1 column looks like the training data"]
    shifted = GOOD | {"age": [90, 90, 90, 90], "share": [None] * 4, "sex": ["F", "F", "F", "X"]}
    observed = InputSummary(
        statistics(shifted, times=200), bad={"age": {"not_an_integer": bad("old", 3, "a:1")}}
    )
    changed = find_anomalies(SCHEMA.to_proto(), observed, training=trained)
    assert retraining_advice(changed) == [
        "retrain: age, share and sex differ from the training data",
        "retraining does not solve the other anomalies, of age and sex",
    ]
    assert retraining_advice(find_anomalies(SCHEMA.to_proto(), observed, previous=trained)) == []


def test_thresholds() -> None:
    assert limits_of(["a=b=0.5", "sex=infinity_norm:0.2"]) == {
        "a=b": ColumnThreshold(0.5),
        "sex": ColumnThreshold(0.2, "infinity_norm"),
    }
    for threshold in ("age", "age=x", "=0.1", "age="):
        with pytest.raises(RecipeError) as error:
            limits_of([threshold])
        assert str(error.value) == (
            f"--threshold {threshold}: expected COLUMN=NUMBER or COLUMN=COMPARATOR:NUMBER, such as "
            "age=0.1 or sex=infinity_norm:0.1"
        )


def test_beam_logs_no_error_of_ours(tmp_path: Path, schema: Path) -> None:
    logger = logging.getLogger("apache_beam")
    level = logger.level
    try:
        logger.setLevel(logging.WARNING)
        data = tmp_path / "a.csv"
        data.write_text(HEADER + "20,0.1,F,low\n")
        run(data, schema)
        assert not logger.isEnabledFor(logging.ERROR)
    finally:
        logger.setLevel(level)


def test_csv_options() -> None:
    assert csv_format_of([]) is None
    options = ["header=false", "comment=|", "delimiter=;", "quote=", "max_field_bytes=5"]
    assert csv_format_of(options) == CsvFormat(
        header=False, comment="|", delimiter=";", quote="", max_field_bytes=5
    )
    assert csv_format_of(["header=false"], CsvFormat(delimiter=";")) == CsvFormat(
        header=False, delimiter=";"
    )
    for wrong, message in (
        ("head=1", "expected KEY=VALUE, KEY one of header, delimiter, quote, comment, "),
        ("header=maybe", '"maybe" is no value of header'),
        ("max_field_bytes=x", '"x" is no value of max_field_bytes'),
    ):
        with pytest.raises(RecipeError, match=message):
            csv_format_of([wrong])
