"""Job server that recordmill starts on this machine, and stops however the run ends."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from . import supervisor
from .errors import EngineError

__all__ = ["free_port", "is_noise", "log_tail", "running_job_server"]

_START_SECONDS = 120.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.1
_LOG_LINES = 12
_NOISE = re.compile(
    r"Multiplexer hanging up|Hanged up for|CANCELLED: (client cancelled|cancelled before)"
    r"|^(INFO|WARNING): |^[A-Z][a-z]{2} \d{1,2}, \d{4} |^\s+at |^SLF4J|^WARNING: |level=(INFO|WARN)"
)


@contextmanager
def running_job_server(
    title: str, command_for: Callable[[int, str], list[str]]
) -> Iterator[tuple[str, Path]]:
    """Run a job server while the body runs.

    A supervisor process ends it when this process dies, also by `os._exit` or SIGKILL.

    Args:
      title: Name of the engine in messages.
      command_for: Returns the command for a port and a folder for artifacts.

    Yields:
      (address of the job service such as "127.0.0.1:40123", file with the output of the server).

    Raises:
      EngineError: The server ended, or did not answer within two minutes; the message has the end
        of its output.
    """
    with tempfile.TemporaryDirectory(
        prefix="recordmill-engine-", ignore_cleanup_errors=True
    ) as folder:
        port = free_port()
        log = Path(folder, "log")
        command = command_for(port, folder)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-I", supervisor.__file__, *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            _await_port(title, process, port, log)
            yield f"127.0.0.1:{port}", log
        finally:
            _stop(process)


def _await_port(title: str, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end_time = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < end_time:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), _POLL_SECONDS):
            return
        time.sleep(_POLL_SECONDS)
    state = (
        f"ended with status {process.returncode}"
        if process.poll() is not None
        else f"did not answer on port {port} within {_START_SECONDS:.0f} seconds"
    )
    raise EngineError(f"{title}: its job server {state}. The end of its output:\n{log_tail(log)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Close the pipe of the supervisor, which ends the server, and wait for both."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def free_port() -> int:
    """Return a TCP port of the loopback interface that no process listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def log_tail(log: Path) -> str:
    """Return the last lines of a server's output, without its noise; all lines if all are noise."""
    text = log.read_text(errors="replace") if os.path.exists(log) else ""
    lines = text.splitlines()
    useful = [line for line in lines if not is_noise(line)]
    return "\n".join((useful or lines)[-_LOG_LINES:])


def is_noise(line: str) -> bool:
    """Return whether a line of a job server says nothing about why it failed.

    >>> is_noise("WARNING: Hanged up for localhost:41231. Multiplexer hanging up")
    True
    >>> is_noise("Error: Could not find or load main class")
    False
    """
    return bool(_NOISE.search(line))
