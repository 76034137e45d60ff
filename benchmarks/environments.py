"""Where things stay from one benchmark to the next: big files, and environments of peers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["YDATA", "cache", "interpreter", "make"]

YDATA = ("ydata-profiling==4.18.4", "setuptools<81")
"""Its dependencies do not go with Beam's; and it imports pkg_resources, which 81 left out."""


def cache() -> Path:
    """A folder outside the repository: `$XDG_CACHE_HOME/recordmill-benchmarks`, or `~/.cache/…`."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    made = folder / "recordmill-benchmarks"
    made.mkdir(parents=True, exist_ok=True)
    return made


def interpreter(requirements: Sequence[str]) -> Path:
    """The Python of the environment of some requirements, there once `make` has made it."""
    name, _, version = requirements[0].partition("==")
    return cache() / f"{name}-{version}-{sys.version_info[0]}.{sys.version_info[1]}/bin/python"


def make(requirements: Sequence[str]) -> str:
    """Make an environment with this Python and some requirements, unless it is there.

    Returns:
      Why there is none; "" where there is one.
    """
    python = interpreter(requirements)
    folder = python.parents[1]
    done = folder / "installed"
    if done.exists():
        return ""
    shutil.rmtree(folder, ignore_errors=True)
    for command in _commands(folder, requirements):
        print(f"making an environment: {' '.join(command)}", file=sys.stderr)
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            return (ended.stderr.strip() or f"{command[0]} failed").splitlines()[-1]
    done.touch()
    return ""


def _commands(folder: Path, requirements: Sequence[str]) -> list[list[str]]:
    """With uv where it is, and else with venv and pip."""
    python = str(folder / "bin" / "python")
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv:
        return [
            [uv, "venv", "--python", sys.executable, str(folder)],
            [uv, "pip", "install", "--compile-bytecode", "--python", python, *requirements],
        ]
    return [
        [sys.executable, "-m", "venv", str(folder)],
        [python, "-m", "pip", "install", *requirements],
    ]
