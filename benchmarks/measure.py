"""Time and peak memory of a program in its own process."""

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

__all__ = ["ContenderError", "Run", "run"]

_SAMPLE_SECONDS = 0.2
_SHOWN_LINES = 30


class ContenderError(Exception):
    """Failure of a contender."""


@dataclass(frozen=True)
class Run:
    """Time and memory of one run.

    Attributes:
      seconds: Wall-clock time, from before the process starts until after its end.
      cpu_seconds: User and system time of the process and its children.
      peak_bytes: Largest resident memory of the process and its descendants together: counted by
        the kernel for one process, sampled for several; 0 without /proc.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def run(command: Sequence[str], *, environment: Mapping[str, str]) -> Run:
    """Run a program to its end.

    Args:
      command: Program and arguments.
      environment: Complete environment of the process.

    Raises:
      ContenderError: The status is not 0; the message contains the last lines of the output.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        start_time = time.perf_counter()
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
            seconds = time.perf_counter() - start_time
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            last = "".join(log.readlines()[-_SHOWN_LINES:])
            raise ContenderError(f"{' '.join(command)}\nended with {process.returncode}:\n{last}")
    return Run(
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_bytes=sampler.peak_bytes,
    )


class _Sampler:
    """Sampler of the memory of all processes of a session, from /proc."""

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
            resident = resident_bytes(self._session)
            self.peak_bytes = max(self.peak_bytes, resident, high_water_bytes(self._session))


def resident_bytes(session: int) -> int:
    """Return the resident memory of all processes of a session; 0 without /proc."""
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
    """Return the peak resident memory of one process so far; 0 after its end or without /proc.

    `ru_maxrss` would include the memory of the parent at the fork.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    match = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(match[1]) * 1024 if match else 0
