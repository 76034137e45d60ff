"""Environment of an engine's workers: the kind that Beam calls `--environment_type`."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from dataclasses import dataclass

from ...schemas.errors import RecipeError
from .errors import EngineError

__all__ = ["Environment", "check_environment", "host_is_here", "master_is_here"]

TYPES = ("LOOPBACK", "PROCESS", "EXTERNAL", "DOCKER")
_HELP = (
    "Give one behind a lone --: --environment_type=LOOPBACK where the engine runs on this machine "
    '(workers run in this process), PROCESS with --environment_config=\'{"command": "BOOT"}\' '
    "(the engine starts them), EXTERNAL with --environment_config=HOST:PORT of a worker pool, or "
    "DOCKER with --environment_config=IMAGE"
)
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1", "[::1]")
_LOCAL_MASTER = re.compile(r"^(|\[local\]|\[auto\]|local(\[.+\])?)$")
_PROBE_SECONDS = 2.0


@dataclass(frozen=True)
class Environment:
    """Workers of an engine.

    Attributes:
      type: One of LOOPBACK, PROCESS, EXTERNAL and DOCKER.
      is_here: Whether workers see this machine's files.
    """

    type: str
    is_here: bool


def check_environment(
    engine: str,
    environment_type: str | None,
    config: str | None,
    *,
    engine_is_here: bool,
    is_embedded: bool,
) -> Environment:
    """Return the environment of the workers, LOOPBACK by default if the engine is on this machine.

    Args:
      engine: Name of the engine, for messages.
      environment_type: Beam's `--environment_type`; None if it was not given.
      config: Its configuration, as Beam's `--environment_config` takes it; None if not given.
      engine_is_here: Whether the engine's processes that workers talk to are on this machine.
      is_embedded: Whether the whole engine is in a job server that recordmill starts.

    Raises:
      RecipeError: The type is unknown or missing, or its configuration is wrong.
      EngineError: No worker pool answers at the address.
    """
    if environment_type is None:
        if not engine_is_here:
            raise RecipeError(
                f"--runner {engine} needs --environment_type: the engine is on another machine. "
                f"{_HELP}"
            )
        environment_type = "LOOPBACK"
    kind = environment_type.upper()
    if kind not in TYPES:
        raise RecipeError(
            f"--environment_type: expected one of {', '.join(TYPES)}, got {environment_type}. "
            f"{_HELP}"
        )
    if kind == "LOOPBACK":
        if not engine_is_here:
            raise RecipeError(
                "--environment_type=LOOPBACK runs workers in this process, and the engine is on "
                "another machine, which cannot reach it. Use PROCESS, EXTERNAL or DOCKER"
            )
        return Environment(kind, is_here=True)
    _CHECKS[kind](config, is_embedded)
    return Environment(kind, is_here=is_embedded and kind != "DOCKER")


def _check_process(config: str | None, is_embedded: bool) -> None:
    example = '--environment_config=\'{"command": "/opt/beam/boot"}\''
    try:
        command = json.loads(config or "null")["command"]
    except (ValueError, TypeError, KeyError):
        raise RecipeError(
            f"--environment_type=PROCESS needs the program that starts a worker: {example}; got "
            f"{config or 'nothing'}"
        ) from None
    if is_embedded and shutil.which(command) is None:
        raise RecipeError(
            f"--environment_type=PROCESS: {command} is no program on this machine, so no worker "
            f"would ever start. Give one in {example}"
        )


def _check_external(config: str | None, is_embedded: bool) -> None:
    host, _, port = (config or "").rpartition(":")
    if not host or not port.isdigit():
        raise RecipeError(
            "--environment_type=EXTERNAL needs the address of a worker pool: "
            f"--environment_config=HOST:PORT; got {config or 'nothing'}"
        )
    if not is_embedded:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PROBE_SECONDS).close()
    except OSError as error:
        raise EngineError(
            f"--environment_config={config}: no worker pool answers there ({error}). Start one: "
            f"python -m apache_beam.runners.worker.worker_pool_main --service_port={port}"
        ) from error


def _check_docker(config: str | None, is_embedded: bool) -> None:
    if not config:
        raise RecipeError(
            "--environment_type=DOCKER needs an image that has recordmill: "
            "--environment_config=IMAGE. Beam's own image has not"
        )
    if is_embedded and shutil.which("docker") is None:
        raise RecipeError(
            "--environment_type=DOCKER needs the program `docker` on this machine, and there is "
            "none in PATH"
        )


_CHECKS = {"PROCESS": _check_process, "EXTERNAL": _check_external, "DOCKER": _check_docker}


def host_is_here(address: str) -> bool:
    """Return whether the host of HOST:PORT or of an URL is the loopback interface.

    >>> host_is_here("http://localhost:8081"), host_is_here("10.0.0.7:8099")
    (True, False)
    """
    host = os.path.basename(address.rstrip("/")).rpartition(":")[0] or address
    return host in _LOCAL_HOSTS


def master_is_here(master: str) -> bool:
    """Return whether a master of Flink or Spark is embedded in its job server.

    >>> master_is_here("local[4]"), master_is_here("spark://hub:7077")
    (True, False)
    """
    return _LOCAL_MASTER.match(master) is not None
