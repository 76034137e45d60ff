"""Runners and their options; a Dataflow job is built offline."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import DirectOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from recordmill.pipelines.samples.census import write_census_sample
from recordmill.runners.cli import main
from recordmill.runners.launch import launcher
from recordmill.schemas import RecipeError


def test_the_direct_runner_is_named_explicitly() -> None:
    runner, options = launcher("direct", ["--direct_num_workers=2"])
    assert type(runner) is FnApiRunner
    assert options.view_as(DirectOptions).direct_num_workers == 2


def test_a_flag_that_beam_does_not_know_is_refused() -> None:
    with pytest.raises(RecipeError) as error:
        launcher("direct", ["--direct_num_wokers=2"])
    assert str(error.value) == "Beam has no flag --direct_num_wokers"


def test_dataflow_names_a_missing_flag() -> None:
    with pytest.raises(RecipeError) as error:
        launcher("dataflow", ["--project=p"])
    assert str(error.value) == (
        "--runner dataflow needs --region; give it behind a lone --, as in "
        "`-- --project=P --region=R --temp_location=gs://BUCKET/tmp`"
    )


@pytest.mark.slow
def test_a_dataflow_job_is_built_offline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, evaluation = write_census_sample(str(tmp_path / "in"))
    for folder in ("staging", "temp"):
        (tmp_path / folder).mkdir()
    job = tmp_path / "job.json"
    status = main(
        [
            *("run", "census", "--output", "gs://example-bucket/census", "--runner", "dataflow"),
            *("--input", f"train={train}", "--input", f"eval={evaluation}", "--"),
            *("--project=example-project", "--region=us-central1", "--job_name=census"),
            *(f"--temp_location={tmp_path}/temp", f"--staging_location={tmp_path}/staging"),
            *(f"--template_location={job}", "--dataflow_endpoint=http://localhost:1", "--no_auth"),
        ]
    )
    out = capsys.readouterr().out
    assert (status, out) == (0, f"census: wrote the job to {job}; nothing was run\n")
    described = json.loads(job.read_text())
    assert described["name"] == "census"

    proto = beam_runner_api_pb2.Pipeline.FromString(
        (tmp_path / "staging" / "pipeline.pb").read_bytes()
    )
    stages = {transform.unique_name for transform in proto.components.transforms.values()}
    assert {"Scan/Scan", "Read/ParseAndClean", "Shuffle/GroupFragments", "Publish"} <= stages

    (sdist,) = (tmp_path / "staging").glob("recordmill-*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"setup.py", "schemas/schema.py", "runners/cli.py", "pipelines/py.typed"} <= names
