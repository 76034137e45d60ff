"""`recordmill init`."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from recordmill.runners.cli import main
from recordmill.runners.init import init, show_summary
from recordmill.schemas.errors import RecipeError


def test_it_prints_a_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,y\n" + "".join(f"{i * 3 % 11},{i % 2}\n" for i in range(40)))
    assert init([str(path)], label="x") == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        f'{path}: 40 rows of 2 columns: "x", "y"',
        "format: CSV with delimiter ',': 41 of the first 41 records have 2 fields; a header: in 2 "
        "columns only the first record is not a number",
        'label: "x", as --label says: an amount',
    ]
    recipe = yaml.safe_load(captured.out)
    assert recipe["columns"]["x"]["role"] == "label"
    assert recipe["inputs"] == [{"files": str(path)}]


def test_no_recipe_where_too_few_rows_are_understood(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ws.txt"
    path.write_text("x y label\n1 2.5 no\n3 1.5 yes\n")
    assert main(["init", str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f'recordmill: {path}: understood one column, "x y label"')


def test_control_characters_of_the_data_become_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    show_summary(["a\x1b[2Jb\nc"])
    assert capsys.readouterr().err == "a [2Jb c\n"


def test_it_prints_a_built_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert init([], source="census") == 0
    assert yaml.safe_load(capsys.readouterr().out)["columns"]["age"]["type"] == "int64"


@pytest.mark.parametrize(
    ("patterns", "label", "source"), [([], None, None), (["a.csv"], None, "census"), ([], "x", "x")]
)
def test_either_files_or_a_built_in(
    patterns: list[str], label: str | None, source: str | None
) -> None:
    with pytest.raises(RecipeError, match="init: "):
        init(patterns, label=label, source=source)
