from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from google.protobuf import text_format
from helpers.anomaly_cases import GOOD, SCHEMA, examine_here, statistics
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

from recordmill.pipelines.config.expect import Expect
from recordmill.pipelines.validation.validate import (
    check_expect,
    check_expectations,
    read_schema,
    validate,
)
from recordmill.schemas.anomalies.compare import DriftThresholds
from recordmill.schemas.errors import DataError, RecipeError

ROWS = "age,share,sex,pay\n20,0.1,F,low\n40,0.7,M,low\n,0.2,M,high\n60,,,high\n"


@pytest.fixture(autouse=True)
def without_beam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recordmill.pipelines.validation.validate.examine", examine_here)


def dataset(folder: Path, *, name: str = "manifest.json", times: int = 100) -> str:
    """Write the files of a prepared dataset, or of a profile, that validation reads."""
    (folder / "stats").mkdir(parents=True)
    (folder / "schema").mkdir()
    (folder / name).write_text(json.dumps({"recipe": {"csv": {"delimiter": ";", "header": True}}}))
    (folder / "schema/schema.pbtxt").write_text(SCHEMA.to_pbtxt())
    for split, rows in (("train", GOOD), ("eval", {**GOOD, "pay": ["low"] * 4})):
        proto = statistics(rows, times=times)
        proto.name = split
        listed = DatasetFeatureStatisticsList(datasets=[proto])
        (folder / f"stats/{split}.pb").write_bytes(listed.SerializeToString())
    return str(folder)


def schema_file(folder: Path) -> str:
    path = folder / "schema.pbtxt"
    path.write_text(SCHEMA.to_pbtxt())
    return str(path)


def test_a_file_against_a_schema(tmp_path: Path) -> None:
    data = tmp_path / "a.csv"
    data.write_text(ROWS)
    assert validate([str(data)], against=schema_file(tmp_path)).anomalies == ()
    data.write_text(ROWS.replace("60", "600"))
    (anomaly,) = validate([str(data)], against=schema_file(tmp_path)).anomalies
    assert anomaly.long == (
        f'1 of 3 values (33.33%) are above the maximum 90: "600" (at {data}:5). '
        "The largest value is 600, above the maximum 90."
    )


@pytest.mark.parametrize("name", ["manifest.json", "profile.json"])
def test_a_file_against_a_dataset(tmp_path: Path, name: str) -> None:
    against = dataset(tmp_path / "out", name=name)
    data = tmp_path / "a.csv"
    rows = ROWS.replace(",", ";").splitlines()
    data.write_text("\n".join([rows[0], *rows[1:3] * 100]) + "\n")
    findings = validate([str(data)], against=against)
    assert [(anomaly.column, anomaly.type) for anomaly in findings.anomalies] == [
        ("age", "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH"),
        ("share", "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH"),
        ("sex", "COMPARATOR_L_INFTY_HIGH"),
        ("pay", "COMPARATOR_L_INFTY_HIGH"),
    ]
    assert validate([str(data)], against=against, limits=DriftThresholds(skew=1)).anomalies == ()


def test_a_dataset_against_another_and_its_past(tmp_path: Path) -> None:
    old, new = dataset(tmp_path / "old"), dataset(tmp_path / "new")
    assert validate([new], against=old, drift=[old]).anomalies == ()
    findings = validate([new], against=schema_file(tmp_path), drift=[old], split="eval")
    assert findings.anomalies == ()
    (anomaly,) = validate([new], against=old, split="eval").anomalies
    assert (anomaly.column, anomaly.type) == ("pay", "COMPARATOR_L_INFTY_HIGH")
    assert {comparison.kind for comparison in findings.comparisons} == {"drift"}


