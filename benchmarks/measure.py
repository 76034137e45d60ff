"""One program in a process of its own: how long it took, and the most memory it held."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Failed", "Run", "run"]

_SAMPLE_SECONDS = 0.2
_SHOWN_LINES = 30


class Failed(Exception):
    """A contender did not do its work."""


@dataclass(frozen=True)
class Run:
    """What one run cost.

    Attributes:
      seconds: Wall clock, from before the process was started until after it ended.
      cpu_seconds: User and system time of the process and its children.
      peak_bytes: The most resident memory of the process and its descendants together: for one
        process as the kernel counted it, for several sampled; 0 where there is no /proc.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def run(command: Sequence[str], *, environment: Mapping[str, str]) -> Run:
    """Run a program to its end.

    Args:
      command: The program and its arguments.
      environment: Its whole environment.

    Raises:
      Failed: It ended with another status than 0; the message has its last lines.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with _Sampler(process.pid) as sampler:
            try:
                _, status, usage = os.wait4(process.pid, 0)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
            seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            last = "".join(log.readlines()[-_SHOWN_LINES:])
            raise Failed(f"{' '.join(command)}\nended with {process.returncode}:\n{last}")
    return Run(
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_bytes=sampler.peak_bytes,
    )


class _Sampler:
    """Watches the memory of a session's processes, where /proc tells it."""

    def __init__(self, session: int) -> None:
        self.peak_bytes = 0
        self._session = session
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> _Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            together = resident_bytes(self._session)
            self.peak_bytes = max(self.peak_bytes, together, high_water_bytes(self._session))


def resident_bytes(session: int) -> int:
    """The resident memory of all processes of a session; 0 where there is no /proc."""
    pages = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:  # the process has just ended
            continue
        if int(fields[3]) == session:
            pages += int(fields[21])
    return pages * os.sysconf("SC_PAGE_SIZE")


def high_water_bytes(process: int) -> int:
    """The most resident memory of one process so far; 0 where it ended or there is no /proc.

    `ru_maxrss` would also count the memory of the parent, at the fork.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
