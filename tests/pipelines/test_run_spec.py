from __future__ import annotations

import pytest
from helpers.small_recipe import SMALL

from recordmill.pipelines import Input
from recordmill.pipelines.resolve import ResolvedInputs
from recordmill.pipelines.run_spec import RunSpec


@pytest.mark.parametrize(("split", "by_content"), [(None, True), ("train", False)])
def test_content_decides_where_no_input_names_a_split(split: str | None, by_content: bool) -> None:
    inputs = (Input(split, "a.csv"),)
    spec = RunSpec(SMALL, ("train", "eval"), ResolvedInputs(inputs, inputs))
    assert spec.inputs == inputs
    assert spec.by_content is by_content
