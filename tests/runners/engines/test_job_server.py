"""A job server that is started for a run; here a small program that listens on the port."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

import pytest

from recordmill.runners.engines.errors import EngineError
from recordmill.runners.engines.job_server import free_port, log_tail, running_job_server

_LISTEN = """\
import os, socket, sys, time
open(os.path.join(sys.argv[2], "pid"), "w").write(str(os.getpid()))
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(60)
"""


def _listen(port: int, folder: str) -> list[str]:
    return [sys.executable, "-c", _LISTEN, str(port), folder]


def _answers(address: str) -> bool:
    host, _, port = address.partition(":")
    try:
        socket.create_connection((host, int(port)), 1).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt])
def test_a_server_runs_while_the_body_runs(error: type[BaseException] | None) -> None:
    try:
        with running_job_server("flink", _listen) as (address, log):
            assert _answers(address)
            folder = log.parent
            pid = int((folder / "pid").read_text())
            if error:
                raise error
    except (RuntimeError, KeyboardInterrupt):
        assert error
    assert not _answers(address)
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_server_that_ends_is_an_error_with_its_last_words() -> None:
    code = "print('INFO: noise'); print('no such master'); raise SystemExit(7)"
    start_time = time.monotonic()
    with (
        pytest.raises(EngineError) as error,
        running_job_server("flink", lambda port, folder: [sys.executable, "-c", code]),
    ):
        pass
    assert time.monotonic() - start_time < 30
    assert str(error.value) == (
        "flink: its job server ended with status 7. The end of its output:\nno such master"
    )


def test_the_log_without_noise(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert log_tail(log) == ""
    log.write_text("WARNING: Multiplexer hanging up\n")
    assert log_tail(log) == "WARNING: Multiplexer hanging up"
    log.write_text("SLF4J: x\n\tat java.lang.Thread.run(Thread.java:1)\nOutOfMemoryError\n")
    assert log_tail(log) == "OutOfMemoryError"


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", free_port())):
        pass
