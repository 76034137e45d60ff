"""Flink's REST interface, from a server of this test."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from recordmill.runners.engines import flink_rest
from recordmill.runners.engines.flink_rest import cancel_flink_job

pytestmark = pytest.mark.slow


@contextmanager
def _flink(jobs: list[dict[str, str]]) -> Iterator[tuple[str, list[str]]]:
    calls: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            calls.append(f"{self.command} {self.path}")
            body = json.dumps({"jobs": jobs} if self.command == "GET" else {}).encode()
            self.send_response(200 if self.command == "GET" else 202)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PATCH = _answer

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}", calls
        server.shutdown()


def test_only_the_running_job_of_that_name_is_cancelled() -> None:
    jobs = [
        {"jid": "a", "name": "mine", "state": "RUNNING"},
        {"jid": "b", "name": "mine", "state": "FINISHED"},
        {"jid": "c", "name": "other", "state": "RUNNING"},
        {"jid": "d", "name": "mine", "state": "RESTARTING"},
    ]
    with _flink(jobs) as (address, calls):
        assert cancel_flink_job(address, "mine")
    assert calls == [
        "GET /jobs/overview",
        "PATCH /jobs/a?mode=cancel",
        "PATCH /jobs/d?mode=cancel",
    ]


def test_a_job_that_has_ended() -> None:
    with _flink([{"jid": "a", "name": "mine", "state": "CANCELED"}]) as (address, calls):
        assert cancel_flink_job(f"http://{address}/", "mine")
    assert calls == ["GET /jobs/overview"]


def test_a_job_that_comes_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flink_rest, "_POLL_SECONDS", 0.01)
    jobs: list[dict[str, str]] = []
    with _flink(jobs) as (address, calls):
        threading.Timer(
            0.3, jobs.append, [{"jid": "a", "name": "mine", "state": "CREATED"}]
        ).start()
        assert cancel_flink_job(address, "mine")
    assert calls[-1] == "PATCH /jobs/a?mode=cancel"


def test_a_job_that_never_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flink_rest, "_APPEAR_SECONDS", 0.1)
    with _flink([]) as (address, _):
        assert not cancel_flink_job(address, "mine")


def test_a_cluster_that_is_gone() -> None:
    with _flink([]) as (address, _):
        pass
    with pytest.raises(OSError):
        cancel_flink_job(address, "mine")
