"""The runner that hands pipelines to a job server."""

from __future__ import annotations

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from recordmill.runners.engines.errors import EngineError
from recordmill.runners.engines.job_server import free_port
from recordmill.runners.engines.runner import EngineRunner


def test_a_job_server_that_does_not_take_the_job() -> None:
    options = PipelineOptions(
        [
            f"--job_endpoint=localhost:{free_port()}",
            "--job_server_timeout=1",
            "--environment_type=EXTERNAL",
            "--environment_config=localhost:9",
        ]
    )
    with (
        pytest.raises(EngineError) as error,
        beam.Pipeline(EngineRunner("flink"), options) as pipeline,
    ):
        _ = pipeline | beam.Create([1])
    assert str(error.value) == "flink: its job server did not take the job: no answer in time"
