"""Sign of life of an engine's workers: a file that the first of them writes."""

from __future__ import annotations

import posixpath
import time
from collections.abc import Callable
from uuid import uuid4

import apache_beam as beam

from ...pipelines.runtime import filesystem as files
from .errors import EngineError

__all__ = ["WorkerWatch", "marker_beside"]

_SECONDS_BETWEEN_LOOKS = 2.0
_HINTS = {
    "LOOPBACK": "Workers run in this process: look whether the engine has free slots",
    "PROCESS": "Look on its machines whether the program of --environment_config exists and starts "
    "a Python that has recordmill",
    "EXTERNAL": "Look whether the worker pool of --environment_config runs and is reached from the "
    "engine's machines",
    "DOCKER": "Look on its machines whether docker runs and has the image of --environment_config",
}


class WorkerWatch:
    """Watch of one pipeline: raises if no worker begins in time.

    Attributes:
      path: File that the first worker writes.
    """

    def __init__(
        self,
        path: str,
        *,
        engine: str,
        environment_type: str,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create a watch; its time begins with `start`.

        Args:
          path: File that the first worker writes; this process can read it.
          engine: Name of the engine, for messages.
          environment_type: Type of the workers' environment, for messages.
          seconds: Time until the first worker must have begun.
          clock: Returns seconds.
        """
        self.path = path
        self._engine = engine
        self._type = environment_type
        self._seconds = seconds
        self._clock = clock
        self._start_time = self._last_look = clock()
        self._is_over = False

    def add_to(self, pipeline: beam.Pipeline) -> None:
        """Add a step that writes the file, independent of all others."""
        _ = (
            pipeline
            | "WorkerStarted" >> beam.Create([self.path], reshuffle=False)
            | "WriteWorkerStarted" >> beam.Map(_write)
        )

    def start(self) -> None:
        """Begin the time: the engine has the job now."""
        self._start_time = self._last_look = self._clock()

    def check(self) -> None:
        """Look for the file, every two seconds at most.

        Raises:
          EngineError: There is none, and the time is over.
        """
        now = self._clock()
        if self._is_over or now - self._last_look < _SECONDS_BETWEEN_LOOKS:
            return
        self._last_look = now
        if files.exists(self.path):
            self._is_over = True
        elif now - self._start_time > self._seconds:
            raise EngineError(
                f"{self._engine}: no worker began to work within {self._seconds:g} seconds "
                f"(--environment_type={self._type}), and the job was cancelled. "
                f"{_HINTS[self._type]}; then the engine's own log. "
                "--worker-start-timeout=SECONDS allows more time. Nothing was published."
            )

    def clean_up(self) -> None:
        """Delete the file."""
        files.remove(self.path)


def marker_beside(output: str) -> str:
    """Return a new hidden path beside an output folder, which its workers see too."""
    folder, name = posixpath.split(output.rstrip("/"))
    return files.join(folder or ".", f".{name}.worker-{uuid4().hex}")


def _write(path: str) -> None:
    files.write_bytes(path, b"", durable=False)
