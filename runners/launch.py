"""Beam's runner and options for each `--runner`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, SetupOptions
from apache_beam.runners.runner import PipelineRunner

from ..schemas.errors import RecipeError
from .package import build_sdist

__all__ = ["RunnerName", "ShuffleName", "launcher"]

RunnerName = Literal["direct", "dataflow"]
ShuffleName = Literal["disk", "group"]


def launcher(name: RunnerName, flags: Sequence[str]) -> tuple[PipelineRunner, PipelineOptions]:
    """Return Beam's runner of that name, and the pipeline options from the flags.

    Args:
      name: "direct" is Beam's FnApiRunner, named explicitly: plain `DirectRunner` would first try
        to download another runner. "dataflow" adds this package, as an sdist built here, to what
        workers install.
      flags: Beam's own flags, such as `--direct_num_workers=2`.

    Raises:
      RecipeError: Beam does not know a flag, or one that the runner needs is missing.
    """
    options = PipelineOptions(list(flags))
    _refuse_unknown(options, flags)
    if name == "direct":
        from apache_beam.runners.portability.fn_api_runner import FnApiRunner

        return FnApiRunner(), options
    return _dataflow(options), options


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


def _refuse_unknown(options: PipelineOptions, flags: Sequence[str]) -> None:
    """Raise for a flag that Beam does not know, and would ignore without a word."""
    names = options.get_all_options(drop_default=False)
    for flag in flags:
        name = flag.removeprefix("--").removeprefix("no_").partition("=")[0].replace("-", "_")
        if flag.startswith("--") and name not in names and f"no_{name}" not in names:
            raise RecipeError(f"Beam has no flag {flag.partition('=')[0]}")
