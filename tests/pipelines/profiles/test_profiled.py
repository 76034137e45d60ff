from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from recordmill.pipelines.profiles.profiled import (
    PROFILE,
    Profiled,
    ProfiledSpan,
    commit_profile,
    stage_profile,
)
from recordmill.schemas import DataError, RecipeError
from recordmill.schemas.manifest import Ledger, SourceFile

PROFILED = Profiled(
    name="small",
    created="2026-01-01T00:00:00+00:00",
    recordmill="0.2.0",
    versions={"numpy": "2"},
    recipe={},
    seed=7,
    inputs=(SourceFile("a.csv", None, 10, "ab", 3),),
    rows={"train": 2},
    ledger={"train": Ledger(read=3, written=2, rejected={"nan": 1})},
    repeats={"train": 0},
    label=None,
    spans=(ProfiledSpan("2026-01-01", "{date}.csv", ("a.csv",)),),
)


def publish(output: Path, *, overwrite: bool = False, profiled: Profiled = PROFILED) -> Profiled:
    with stage_profile(str(output), overwrite=overwrite) as staging:
        for name in ("report.html", "stats/train.pb"):
            path = Path(staging.folder, name)
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(name)
        return commit_profile(staging, profiled)


def test_json_and_back() -> None:
    assert Profiled.from_json(PROFILED.to_json(), path=PROFILE) == PROFILED


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "Invalid JSON"),
        ("{}", "name: Field required"),
        (json.dumps(json.loads(PROFILED.to_json()) | {"seed": "x"}), "seed: Input should be"),
    ],
)
def test_what_is_no_profile(text: str, problem: str) -> None:
    with pytest.raises(DataError) as error:
        Profiled.from_json(text, path="out/profile.json")
    assert str(error.value).startswith("out/profile.json: not a recordmill profile (")
    assert problem in str(error.value)
    assert str(error.value).endswith("). Profile again.")


def test_it_lists_its_files(tmp_path: Path) -> None:
    profiled = publish(tmp_path / "out")
    assert [file.path for file in profiled.files] == ["report.html", "stats/train.pb"]
    text = (tmp_path / "out" / PROFILE).read_text()
    assert Profiled.from_json(text, path=PROFILE) == profiled


def test_a_profile_is_replaced_and_what_else_is_there_is_kept(tmp_path: Path) -> None:
    publish(tmp_path / "out")
    with pytest.raises(RecipeError, match="--overwrite"):
        publish(tmp_path / "out")
    assert publish(tmp_path / "out", overwrite=True).files
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(RecipeError, match=r"notes\.txt"):
        publish(tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_a_profile_of_0_1_0_is_replaced_too(tmp_path: Path) -> None:
    """It lists no files, but wrote none but those of known names."""
    publish(tmp_path / "out")
    old = replace(PROFILED, files=())
    (tmp_path / "out" / PROFILE).write_text(old.to_json())
    assert publish(tmp_path / "out", overwrite=True).files
    (tmp_path / "out" / PROFILE).write_text(old.to_json())
    (tmp_path / "out" / "stats" / "eval.pb").write_text("of no split of its")
    with pytest.raises(RecipeError, match=r"eval\.pb"):
        publish(tmp_path / "out", overwrite=True)


def test_a_remote_folder() -> None:
    with pytest.raises(RecipeError) as error, stage_profile("gs://bucket/x", overwrite=False):
        pytest.fail("it began")
    assert str(error.value) == (
        "gs://bucket/x: a profile is made on this machine; give a local folder"
    )
