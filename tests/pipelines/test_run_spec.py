from __future__ import annotations

from dataclasses import replace

import pytest
from helpers.small_recipe import SMALL

from recordmill.pipelines.config.input import Input
from recordmill.pipelines.resolve import ResolvedInputs
from recordmill.pipelines.run_spec import RunSpec


@pytest.mark.parametrize(
    ("splits", "by_content"), [([None, None], True), (["train", "eval"], False), ([], True)]
)
def test_content_decides_where_no_input_names_a_split(
    splits: list[str | None], by_content: bool
) -> None:
    inputs = tuple(Input(split, "a.csv") for split in splits)
    spec = RunSpec(SMALL, ("train", "eval"), ResolvedInputs(inputs, inputs))
    assert spec.by_content is by_content
    assert replace(spec, profiles="p").by_content is by_content
