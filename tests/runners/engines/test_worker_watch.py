"""The watch for the first worker."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import pytest

from recordmill.pipelines.runtime.errors import direct_runner
from recordmill.runners.engines.errors import EngineError
from recordmill.runners.engines.worker_watch import WorkerWatch, marker_beside


class _Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def _watch(path: str, clock: _Clock, kind: str = "PROCESS") -> WorkerWatch:
    return WorkerWatch(path, engine="flink", environment_type=kind, seconds=180.0, clock=clock)


def test_no_worker_in_time(tmp_path: Path) -> None:
    clock = _Clock()
    watch = _watch(str(tmp_path / "marker"), clock)
    clock.time = 1000.0
    watch.start()
    clock.time += 179.0
    watch.check()
    clock.time += 2.0
    with pytest.raises(EngineError) as error:
        watch.check()
    assert str(error.value) == (
        "flink: no worker began to work within 180 seconds (--environment_type=PROCESS), and the "
        "job was cancelled. Look on its machines whether the program of --environment_config "
        "exists and starts a Python that has recordmill; then the engine's own log. "
        "--worker-start-timeout=SECONDS allows more time. Nothing was published."
    )


def test_a_worker_shows_that_it_started(tmp_path: Path) -> None:
    clock = _Clock()
    path = marker_beside(str(tmp_path / "new" / "census"))
    watch = _watch(path, clock)
    with beam.Pipeline(direct_runner()) as pipeline:
        watch.add_to(pipeline)
    assert Path(path).exists()
    clock.time += 1000.0
    watch.check()
    watch.clean_up()
    watch.clean_up()
    assert not Path(path).exists()
    clock.time += 1000.0
    watch.check()


def test_the_file_is_hidden_beside_the_output() -> None:
    path = marker_beside("gs://bucket/data/census/")
    assert path.startswith("gs://bucket/data/.census.worker-")
    assert marker_beside("census").startswith("./.census.worker-")
