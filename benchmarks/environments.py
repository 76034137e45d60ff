"""Cache of large files and of the environments of peers, shared by sessions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["YDATA", "cache", "interpreter", "make"]

YDATA = ("ydata-profiling==4.18.4", "setuptools<81")
"""Its dependencies conflict with Beam's; and it imports pkg_resources, which 81 removed."""


def cache() -> Path:
    """Return a folder in `$XDG_CACHE_HOME` or `~/.cache`; create it if it does not exist."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = folder / "recordmill-benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def interpreter(requirements: Sequence[str]) -> Path:
    """Return the path of the Python in the environment that `make` makes for requirements."""
    name, _, version = requirements[0].partition("==")
    return cache() / f"{name}-{version}-{sys.version_info[0]}.{sys.version_info[1]}/bin/python"


def make(requirements: Sequence[str]) -> str:
    """Make an environment with this version of Python and some requirements, unless it exists.

    Returns:
      The reason if it failed; else "".
    """
    python = interpreter(requirements)
    folder = python.parents[1]
    marker = folder / "installed"
    if marker.exists():
        return ""
    shutil.rmtree(folder, ignore_errors=True)
    for command in _commands(folder, requirements):
        print(f"making an environment: {' '.join(command)}", file=sys.stderr)
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            return (result.stderr.strip() or f"{command[0]} failed").splitlines()[-1]
    marker.touch()
    return ""


def _commands(folder: Path, requirements: Sequence[str]) -> list[list[str]]:
    """Return the commands that make an environment: with uv if it is installed, or venv and pip."""
    python = str(folder / "bin" / "python")
    sibling = Path(sys.executable).with_name("uv")
    uv = str(sibling) if sibling.exists() else shutil.which("uv")
    if uv:
        return [
            [uv, "venv", "--python", sys.executable, str(folder)],
            [uv, "pip", "install", "--compile-bytecode", "--python", python, *requirements],
        ]
    return [
        [sys.executable, "-m", "venv", str(folder)],
        [python, "-m", "pip", "install", *requirements],
    ]
