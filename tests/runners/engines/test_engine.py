"""An engine whose job server is Beam's own of Python, which needs no program and no jar."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import GoogleCloudOptions, PortableOptions
from apache_beam.runners.portability.local_job_service import LocalJobServicer

from recordmill.pipelines.runtime.errors import unwrap_beam_errors
from recordmill.runners.engines.engine import running_engine
from recordmill.runners.engines.errors import EngineError
from recordmill.runners.engines.job_server import free_port
from recordmill.runners.engines.settings import EngineSettings
from recordmill.schemas import DataError, RecipeError


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Address of a job server."""
    server = LocalJobServicer()
    port = server.start_grpc_server(0)
    yield f"localhost:{port}"
    server.stop()


def _run(endpoint: str, function: Any, **settings: Any) -> Any:
    flags = [f"--job_endpoint={endpoint}"]
    with (
        running_engine("prism", flags, EngineSettings(**settings), output="out/census") as engine,
        unwrap_beam_errors(),
        beam.Pipeline(engine.runner, engine.options) as pipeline,
    ):
        _ = pipeline | beam.Create([7]) | beam.Map(function)
    return engine


def test_a_pipeline_runs_in_workers_of_this_process(endpoint: str, tmp_path: Path) -> None:
    path = str(tmp_path / "pid")
    engine = _run(endpoint, lambda number: Path(path).write_text(f"{number} {os.getpid()}"))
    assert Path(path).read_text() == f"7 {os.getpid()}"
    portable = engine.options.view_as(PortableOptions)
    assert (portable.job_endpoint, portable.environment_type) == (endpoint, "LOOPBACK")
    name = engine.options.view_as(GoogleCloudOptions).job_name
    assert name.startswith("recordmill-census-")


def _refuse(number: int) -> None:
    raise DataError(f'a.csv:{number}: column "age": expected an integer, got "x"')


def test_an_error_of_a_row_is_the_same_line(
    endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DataError) as error:
        _run(endpoint, _refuse)
    assert str(error.value) == 'a.csv:7: column "age": expected an integer, got "x"'
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--odd_flag=3"], "neither Beam nor the job server of prism has a flag --odd_flag."),
        (
            ["--prism_location=prism"],
            "--runner prism does not take --prism_location: use --prism-binary before the --",
        ),
    ],
)
def test_flags_without_effect_are_refused(endpoint: str, flags: list[str], message: str) -> None:
    flags = [f"--job_endpoint={endpoint}", *flags]
    with (
        pytest.raises(RecipeError) as error,
        running_engine("prism", flags, EngineSettings(), output="out"),
    ):
        pass
    assert str(error.value) == message


def test_a_job_server_is_started_or_named(endpoint: str) -> None:
    settings = EngineSettings(prism_binary="/opt/prism")
    with (
        pytest.raises(RecipeError) as error,
        running_engine("prism", [f"--job_endpoint={endpoint}"], settings, output="out"),
    ):
        pass
    assert str(error.value) == (
        f"--prism-binary starts a job server, and --job_endpoint={endpoint} names another. Give "
        "one of them"
    )


@pytest.mark.parametrize(
    "flags",
    [
        ["--job_endpoint=hub:8099"],
        ["--job_endpoint=localhost:8099", "--flink_master=hub:8081"],
        ["--flink_master=hub:8081"],
    ],
)
def test_workers_for_another_machine_must_be_named(flags: list[str]) -> None:
    with (
        pytest.raises(RecipeError, match="needs --environment_type: the engine is on another"),
        running_engine("flink", flags, EngineSettings(), output="out"),
    ):
        pass


def test_an_environment_of_options_is_read() -> None:
    flags = ["--job_endpoint=hub:1", "--environment_type=PROCESS"]
    option = "--environment_option=process_variables=A=1"
    with (
        pytest.raises(RecipeError, match="needs the program that starts a worker"),
        running_engine("flink", [*flags, option], EngineSettings(), output="out"),
    ):
        pass


def test_no_job_server_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recordmill.runners.engines.engine._ANSWER_SECONDS", 1.0)
    flags = [f"--job_endpoint=localhost:{free_port()}"]
    with (
        pytest.raises(EngineError, match="expected Beam's job server for flink, and none answered"),
        running_engine("flink", flags, EngineSettings(), output="out"),
    ):
        pass


@pytest.mark.parametrize(
    ("flags", "folder"),
    [
        ([], "recordmill-watch-"),
        (["--environment_type=EXTERNAL", "--environment_config=pool:5000"], "DIRECTORY/out/."),
    ],
)
def test_workers_show_their_start_at_an_absolute_path(
    endpoint: str,
    flags: list[str],
    folder: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = [f"--job_endpoint={endpoint}", *flags]
    with running_engine("flink", flags, EngineSettings(), output="out/census") as engine:
        assert engine.runner._new_watch is not None
        path = engine.runner._new_watch().path
        assert folder.replace("DIRECTORY", str(tmp_path)) in path
        assert os.path.isabs(path)


def test_spark_runs_branches_one_after_another_so_its_workers_are_not_watched(
    endpoint: str,
) -> None:
    flags = [f"--job_endpoint={endpoint}"]
    with running_engine("spark", flags, EngineSettings(), output="out") as engine:
        assert engine.runner._new_watch is None


def test_a_job_that_may_go_on_in_a_cluster_is_named(
    endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only Flink's REST interface ends it there, and its address is not given."""
    flags = [f"--job_endpoint={endpoint}", "--job_name=mine"]
    with running_engine("flink", flags, EngineSettings(), output="out") as engine:
        engine.runner._cancel_in_cluster()
    assert capsys.readouterr().err == (
        "recordmill: warning: the job mine may go on in the Flink cluster: cancel it there. "
        "With --flink_master=HOST:PORT behind the lone --, recordmill cancels it\n"
    )


def test_a_cluster_that_does_not_answer(endpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    master = f"localhost:{free_port()}"
    flags = [f"--job_endpoint={endpoint}", "--job_name=mine", f"--flink_master={master}"]
    with running_engine("flink", flags, EngineSettings(), output="out") as engine:
        engine.runner._cancel_in_cluster()
    assert f"Its REST interface at {master} does not know it" in capsys.readouterr().err


def test_other_engines_cancel_through_the_job_service(
    endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [f"--job_endpoint={endpoint}"]
    with running_engine("prism", flags, EngineSettings(), output="out") as engine:
        engine.runner._cancel_in_cluster()
    assert capsys.readouterr().err == ""
