from __future__ import annotations

from pathlib import Path

import pytest
from helpers import small_recipe

from recordmill.pipelines.recipes.built_in import built_in
from recordmill.pipelines.recipes.find import find_recipe
from recordmill.schemas import RecipeError

FILE = small_recipe.__file__
YAML = "columns: {x: {type: int64}}\ntransforms: {x: z_score}\n"


def refused(name: str) -> str:
    with pytest.raises(RecipeError) as error:
        find_recipe(name)
    return str(error.value)


def test_a_built_in() -> None:
    assert find_recipe("census") is built_in("census")


@pytest.mark.parametrize("suffix", [".yaml", ".yml"])
def test_a_file_of_yaml(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"mine{suffix}"
    path.write_text(YAML)
    assert find_recipe(str(path)).name == "mine"


def test_python() -> None:
    assert find_recipe(f"{FILE}:SMALL").name == "small"
    assert find_recipe("helpers.small_recipe:SMALL") is small_recipe.SMALL


def test_no_recipe_of_that_name() -> None:
    choices = "Give a YAML file, a built-in (census, housing, hotdog, planes), FILE.py:NAME or "
    assert refused("cencus") == (
        f'no recipe "cencus". Did you mean "census"? {choices}MODULE:NAME.'
    )
    assert refused("x") == f'no recipe "x". {choices}MODULE:NAME.'


def test_a_module_without_it() -> None:
    assert refused(f"{FILE}:SMAL") == f'{FILE} has no recipe "SMAL"; it has SMALL'
    assert refused(f"{FILE}:HEADER") == f'{FILE} has no recipe "HEADER"; it has SMALL'
    assert refused("os.path:join") == 'os.path has no recipe "join"; it has none at all'
