"""Inputs that `--input` names."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.small_recipe import SMALL

from recordmill.runners.input_options import inputs_of
from recordmill.schemas.errors import RecipeError


def parse(*options: str) -> list[tuple[str | None, str]]:
    with inputs_of(SMALL, options) as inputs:
        return [(item.split, item.pattern) for item in inputs]


def test_inputs_with_and_without_a_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my a=1.csv").touch()
    assert parse("train=a.csv", "my-split=b=c.csv", "data/x=1/*.csv", "?=1.csv", "my a=1.csv") == [
        ("train", "a.csv"),
        ("my-split", "b=c.csv"),
        (None, "data/x=1/*.csv"),
        (None, "?=1.csv"),
        (None, "my a=1.csv"),
    ]


@pytest.mark.parametrize("name", [".scratch", "my split", "a:b", "-x", "x" * 65, "é", ""])
def test_a_bad_name_of_a_split(name: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse(f"{name}=a.csv")
    message = str(caught.value)
    assert message.startswith(f"--input {name}=a.csv: expected a name of letters a to z and A to Z")
    assert message.endswith(f' say. For a path with "=" in it, write ./{name}=a.csv')


@pytest.mark.parametrize("name", ["stats", "schema", "rejects", "transform_fn", "unsplit"])
def test_a_split_named_like_a_file_of_the_dataset(name: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse(f"{name}=a.csv")
    assert str(caught.value) == (
        f"--input {name}=a.csv: expected a name that the folder of a dataset does not use itself; "
        f'got "{name}". Name the split "{name}_split", say. For a path with "=" in it, write '
        f"./{name}=a.csv"
    )
