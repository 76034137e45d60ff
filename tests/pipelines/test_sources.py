from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.small_images import PETS
from helpers.small_recipe import SMALL

from recordmill.pipelines.config.recipe import Recipe
from recordmill.pipelines.images.source import ImageSource
from recordmill.pipelines.sources import RecordSource, source_for
from recordmill.pipelines.tables.source import TableSource


@pytest.mark.parametrize(("recipe", "kind"), [(SMALL, TableSource), (PETS, ImageSource)])
def test_the_schema_decides(recipe: Recipe, kind: type) -> None:
    source = source_for(recipe)
    assert type(source) is kind
    members = {name for name in vars(RecordSource) if not name.startswith("_")}
    assert members <= {*dir(source)}


@pytest.mark.slow
def test_a_table_loads_nothing_of_images() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from helpers.small_recipe import SMALL\n"
        "from recordmill.pipelines.sources import source_for\n"
        "source_for(SMALL)\n"
        "sys.exit('recordmill.pipelines.images.source' in sys.modules)"
    )
    tests = str(Path(__file__).parents[1])
    subprocess.run([sys.executable, "-c", code, tests], check=True)
