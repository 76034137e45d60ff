"""`recordmill schema update`, without a pipeline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.anomaly_cases import SCHEMA, examine_here

from recordmill.pipelines.validation.validate import validate
from recordmill.runners.schema import update
from recordmill.schemas.errors import RecipeError
from recordmill.schemas.schema import Schema

HEADER = "age,share,sex,pay\n"


@pytest.fixture(autouse=True)
def without_beam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recordmill.pipelines.validation.validate.examine", examine_here)


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    path = tmp_path / "schema.pbtxt"
    path.write_text(SCHEMA.to_pbtxt())
    return path


def accepted(data: Path, schema: Path, *chosen: str, output: str | None = None) -> int:
    return update(str(schema), accepted=chosen, data=[str(data)], csv=[], output=output)


def test_schema_update(tmp_path: Path, schema: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "a.csv"
    data.write_text(HEADER.replace("\n", ",zip\n") + "200,0.1,X,low,7\n")
    assert accepted(data, schema, "age:range", "sex", "zip") == 0
    assert capsys.readouterr().out.splitlines()[-4:] == [
        'column "age": an integer in [0, 90] widened to an integer in [0, 200]',
        'column "sex": domain extended by "X"',
        'column "zip": added, int64',
        f"wrote {schema}",
    ]
    assert Schema.from_pbtxt(schema.read_text())["age"].maximum == 200
    assert validate([str(data)], against=str(schema)).anomalies == ()


def test_schema_update_to_another_file(tmp_path: Path, schema: Path) -> None:
    data, other, before = tmp_path / "a.csv", tmp_path / "b.pbtxt", schema.read_text()
    data.write_text(HEADER + "200,0.1,F,low\n")
    assert accepted(data, schema, "age", output=str(other)) == 0
    assert schema.read_text() == before
    assert Schema.from_pbtxt(other.read_text())["age"].maximum == 200


def test_the_schema_of_a_dataset_is_left_alone(tmp_path: Path, schema: Path) -> None:
    folder = tmp_path / "out" / "schema"
    folder.mkdir(parents=True)
    schema.rename(folder / "schema.pbtxt")
    (tmp_path / "out/manifest.json").write_text(json.dumps({}))
    for place in (folder / "schema.pbtxt", tmp_path / "out"):
        with pytest.raises(RecipeError, match=r"is not changed\. Give --output"):
            accepted(tmp_path / "a.csv", place, "age")