def test_a_statistics_file(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "out")
    train = f"{folder}/stats/train.pb"
    assert validate([train], against=folder).anomalies == ()
    both = DatasetFeatureStatisticsList()
    for split in ("a", "b"):
        both.datasets.add(name=split)
    Path(train).write_bytes(both.SerializeToString())
    with pytest.raises(DataError, match='expected statistics of "train"; it has those of: a, b'):
        validate([train], against=folder)
    Path(train).write_bytes(b"no proto at all")
    with pytest.raises(DataError, match="expected statistics, got another kind of file"):
        validate([train], against=folder)


def test_a_schema_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "s.pbtxt"
    with pytest.raises(DataError, match="cannot be read"):
        read_schema(str(path))
    for text in ("feature {", 'feature { name: "a" type: STRUCT }'):
        path.write_text(text)
        with pytest.raises(DataError, match=r"expected the schema\.pbtxt of a table"):
            read_schema(str(path))


def test_expectations_that_hold(tmp_path: Path) -> None:
    expect = Expect(schema=schema_file(tmp_path), previous=dataset(tmp_path / "old"), min_rows=4)
    check_expect(expect)
    findings = check_expectations(expect, {"train": statistics(times=100), "eval": statistics()})
    assert list(findings) == ["train", "eval"]
    assert [comparison.kind for comparison in findings["train"].comparisons] == ["drift"] * 4
    assert findings["eval"].comparisons == ()


def test_expectations_that_do_not_hold(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = schema_file(tmp_path)
    rows = {"train": statistics({**GOOD, "age": [1, 2, 3, 120]}), "eval": statistics()}
    message = (
        f"the data has 2 anomalies against {path}:\n"
        "  train: dataset: Low num examples in dataset.: The dataset has 4 rows; expected at least "
        "5.\n"
        '  train: column "age": Out-of-range values: The largest value is 120, above the maximum '
        "90."
    )
    with pytest.raises(DataError) as error:
        check_expectations(Expect(schema=path, min_rows=5), rows)
    assert str(error.value) == (
        f"{message}\nNothing was published. Accept what is right with `recordmill schema update`, "
        "or set on_anomalies to warn."
    )
    with caplog.at_level(logging.WARNING):
        check_expectations(Expect(schema=path, min_rows=5, on_anomalies="warn"), rows)
    assert caplog.messages == [message]


def test_a_previous_dataset_that_is_not_there_yet(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expect = Expect(schema=schema_file(tmp_path), previous=str(tmp_path / "none"))
    check_expectations(expect, {"train": statistics()})
    assert caplog.messages == [f"{tmp_path}/none: there is no previous dataset to compare with"]


def test_a_threshold_of_no_column(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match='no column "aeg" in the schema; did you mean "age"'):
        check_expect(Expect(schema=schema_file(tmp_path), thresholds={"aeg": 0.1}))


def test_comparators_of_a_schema_reach_the_comparison(tmp_path: Path) -> None:
    proto = SCHEMA.to_proto()
    proto.feature[3].drift_comparator.infinity_norm.threshold = 0.25
    path = tmp_path / "s.pbtxt"
    path.write_text(text_format.MessageToString(proto))
    old = dataset(tmp_path / "old")
    findings = validate([old], against=str(path), drift=[old])
    assert [comparison.threshold for comparison in findings.comparisons] == [0.1, 0.1, 0.1, 0.25]


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        read_schema(str(tmp_path))
    assert str(error.value) == (
        f"{tmp_path}: expected a schema.pbtxt, or the folder of a prepared dataset or a profile; "
        "this one has neither manifest.json nor profile.json"
    )


def test_files_against_a_dataset_of_reshaped_rows(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "out")
    (tmp_path / "out/manifest.json").write_text(
        json.dumps({"recipe": {"csv": {}, "reshape": {"function": {}}}})
    )
    data = tmp_path / "a.csv"
    data.write_text("customer,amount\n1,2\n")
    assert validate([str(data)], against=folder).notes[0] == (
        f"the rows of {folder} were made by the function `reshape` of its recipe, out of files of "
        "other columns. Prepare or profile the new files by that recipe, and validate what comes "
        "out."
    )
    assert validate([folder], against=folder).notes == ()
