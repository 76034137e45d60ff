"""`recordmill init`."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from recordmill.runners.init import init
from recordmill.schemas.errors import RecipeError


def test_it_prints_a_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,y\n" + "".join(f"{place * 3 % 11},{place % 2}\n" for place in range(40)))
    assert init([str(path)], label="x") == 0
    recipe = yaml.safe_load(capsys.readouterr().out)
    assert recipe["columns"]["x"]["role"] == "label"
    assert recipe["inputs"] == [{"files": str(path)}]


def test_it_prints_a_built_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert init([], source="census") == 0
    assert yaml.safe_load(capsys.readouterr().out)["columns"]["age"]["type"] == "int64"


@pytest.mark.parametrize(
    ("patterns", "label", "source"), [([], None, None), (["a.csv"], None, "census"), ([], "x", "x")]
)
def test_one_or_the_other(patterns: list[str], label: str | None, source: str | None) -> None:
    with pytest.raises(RecipeError, match="init: "):
        init(patterns, label=label, source=source)
