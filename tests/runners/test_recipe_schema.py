from __future__ import annotations

import json

import pytest

from recordmill.pipelines.recipes.file import json_schema
from recordmill.runners.cli import main


def test_it_prints_the_schema_that_editors_take(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipe-schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema()
