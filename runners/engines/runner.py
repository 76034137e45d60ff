"""Beam runner that hands pipelines to the job server of an engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apache_beam as beam
import grpc
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability import portable_runner

from .errors import EngineError
from .job import EngineJob
from .worker_watch import WorkerWatch

__all__ = ["EngineRunner"]


def _do_nothing() -> None:
    pass


class EngineRunner(portable_runner.PortableRunner):  # type: ignore[misc]
    """Runner of pipelines in an engine; several pipelines may run one after another."""

    def __init__(
        self,
        engine: str,
        *,
        new_watch: Callable[[], WorkerWatch] | None = None,
        cancel_in_cluster: Callable[[], None] = _do_nothing,
    ) -> None:
        """Create a runner.

        Args:
          engine: Name of the engine, for messages.
          new_watch: Returns the watch of a pipeline's workers; None to wait for them for ever.
          cancel_in_cluster: Cancels a job where the job service does not do it.
        """
        super().__init__()
        self._engine = engine
        self._new_watch = new_watch
        self._cancel_in_cluster = cancel_in_cluster
        self._watch: WorkerWatch | None = None

    def run_pipeline(self, pipeline: beam.Pipeline, options: PipelineOptions) -> Any:
        """Add the step that shows a worker's start, and submit the pipeline.

        Raises:
          EngineError: The job server does not take the job.
        """
        self._watch = self._new_watch() if self._new_watch else None
        if self._watch is not None:
            self._watch.add_to(pipeline)
        return super().run_pipeline(pipeline, options)

    def run_portable_pipeline(self, pipeline: Any, options: PipelineOptions) -> EngineJob:
        """Submit a pipeline and return its job.

        Raises:
          EngineError: The job server does not take it.
        """
        try:
            result = super().run_portable_pipeline(pipeline, options)
        except KeyboardInterrupt:  # the server may have it, and its id was not received
            self._cancel_in_cluster()
            raise
        except (grpc.RpcError, grpc.FutureTimeoutError) as error:
            details = getattr(error, "details", lambda: "no answer in time")()
            raise EngineError(
                f"{self._engine}: its job server did not take the job: {details}"
            ) from error
        watch = self._watch
        if watch is not None:
            watch.start()
        return EngineJob(
            result._job_service,
            result._job_id,
            result._message_stream,
            result._state_stream,
            (*result._cleanup_callbacks, *([watch.clean_up] if watch else [])),
            engine=self._engine,
            check=watch.check if watch else _do_nothing,
            cancel_in_cluster=self._cancel_in_cluster,
        )
