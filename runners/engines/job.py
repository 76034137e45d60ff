"""A job in an engine: waits for its end, and cancels it if the wait ends otherwise."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import grpc
from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.runners.portability import portable_runner
from apache_beam.runners.runner import PipelineState

from .errors import EngineError

__all__ = ["EngineJob", "job_name", "short_cause"]

_POLL_SECONDS = 0.2
_CANCEL_SECONDS = 20.0
_LAST_MESSAGE_SECONDS = 10.0
_MAX_CAUSE = 4000
_ROW_ERROR = re.compile(r"recordmill\.schemas\.errors\.(DataError|RecipeError): ")
_JAVA_FRAME = re.compile(r"^\s+(at [\w.$/]+\(|\.\.\. \d+ more)")


class EngineJob(portable_runner.PipelineResult):  # type: ignore[misc]
    """A job that an engine runs.

    Nothing of what the engine says is printed: its messages are kept for the error of a job that
    fails.
    """

    def __init__(
        self,
        *arguments: Any,
        engine: str,
        check: Callable[[], None],
        cancel_in_cluster: Callable[[], None],
    ) -> None:
        """Create the handle of a job that was submitted.

        Args:
          *arguments: Arguments of Beam's `PipelineResult`.
          engine: Name of the engine, for messages.
          check: Called several times a second while the job runs; an error of it ends the job.
          cancel_in_cluster: Cancels the job where the job service does not do it.
        """
        super().__init__(*arguments)
        self._engine = engine
        self._check = check
        self._cancel_in_cluster = cancel_in_cluster
        self._errors: list[str] = []
        self._stream_error: Exception | None = None

    def wait_until_finish(self, duration: int | None = None) -> str:
        """Wait until the job is done; cancel it if this is interrupted.

        Args:
          duration: Ignored: recordmill's pipelines are waited for to their end.

        Returns:
          The state DONE.

        Raises:
          EngineError: The job failed for a reason that is not in the data, or the engine is gone.
          RuntimeError: A worker raised an error of recordmill; the text has its traceback.
        """
        reader = threading.Thread(target=self._read_messages, daemon=True)
        watcher = threading.Thread(target=self._read_states, args=(reader,), daemon=True)
        reader.start()
        watcher.start()
        try:
            while watcher.is_alive():
                watcher.join(_POLL_SECONDS)
                self._check()
        except BaseException:
            self._cancel_and_wait(watcher)
            raise
        finally:
            self._cleanup()
        if self._state == PipelineState.DONE:
            return PipelineState.DONE  # type: ignore[no-any-return]
        raise self._failure()

    def _cancel_and_wait(self, watcher: threading.Thread) -> None:
        """Cancel the job everywhere, and wait until the engine says that it has ended."""
        request = beam_job_api_pb2.CancelJobRequest(job_id=self._job_id)
        with suppress(grpc.RpcError):
            self._job_service.Cancel(request, timeout=_CANCEL_SECONDS)
        self._cancel_in_cluster()
        watcher.join(_CANCEL_SECONDS)
        if watcher.is_alive() or self._stream_error is not None:
            print(
                f"recordmill: warning: {self._engine} did not confirm that the job {self._job_id} "
                "was cancelled, so it may go on: cancel it there",
                file=sys.stderr,
            )

    def _read_messages(self) -> None:
        with suppress(grpc.RpcError):
            for message in self._message_stream:
                response = message.message_response
                if response.importance >= beam_job_api_pb2.JobMessage.JOB_MESSAGE_ERROR:
                    self._errors.append(response.message_text)

    def _read_states(self, reader: threading.Thread) -> None:
        try:
            for event in self._state_stream:
                self._state = self.runner_api_state_to_pipeline_state(event.state)
                if event.state in portable_runner.TERMINAL_STATES:
                    reader.join(_LAST_MESSAGE_SECONDS)
                    return
        except grpc.RpcError as error:
            self._stream_error = error

    def _failure(self) -> Exception:
        if self._stream_error is not None:
            return EngineError(
                f"{self._engine}: its job server is gone ({_status(self._stream_error)}); look "
                "into its log. Nothing was published."
            )
        for text in self._errors:
            if _ROW_ERROR.search(text):
                return RuntimeError(text)
        cause = short_cause(self._errors) or "it gave no reason; look into its log"
        return EngineError(
            f"{self._engine}: the job ended in state {self._state}: {cause}\nNothing was published."
        )


def short_cause(errors: list[str]) -> str:
    r"""Return the last error of a job without the frames of Java, at most 4,000 characters.

    >>> short_cause(["java.io.IOException: No space left\n\tat java.io.File.write(File.java:9)"])
    'java.io.IOException: No space left'
    """
    lines = errors[-1].splitlines() if errors else []
    return "\n".join(line for line in lines if not _JAVA_FRAME.match(line))[-_MAX_CAUSE:]


def _status(error: Exception) -> str:
    code = getattr(error, "code", lambda: None)()
    return getattr(code, "name", type(error).__name__)


def job_name(name: str) -> str:
    """Return a name for a job that no other job has: letters, digits and hyphens."""
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return f"recordmill-{stem}-{time.time_ns():x}"
