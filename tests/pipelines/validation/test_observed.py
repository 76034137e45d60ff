"""What was examined, as it leaves a pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.anomaly_cases import SCHEMA, examine_here

from recordmill.pipelines.validation.observed import read_summary, write_summary
from recordmill.schemas.anomalies.observed import BadValues, InputSummary

FILES = {
    "a.csv": "age,share,sex,pay\n200,0.1,F,low\nx,0.2,M,high\n1,2,3\n",
    "b.csv": "sex,age,zip,\nF,20,7,\n",
}


def summary_of(folder: Path, files: dict[str, str]) -> InputSummary:
    for name, text in files.items():
        (folder / name).write_text(text)
    return examine_here(SCHEMA, inputs=[str(folder / name) for name in files])


def names(summary: InputSummary) -> list[str]:
    return [feature.path.step[0] for feature in summary.statistics.features]


def test_two_files(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, FILES)
    first, second = (str(tmp_path / name) for name in FILES)
    assert summary.rows == 3
    assert names(summary) == ["age", "share", "sex", "pay", "zip", "column_4"]
    assert (summary.files, summary.columns) == ((first, second), ("age", "share", "sex", "pay"))
    assert summary.absent == {"share": (second,), "pay": (second,)}
    assert summary.reordered == (second,)
    assert summary.bad["age"] == {
        "above_maximum": BadValues(1, {"200": (1, f"{first}:2")}),
        "not_an_integer": BadValues(1, {"x": (1, f"{first}:3")}),
    }
    assert [*summary.records] == ["too_few_fields"]
    assert not summary.requests


def test_a_column_that_no_file_has_has_no_statistics(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, {"a.csv": "age,sex\n1,F\n"})
    assert names(summary) == ["age", "sex"]
    assert list(summary.absent) == ["share", "pay"]


def test_of_requests_what_is_absent_is_missing(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, {"a.jsonl": '{"sex": "F", "age": 1}\n'})
    assert summary.requests
    assert names(summary) == ["age", "share", "sex", "pay"]
    assert (summary.absent, summary.reordered) == ({}, ())


@pytest.mark.parametrize("files", [FILES, {"a.jsonl": "{}\n"}])
def test_out_of_a_pipeline_and_back(files: dict[str, str], tmp_path: Path) -> None:
    summary = summary_of(tmp_path, files)
    write_summary(summary, str(tmp_path / "out"))
    assert read_summary(str(tmp_path / "out")) == summary
