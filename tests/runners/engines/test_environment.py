"""The environment of workers: defaults, and errors before anything starts."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from recordmill.runners.engines.environment import (
    Environment,
    check_environment,
    host_is_here,
    master_is_here,
)
from recordmill.runners.engines.errors import EngineError
from recordmill.schemas import RecipeError


def _check(
    kind: str | None, config: str | None = None, *, here: bool = True, embedded: bool = True
) -> Environment:
    return check_environment(
        "flink", kind, config, engine_is_here=here, is_embedded=here and embedded
    )


def test_loopback_is_the_default_on_one_machine() -> None:
    assert _check(None) == Environment("LOOPBACK", is_here=True)
    assert _check("loopback", embedded=False) == Environment("LOOPBACK", is_here=True)


@pytest.mark.parametrize(
    ("kind", "config", "message"),
    [
        (None, None, "--runner flink needs --environment_type: the engine is on another machine. "),
        ("LOOPBACK", None, "--environment_type=LOOPBACK runs workers in this process, and the eng"),
        ("THREAD", None, "--environment_type: expected one of LOOPBACK, PROCESS, EXTERNAL, DOCKER"),
        ("PROCESS", None, "--environment_type=PROCESS needs the program that starts a worker"),
        ("PROCESS", "/opt/boot", "--environment_type=PROCESS needs the program that starts a work"),
        ("EXTERNAL", None, "--environment_type=EXTERNAL needs the address of a worker pool: --en"),
        ("EXTERNAL", "pool", "--environment_type=EXTERNAL needs the address of a worker pool: --"),
        ("DOCKER", None, "--environment_type=DOCKER needs an image that has recordmill"),
    ],
)
def test_an_environment_that_cannot_work(kind: str, config: str, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        _check(kind, config, here=False)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("kind", "config"),
    [("PROCESS", '{"command": "/boot"}'), ("EXTERNAL", "pool:5000"), ("DOCKER", "hub/image:1")],
)
def test_workers_of_a_cluster_are_elsewhere(kind: str, config: str) -> None:
    assert _check(kind, config, here=False) == Environment(kind, is_here=False)
    assert _check(kind, config, embedded=False) == Environment(kind, is_here=False)


def test_workers_that_an_embedded_engine_starts_are_here(tmp_path: Path) -> None:
    boot = tmp_path / "boot"
    boot.write_text("#!/bin/sh\n")
    boot.chmod(0o755)
    assert _check("PROCESS", f'{{"command": "{boot}"}}').is_here
    with pytest.raises(RecipeError, match="/no/boot is no program on this machine"):
        _check("PROCESS", '{"command": "/no/boot"}')


def test_a_worker_pool_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as pool:
        address = f"localhost:{pool.getsockname()[1]}"
        assert _check("EXTERNAL", address).is_here
    with pytest.raises(EngineError) as error:
        _check("EXTERNAL", address)
    message = str(error.value)
    assert message.startswith(f"--environment_config={address}: no worker pool answers there (")
    assert "python -m apache_beam.runners.worker.worker_pool_main --service_port=" in message


def test_a_machine_without_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RecipeError, match="needs the program `docker` on this machine"):
        _check("DOCKER", "hub/image:1")


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("localhost:8099", True),
        ("127.0.0.1:1", True),
        ("https://localhost:8081/", True),
        ("[::1]:8099", True),
        ("spark://hub:7077", False),
        ("10.0.0.7:8099", False),
        ("localhost.example:8099", False),
    ],
)
def test_hosts_of_this_machine(address: str, here: bool) -> None:
    assert host_is_here(address) is here


@pytest.mark.parametrize(
    ("master", "here"),
    [("", True), ("[local]", True), ("local", True), ("local[*]", True), ("localhost:1", False)],
)
def test_embedded_masters(master: str, here: bool) -> None:
    assert master_is_here(master) is here
