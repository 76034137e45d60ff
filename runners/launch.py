"""Beam's runner and options for each `--runner`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, SetupOptions
from apache_beam.runners.runner import PipelineRunner

from ..schemas.errors import RecipeError
from .engines.engine import running_engine
from .engines.job_flags import unknown_flags
from .engines.settings import ENGINES, EngineSettings
from .package import build_sdist

__all__ = ["Launch", "RunnerName", "ShuffleName", "launched"]

RunnerName = Literal["direct", "dataflow", "prism", "flink", "spark"]
ShuffleName = Literal["disk", "group"]


@dataclass(frozen=True)
class Launch:
    """Runner ready for a pipeline.

    Attributes:
      runner: Beam's runner.
      options: Beam's options.
      environment_type: "direct" or "dataflow", or the type of an engine's workers, such as
        "LOOPBACK".
      sees_local_files: Whether workers see the files of this machine.
    """

    runner: PipelineRunner
    options: PipelineOptions
    environment_type: str
    sees_local_files: bool

    @property
    def is_in_process(self) -> bool:
        """Whether workers run in this process, or in its children with its working directory."""
        return self.environment_type in ("direct", "LOOPBACK")


@contextmanager
def launched(
    name: RunnerName,
    flags: Sequence[str],
    *,
    settings: EngineSettings | None = None,
    output: str = "",
) -> Iterator[Launch]:
    """Return Beam's runner of that name, and the pipeline options from the flags.

    A job server that is started for it runs until the body ends.

    Args:
      name: "direct" is Beam's FnApiRunner, named explicitly: plain `DirectRunner` would first try
        to download another runner. "dataflow" adds this package, as an sdist built here, to what
        workers install. "prism", "flink" and "spark" are engines behind Beam's job service.
      flags: Beam's own flags, such as `--direct_num_workers=2`.
      settings: Options of an engine; None for the defaults.
      output: Folder of the dataset.

    Raises:
      RecipeError: Beam does not know a flag, or one that the runner needs is missing.
      EngineError: The engine does not answer.
    """
    if name in ENGINES:
        with running_engine(name, flags, settings or EngineSettings(), output=output) as engine:
            environment = engine.environment
            yield Launch(engine.runner, engine.options, environment.type, environment.is_here)
        return
    options = PipelineOptions(list(flags))
    for flag in unknown_flags(options, flags):
        raise RecipeError(f"Beam has no flag {flag.partition('=')[0]}")
    if name == "direct":
        from apache_beam.runners.portability.fn_api_runner import FnApiRunner

        yield Launch(FnApiRunner(), options, name, sees_local_files=True)
    else:
        yield Launch(_dataflow(options), options, name, sees_local_files=False)


def _dataflow(options: PipelineOptions) -> PipelineRunner:
    from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner

    cloud = options.view_as(GoogleCloudOptions)
    for flag in ("project", "region", "temp_location"):
        if not getattr(cloud, flag):
            raise RecipeError(
                f"--runner dataflow needs --{flag}; give it behind a lone --, as in "
                "`-- --project=P --region=R --temp_location=gs://BUCKET/tmp`"
            )
    setup = options.view_as(SetupOptions)
    setup.extra_packages = [*(setup.extra_packages or []), build_sdist()]
    return DataflowRunner()
