"""Options of `recordmill run` for engines."""

from __future__ import annotations

from argparse import ArgumentParser

import pytest

from recordmill.runners.engines.settings import EngineSettings, add_engine_arguments, check_runner
from recordmill.schemas import RecipeError


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("flnk", '--runner: expected one of direct, dataflow, prism, flink, spark, got "flnk". '),
        ("SparkRunner", 'got "SparkRunner". Did you mean "spark"?'),
        ("dask", "mixes the outputs of a step that has several"),
        ("DaskRunner", "computes only the last collection of a pipeline"),
    ],
)
def test_other_runners_are_refused_with_the_reason(name: str, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        check_runner(name)
    assert message in str(error.value)


def test_arguments_become_settings() -> None:
    parser = ArgumentParser()
    add_engine_arguments(parser)
    arguments = vars(parser.parse_args(["--runner=flink", "--job-server=jars"]))
    settings = EngineSettings.of(arguments.pop("runner"), arguments)
    assert settings == EngineSettings(job_server="jars", worker_start_timeout=180.0)


@pytest.mark.parametrize(
    ("runner", "arguments", "message"),
    [
        (
            "direct",
            {"prism_binary": "prism"},
            "--prism-binary is for --runner prism, got --runner direct",
        ),
        (
            "prism",
            {"job_server": "jars"},
            "--job-server is for --runner flink or spark, got --runner prism",
        ),
        (
            "dataflow",
            {"shared_filesystem": True},
            "--shared-filesystem is for --runner prism or flink or spark, got --runner dataflow",
        ),
        (
            "spark",
            {"worker_start_timeout": 0.0},
            "--worker-start-timeout: expected seconds above 0, got 0",
        ),
    ],
)
def test_options_without_effect_are_refused(
    runner: str, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(RecipeError) as error:
        EngineSettings.of(runner, arguments)
    assert str(error.value) == message
