"""A job in an engine, with a job service of this test."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from apache_beam.portability.api import beam_job_api_pb2

from recordmill.runners.engines import job
from recordmill.runners.engines.errors import EngineError
from recordmill.runners.engines.job import EngineJob, job_name, short_cause

_STATES = beam_job_api_pb2.JobState
_ROW = "Traceback:\nrecordmill.schemas.errors.DataError: a.csv:7: bad [while running 'Parse']"


class _Service:
    """A job service: it ends a job when it is told to cancel, if it can."""

    def __init__(self, *states: int, ends: bool = True, obeys: bool = True) -> None:
        self.states = states
        self.cancelled: list[str] = []
        self._end = threading.Event()
        self._obeys = obeys
        if ends:
            self._end.set()

    def state_stream(self) -> Iterator[Any]:
        yield beam_job_api_pb2.JobStateEvent(state=_STATES.RUNNING)
        self._end.wait(20)
        for state in self.states:
            yield beam_job_api_pb2.JobStateEvent(state=state)

    def Cancel(self, request: Any, timeout: float) -> None:
        self.cancelled.append(request.job_id)
        if not self._obeys:
            raise grpc.RpcError()
        self.states = (_STATES.CANCELLED,)
        self._end.set()

    def end(self) -> None:
        self.states = (_STATES.CANCELLED,)
        self._end.set()


def _messages(*texts: str) -> Iterator[Any]:
    importance = beam_job_api_pb2.JobMessage.JOB_MESSAGE_ERROR
    for text in ("starting", *texts):
        message = beam_job_api_pb2.JobMessage(message_text=text, importance=importance)
        if text == "starting":
            message.importance = beam_job_api_pb2.JobMessage.JOB_MESSAGE_BASIC
        yield beam_job_api_pb2.JobMessagesResponse(message_response=message)


def _job(service: _Service, *texts: str, **arguments: Any) -> EngineJob:
    hooks = {"check": lambda: None, "cancel_in_cluster": lambda: None, **arguments}
    cleanup = hooks.pop("cleanup", [])
    return EngineJob(
        service,
        "job-1",
        _messages(*texts),
        service.state_stream(),
        [lambda: cleanup.append("clean")],
        engine="flink",
        **hooks,
    )


def test_a_job_that_is_done() -> None:
    cleanup: list[str] = []
    service = _Service(_STATES.DONE)
    assert _job(service, cleanup=cleanup).wait_until_finish() == "DONE"
    assert (cleanup, service.cancelled) == (["clean"], [])


def test_an_error_of_a_row_keeps_its_text() -> None:
    with pytest.raises(RuntimeError) as error:
        _job(_Service(_STATES.FAILED), _ROW, "java.lang.Exception: job failed").wait_until_finish()
    assert str(error.value) == _ROW


def test_an_error_of_the_engine() -> None:
    text = "java.io.IOException: No space left\n\tat java.io.File.write(File.java:9)\n\t... 7 more"
    with pytest.raises(EngineError) as error:
        _job(_Service(_STATES.FAILED), text).wait_until_finish()
    assert str(error.value) == (
        "flink: the job ended in state FAILED: java.io.IOException: No space left\n"
        "Nothing was published."
    )


def test_a_job_that_somebody_cancelled() -> None:
    with pytest.raises(EngineError, match="state CANCELLED: it gave no reason; look into its log"):
        _job(_Service(_STATES.CANCELLED)).wait_until_finish()


def test_a_job_server_that_is_gone() -> None:
    class Gone(_Service):
        def state_stream(self) -> Iterator[Any]:
            yield beam_job_api_pb2.JobStateEvent(state=_STATES.RUNNING)
            raise grpc.RpcError()

    with pytest.raises(EngineError, match="flink: its job server is gone"):
        _job(Gone()).wait_until_finish()


@pytest.mark.parametrize("obeys", [True, False])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), EngineError("no worker")])
def test_a_wait_that_ends_early_cancels_the_job(error: BaseException, obeys: bool) -> None:
    """In the job service first, and in the cluster, which ends it if the service does not."""
    service = _Service(ends=False, obeys=obeys)
    cleanup: list[str] = []
    calls: list[str] = []

    def cancel_in_cluster() -> None:
        calls.append("cluster")
        service.end()

    def check() -> None:
        raise error

    start_time = time.monotonic()
    job = _job(service, check=check, cancel_in_cluster=cancel_in_cluster, cleanup=cleanup)
    with pytest.raises(type(error)):
        job.wait_until_finish()
    assert time.monotonic() - start_time < 10
    assert (service.cancelled, calls, cleanup) == (["job-1"], ["cluster"], ["clean"])


def test_a_job_that_nobody_could_cancel(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(job, "_CANCEL_SECONDS", 0.05)
    service = _Service(ends=False, obeys=False)

    def check() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _job(service, check=check).wait_until_finish()
    service.end()
    assert capsys.readouterr().err == (
        "recordmill: warning: flink did not confirm that the job job-1 was cancelled, so it may go "
        "on: cancel it there\n"
    )


def test_a_cause_is_the_last_error_without_frames() -> None:
    assert short_cause([]) == ""
    assert short_cause(["first", "x" * 5000]) == "x" * 4000


def test_names_of_jobs_are_unique() -> None:
    names = {job_name("Census_2026") for _ in range(3)}
    assert all(name.startswith("recordmill-census-2026-") for name in names)
    assert len(names) == 3
