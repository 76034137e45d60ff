from __future__ import annotations

from pathlib import Path

import pytest

from recordmill.pipelines import Input
from recordmill.pipelines.inputs.spans import resolve
from recordmill.pipelines.recipes.built_in import built_in
from recordmill.pipelines.recipes.packaged import SAMPLES, built_in_text


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("census", [("train", "adult.data"), ("eval", "adult.test")]),
        ("housing", [(None, "housing.csv")]),
        ("hotdog", [("train", "train"), ("eval", "test")]),
        ("planes", [("train", "train/annotations/*.xml"), ("eval", "eval/annotations/*.xml")]),
    ],
)
def test_a_sample_is_written_where_it_is_asked_for(
    name: str, inputs: list[tuple[str | None, str]], tmp_path: Path
) -> None:
    written = SAMPLES[name](str(tmp_path))
    assert written == tuple(Input(split, f"{tmp_path}/{path}") for split, path in inputs)
    assert resolve(written)[0] == written
    assert any(tmp_path.iterdir())


@pytest.mark.parametrize("name", SAMPLES)
def test_a_text_names_itself_and_no_inputs(name: str) -> None:
    assert f"\nname: {name}\n" in built_in_text(name)
    assert built_in(name).inputs == ()
