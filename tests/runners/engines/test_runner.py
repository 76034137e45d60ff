"""The runner that hands pipelines to a job server."""

from __future__ import annotations

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.portable_runner import PortableRunner

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


def test_an_interrupt_while_a_job_is_submitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cluster may have the job, though nobody here knows its id."""

    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(PortableRunner, "run_portable_pipeline", interrupt)
    calls: list[str] = []
    runner = EngineRunner("flink", cancel_in_cluster=lambda: calls.append("cluster"))
    options = PipelineOptions(["--environment_type=LOOPBACK"])
    with pytest.raises(KeyboardInterrupt), beam.Pipeline(runner, options) as pipeline:
        _ = pipeline | beam.Create([1])
    assert calls == ["cluster"]
