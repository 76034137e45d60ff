"""Local paths of a run whose workers are elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from recordmill.pipelines.config.input import Input
from recordmill.runners.engines.local_paths import absolute_inputs, absolute_path, check_paths
from recordmill.schemas import RecipeError


def test_local_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute_path("a/../b/*.csv") == f"{tmp_path}/b/*.csv"
    assert absolute_path("photos/") == f"{tmp_path}/photos/"
    assert absolute_path("s3://bucket/../x") == "s3://bucket/../x"
    inputs = [Input("train", "days/{date}.csv", last=7)]
    assert absolute_inputs(inputs) == [Input("train", f"{tmp_path}/days/{{date}}.csv", last=7)]


def test_a_local_path_is_refused() -> None:
    check_paths(["gs://bucket/a"], "EXTERNAL")
    with pytest.raises(RecipeError) as error:
        check_paths(["gs://bucket/a", "out/census"], "EXTERNAL")
    assert str(error.value) == (
        "out/census: a local path, and the workers (--environment_type=EXTERNAL) may be on other "
        "machines. Give a path that they see, such as gs://…, or --shared-filesystem if it is the "
        "same file for all of them"
    )
