"""Flags of jobs: those that Beam's Python options know, and those that only a job server knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_job_api_pb2

from ...schemas.errors import RecipeError
from ...schemas.suggestions import nearest_name

__all__ = ["accept_server_flags", "boolean_defaults", "unknown_flags"]


def unknown_flags(options: PipelineOptions, flags: Sequence[str]) -> list[str]:
    """Return the flags that Beam's Python options would ignore without a word.

    >>> unknown_flags(PipelineOptions([]), ["--parallelism=2", "--object_reuse=true"])
    ['--object_reuse=true']
    """
    names = options.get_all_options(drop_default=False)
    return [
        flag
        for flag in flags
        if flag.startswith("--")
        and _name(flag) not in names
        and _name(flag).removeprefix("no_") not in names
        and f"no_{_name(flag)}" not in names
    ]


def boolean_defaults(
    described: beam_job_api_pb2.DescribePipelineOptionsResponse,
) -> dict[str, bool | None]:
    """Return the flags of a job server: the default of each boolean one, None for the others."""
    boolean = beam_job_api_pb2.PipelineOptionType.BOOLEAN
    return {
        option.name: option.default_value == "true" if option.type == boolean else None
        for option in described.options
    }


def accept_server_flags(
    flags: Sequence[str],
    options: PipelineOptions,
    server_flags: Mapping[str, bool | None],
    *,
    server: str,
) -> list[str]:
    """Return the flags as Beam's client parses them with those of the job server.

    It takes a boolean flag of a server without a value only, and as the opposite of its default.

    Args:
      flags: Flags of the command line.
      options: Beam's options from the same flags.
      server_flags: Result of `boolean_defaults`.
      server: Description of the job server, for messages.

    Raises:
      RecipeError: Neither Beam nor the server has a flag, or a boolean one has another value than
        true and false.

    >>> options = PipelineOptions([])
    >>> accept_server_flags(
    ...     ["--reuse=true", "--level=9"], options, {"reuse": False, "level": None}, server="Flink"
    ... )
    ['--reuse', '--level=9']
    """
    accepted = []
    unknown = unknown_flags(options, flags)
    for flag in flags:
        name, equals, value = flag.partition("=")
        if flag not in unknown:
            accepted.append(flag)
        elif _name(flag) not in server_flags:
            near = nearest_name(_name(flag), server_flags)
            cure = f" Did you mean --{near}?" if near else ""
            raise RecipeError(f"neither Beam nor {server} has a flag {name}.{cure}")
        elif server_flags[_name(flag)] is None or not equals:
            accepted.append(flag)
        elif _boolean(name, value) != server_flags[_name(flag)]:
            accepted.append(name)
    return accepted


def _boolean(name: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise RecipeError(f'{name}: expected true or false, got "{value}"')
    return value.lower() == "true"


def _name(flag: str) -> str:
    return flag.removeprefix("--").partition("=")[0].replace("-", "_")
