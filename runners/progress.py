"""Progress line on a terminal or in a log, read from `pipelines.runtime.progress`."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..pipelines.runtime.progress import Stage, read_progress

__all__ = ["describe", "show_progress"]

_TERMINAL_SECONDS = 0.25
_LOG_SECONDS = 5.0
_FIRST_RATE_SECONDS = 0.1


@contextmanager
def show_progress(directory: str) -> Iterator[None]:
    """Show the progress of a run on standard error while the body runs.

    On a terminal it is one line that is updated; elsewhere a plain line every few seconds and at
    each new stage.

    Args:
      directory: Folder into which the workers write their progress.
    """
    done = threading.Event()
    target = _on_terminal if sys.stderr.isatty() else _in_log
    watcher = threading.Thread(target=target, args=(directory, done), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _on_terminal(directory: str, done: threading.Event) -> None:
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        for stages, seconds, _ in _watch(directory, done):
            status.update(describe(stages, seconds))


def _in_log(directory: str, done: threading.Event) -> None:
    last_time = -_LOG_SECONDS
    for stages, seconds, is_new in _watch(directory, done):
        if is_new or time.monotonic() - last_time > _LOG_SECONDS:
            last_time = time.monotonic()
            print(f"recordmill: {describe(stages, seconds)}", file=sys.stderr, flush=True)


def _watch(directory: str, done: threading.Event) -> Iterator[tuple[list[Stage], float, bool]]:
    """Poll the progress until `done`: yield stages, seconds in the last one, whether it is new.

    Yields also each stage that began and ended between two polls.
    """
    seen: set[str] = set()
    start_time = time.monotonic()
    while not done.wait(_TERMINAL_SECONDS):
        stages = read_progress(directory)
        for count, stage in enumerate(stages, 1):
            if stage.name not in seen:
                seen.add(stage.name)
                start_time = time.monotonic()
                yield stages[:count], 0.0, True
        if stages:
            yield stages, time.monotonic() - start_time, False


def describe(stages: list[Stage], seconds: float) -> str:
    """Return one line: the stage that began last, its rows, bytes and rate, and its time left.

    Args:
      stages: Result of `read_progress`, at least one stage. The stage "scan" counts all records,
        which is the total of the others.
      seconds: Time since the last stage was first seen.

    >>> describe([Stage("scan", 4000, 500_000), Stage("read", 1000, 125_000)], 2.0)
    'read: 1,000 of 4,000 rows (25%), 0.1 MB, 500 rows/s, 0:06 left'
    >>> describe([Stage("scan", 4000, 500_000)], 0.0)
    'scan: 4,000 rows, 0.5 MB'

    Images cut into tiles become more rows than were read, so there is no percentage:

    >>> describe([Stage("scan", 16, 0), Stage("write", 316, 0)], 0.0)
    'write: 316 rows'
    """
    current = stages[-1]
    total = 0 if current.name == "scan" else _rows_of("scan", stages)
    parts = [f"{current.name}: {current.rows:,} rows"]
    if 0 < total >= current.rows:
        share = current.rows / total
        parts = [f"{current.name}: {current.rows:,} of {total:,} rows ({share:.0%})"]
    if current.bytes:
        parts.append(f"{current.bytes / 1e6:,.1f} MB")
    if seconds > _FIRST_RATE_SECONDS and current.rows:
        rate = current.rows / seconds
        parts.append(f"{rate:,.0f} rows/s")
        if total > current.rows:
            left = int((total - current.rows) / rate)
            parts.append(f"{left // 60}:{left % 60:02} left")
    return ", ".join(parts)


def _rows_of(name: str, stages: list[Stage]) -> int:
    return next((stage.rows for stage in stages if stage.name == name), 0)
