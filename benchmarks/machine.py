"""Description of the machine of the measurements."""

from __future__ import annotations

import os
import platform
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["describe"]

_LIBRARIES = (
    "recordmill",
    "tensorflow",
    "tensorflow-transform",
    "tfx-bsl",
    "apache-beam",
    "pyarrow",
    "numpy",
    "pillow",
)


def describe() -> str:
    """Return the machine, the interpreter and the libraries, in a few lines."""
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{date.today()}: {_processor()}, {os.cpu_count()} cores, {gigabytes:.0f} GB; "
        f"{_system()}; Python {platform.python_version()};\n"
        + ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES)
        + "."
    )


def _processor() -> str:
    """Return the name of the processor from /proc, or else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.platform()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "from source"
