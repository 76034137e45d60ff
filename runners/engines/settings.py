"""Options of `recordmill run` for engines: Prism, Flink and Spark."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass, fields

from ...schemas.errors import RecipeError
from ...schemas.suggestions import nearest_name

__all__ = ["ENGINES", "RUNNERS", "EngineSettings", "add_engine_arguments", "check_runner"]

ENGINES = ("prism", "flink", "spark")
"""Runners that recordmill reaches through a Beam job server."""

RUNNERS = ("direct", "dataflow", *ENGINES)
"""Values of `--runner`."""

_DASK = (
    "--runner dask is refused: Beam's Dask runner mixes the outputs of a step that has several, "
    "such as rows and rejects, and computes only the last collection of a pipeline, so a dataset "
    "would be wrong or incomplete. Use --runner prism, flink or spark."
)
_OWNERS = {
    "prism_binary": ("prism",),
    "job_server": ("flink", "spark"),
    "shared_filesystem": ENGINES,
    "worker_start_timeout": ENGINES,
}


@dataclass(frozen=True)
class EngineSettings:
    """Options for an engine.

    Attributes:
      prism_binary: Path of the Prism program; None to look in PATH.
      job_server: Jar of a Flink or Spark job server, a folder of its jars, or a Java class path.
      shared_filesystem: Whether local paths mean the same files on all workers.
      worker_start_timeout: Seconds within which a worker must begin to work.

    Raises:
      RecipeError: The timeout is not positive.
    """

    prism_binary: str | None = None
    job_server: str | None = None
    shared_filesystem: bool = False
    worker_start_timeout: float = 180.0

    def __post_init__(self) -> None:
        if not self.worker_start_timeout > 0:
            raise RecipeError(
                "--worker-start-timeout: expected seconds above 0, got "
                f"{self.worker_start_timeout:g}"
            )

    @classmethod
    def of(cls, runner: str, arguments: Mapping[str, object]) -> EngineSettings:
        """Return the settings from parsed arguments; those that were not given are None.

        Raises:
          RecipeError: An option is for another runner.
        """
        given = {name: value for name, value in arguments.items() if value is not None}
        for name in given:
            if runner not in _OWNERS[name]:
                raise RecipeError(
                    f"--{name.replace('_', '-')} is for --runner {' or '.join(_OWNERS[name])}, "
                    f"got --runner {runner}"
                )
        return cls(**given)  # type: ignore[arg-type]

    @staticmethod
    def names() -> tuple[str, ...]:
        """Return the names of the arguments that `add_engine_arguments` adds."""
        return tuple(field.name for field in fields(EngineSettings))


def check_runner(name: str) -> str:
    """Return the value of `--runner`.

    Raises:
      RecipeError: There is no such runner, or it cannot run a pipeline of recordmill.

    >>> check_runner("flink")
    'flink'
    """
    if name in RUNNERS:
        return name
    if name.lower() in ("dask", "daskrunner"):
        raise RecipeError(_DASK)
    near = nearest_name(name.lower().removesuffix("runner"), RUNNERS)
    cure = f' Did you mean "{near}"?' if near else ""
    raise RecipeError(f'--runner: expected one of {", ".join(RUNNERS)}, got "{name}".{cure}')


def add_engine_arguments(parser: ArgumentParser) -> None:
    """Add `--runner`, and the options that only engines take."""
    parser.add_argument(
        "--runner",
        type=check_runner,
        metavar="{" + ",".join(RUNNERS) + "}",
        default="direct",
        help="Beam runner (default direct); for prism, flink and spark see docs/clusters.md",
    )
    parser.add_argument(
        "--prism-binary",
        metavar="FILE",
        help="the program `prism` for --runner prism; default: the one in PATH",
    )
    parser.add_argument(
        "--job-server",
        metavar="JARS",
        help="the job server to start for --runner flink or spark: a jar, a folder of jars, or a "
        "Java class path. To use one that runs: -- --job_endpoint=HOST:PORT",
    )
    parser.add_argument(
        "--shared-filesystem",
        action="store_true",
        default=None,
        help="local paths are the same files on all workers of the engine",
    )
    parser.add_argument(
        "--worker-start-timeout",
        metavar="SECONDS",
        type=float,
        help="time within which a worker of the engine must begin to work (default 180)",
    )
