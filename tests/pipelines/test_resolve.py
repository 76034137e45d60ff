"""What a run reads besides plain files, and what the manifest tells of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from helpers.small_recipe import HEADER, SCHEMA, SMALL, rows

from recordmill.pipelines import Expect, FrameInput, Input, Reshape, prepare
from recordmill.schemas import Column, DataError, RecipeError, Schema

VISITS = Schema((Column("age", "int64", required=True), Column("city", "string")))


def by_city(visits: Any) -> Any:
    """A row a city: the ages of its visitors added up."""
    made = visits.groupby("city").age.sum().to_frame()
    made["height"] = 1.75
    made["label"] = "yes"
    return made


def write(path: Path, lines: list[str], header: str = HEADER) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(header + "".join(lines))
    return str(path)


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as error:
        prepare(SMALL, output=str(tmp_path / "out"))
    assert str(error.value) == "recipe small: there is nothing to read: give an input"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_frame_and_its_csv_make_the_same_shards(tmp_path: Path) -> None:
    path = write(tmp_path / "people.csv", rows(50))
    of_csv = prepare(SMALL, output=str(tmp_path / "csv"), inputs=[Input(None, path)])
    frame = pd.read_csv(path, skipinitialspace=True)
    of_frame = prepare(SMALL, output=str(tmp_path / "frame"), inputs=[FrameInput(None, frame)])
    assert of_frame.splits == of_csv.splits


@pytest.mark.slow
def test_the_manifest_tells_the_days_of_a_window(tmp_path: Path) -> None:
    days = {"2026-02-27": 5, "2026-02-28": 6, "2026-03-02": 7}
    files = [write(tmp_path / day / "a.csv", rows(count)) for day, count in days.items()]
    pattern = str(tmp_path / "{date}" / "*.csv")
    recipe = replace(SMALL, inputs=(Input("train", pattern, last=3),), statistics=False)
    manifest = prepare(recipe, output=str(tmp_path / "out"))
    assert manifest.ledger["train"].read == 13
    assert manifest.spans == (
        {"date": "2026-02-28", "pattern": pattern, "files": [files[1]]},
        {"date": "2026-03-01", "pattern": pattern, "files": []},
        {"date": "2026-03-02", "pattern": pattern, "files": [files[2]]},
    )
    assert not (tmp_path / "out" / "stats").exists()


@pytest.mark.slow
def test_the_manifest_tells_what_was_reshaped(tmp_path: Path) -> None:
    path = write(tmp_path / "v.csv", ["1,Oslo\n", "2,Rome\n", "3,Oslo\n"], "age,city\n")
    recipe = replace(SMALL, reshape=Reshape(function=by_city, schema=VISITS))
    manifest = prepare(recipe, output=str(tmp_path / "out"), inputs=[Input("train", path)])
    assert manifest.ledger["train"].written == 2
    told = manifest.reshape
    assert (told["rows"], told["sources"]["train"]["read"]) == ({"train": 2}, 3)
    assert [file["path"] for file in told["sources"]["train"]["files"]] == [path]


@pytest.mark.slow
def test_a_run_that_is_not_as_expected_publishes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "people.csv", rows(50))
    (tmp_path / "schema.pbtxt").write_text(SCHEMA.to_pbtxt())
    expect = Expect(schema=str(tmp_path / "schema.pbtxt"), min_rows=1000)
    with pytest.raises(DataError, match="at least 1,000"):
        prepare(
            replace(SMALL, expect=expect),
            output=str(tmp_path / "out"),
            inputs=[Input("train", path)],
        )
    assert not (tmp_path / "out").exists()


def test_expectations_need_statistics(tmp_path: Path) -> None:
    recipe = replace(SMALL, expect=Expect(schema="schema.pbtxt"), statistics=False)
    with pytest.raises(RecipeError, match="expect needs statistics"):
        prepare(recipe, output=str(tmp_path / "out"), inputs=[Input("train", "x.csv")])


def test_splits_of_inputs_that_differ_in_capitals_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", rows(3))
    with pytest.raises(RecipeError) as caught:
        inputs = [Input("train", path), Input("Train", path)]
        prepare(SMALL, output=str(tmp_path / "out"), inputs=inputs)
    assert str(caught.value) == (
        "inputs: split: expected names that differ in more than capitals, since some filesystems "
        'take them for one; got "train" and "Train". Rename one of them.'
    )
    assert not (tmp_path / "out").exists()
