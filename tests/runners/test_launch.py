"""Runners and their options; a Dataflow job is built offline."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import DirectOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.local_job_service import LocalJobServicer

from recordmill.pipelines.samples.census import write_census_sample
from recordmill.runners.cli import main
from recordmill.runners.engines.runner import EngineRunner
from recordmill.runners.launch import launched
from recordmill.schemas import RecipeError


def test_the_direct_runner_is_named_explicitly() -> None:
    with launched("direct", ["--direct_num_workers=2"]) as launch:
        assert type(launch.runner) is FnApiRunner
        assert launch.options.view_as(DirectOptions).direct_num_workers == 2
        assert launch.is_in_process and launch.sees_local_files


def test_a_flag_that_beam_does_not_know_is_refused() -> None:
    with pytest.raises(RecipeError) as error, launched("direct", ["--direct_num_wokers=2"]):
        pass
    assert str(error.value) == "Beam has no flag --direct_num_wokers"


def test_dataflow_names_a_missing_flag() -> None:
    with pytest.raises(RecipeError) as error, launched("dataflow", ["--project=p"]):
        pass
    assert str(error.value) == (
        "--runner dataflow needs --region; give it behind a lone --, as in "
        "`-- --project=P --region=R --temp_location=gs://BUCKET/tmp`"
    )


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Address of Beam's own job server of Python."""
    server = LocalJobServicer()
    yield f"localhost:{server.start_grpc_server(0)}"
    server.stop()


_POOL = ["--environment_type=EXTERNAL", "--environment_config=pool:5000"]


@pytest.mark.parametrize(
    ("flags", "environment_type", "in_process"),
    [([], "LOOPBACK", True), (_POOL, "EXTERNAL", False)],
)
def test_an_engine_says_where_its_workers_are(
    endpoint: str, flags: list[str], environment_type: str, in_process: bool
) -> None:
    with launched("flink", [f"--job_endpoint={endpoint}", *flags]) as launch:
        assert type(launch.runner) is EngineRunner
        assert launch.environment_type == environment_type
        assert (launch.is_in_process, launch.sees_local_files) == (in_process, in_process)


def test_workers_elsewhere_see_no_local_path(
    endpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(tmp_path / "census")
    words = ["run", "census", "--output", output, "--runner=flink"]
    assert main([*words, "--", f"--job_endpoint={endpoint}", *_POOL]) == 2
    assert capsys.readouterr().err == (
        f"recordmill: {output}: a local path, and the workers (--environment_type=EXTERNAL) may be "
        "on other machines. Give a path that they see, such as gs://…, or --shared-filesystem if "
        "it is the same file for all of them\n"
    )


@pytest.mark.slow
def test_a_job_server_runs_a_recipe(endpoint: str, tmp_path: Path) -> None:
    manifests = []
    train, evaluation = write_census_sample(str(tmp_path / "in"))
    for runner, flags in (("direct", []), ("spark", [f"--job_endpoint={endpoint}"])):
        output = tmp_path / runner
        words = [f"--input=train={train}", f"--input=eval={evaluation}", f"--runner={runner}"]
        assert main(["run", "census", "--output", str(output), *words, "--", *flags]) == 0
        manifests.append(json.loads((output / "manifest.json").read_text()))
    assert manifests[0]["splits"] == manifests[1]["splits"]


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
    assert {
        "Read/Scan/Scan",
        "Read/Ingest/ParseAndClean",
        "Shuffle/GroupFragments",
        "Finalize/Publish",
    } <= stages

    (sdist,) = (tmp_path / "staging").glob("recordmill-*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"setup.py", "schemas/schema.py", "runners/cli.py", "pipelines/py.typed"} <= names
