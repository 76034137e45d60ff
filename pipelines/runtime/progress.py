"""How far a run is: workers append lines to files, whoever watches adds them up.

Files and not counters, because they look the same from another thread, from another process and
after a crash, and no runner has to be asked. Nothing of the result depends on them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import pyarrow as pa

__all__ = ["Note", "NoteFold", "Progress", "Stage", "read_progress"]


@dataclass(frozen=True)
class Stage:
    """What a stage has done: rows and bytes, summed over the workers."""

    name: str
    rows: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Progress:
    """Where the lines go.

    Attributes:
      directory: A local folder that exists, or "" to write nothing (a cluster has its own view).
    """

    directory: str

    def note(self, stage: str, rows: int, size: int = 0) -> None:
        """Add rows and bytes to what the stage has done."""
        if self.directory:
            path = os.path.join(self.directory, f"{os.getpid()}.tsv")
            with open(path, "a", encoding="utf-8") as lines:
                lines.write(f"{stage}\t{rows}\t{size}\n")


@dataclass
class Note(beam.PTransform):  # type: ignore[misc]
    """Notes each element and hands it on.

    Attributes:
      progress: Where to.
      stage: The name people see.
      measure: Element -> (rows, bytes).
    """

    progress: Progress
    stage: str
    measure: Callable[[Any], tuple[int, int]]

    def expand(self, elements: beam.PCollection[Any]) -> beam.PCollection[Any]:
        return elements | beam.Map(_note, self.progress, self.stage, self.measure)


def _note(
    element: Any, progress: Progress, stage: str, measure: Callable[[Any], tuple[int, int]]
) -> Any:
    rows, size = measure(element)
    progress.note(stage, rows, size)
    return element


@dataclass(frozen=True)
class NoteFold:
    """A fold that notes the rows of each batch and keeps nothing.

    Attributes:
      progress: Where to.
      stage: The name people see.
    """

    progress: Progress
    stage: str

    def setup(self) -> None:
        """Nothing to load."""

    def start(self) -> None:
        """The accumulator is None."""

    def add(self, accumulator: None, batch: pa.RecordBatch) -> None:
        """Note the rows."""
        self.progress.note(self.stage, batch.num_rows)

    def merge(self, accumulators: list[None]) -> None:
        """None of Nones."""


def read_progress(directory: str) -> list[Stage]:
    """What each stage has done so far, in the order the stages began.

    A line that a worker is still writing is left for the next call. The folder may not exist yet
    or no longer: then there is no stage.
    """
    done: dict[str, Stage] = {}
    for text in map(_complete_lines, _files(directory)):
        for line in text.splitlines():
            name, rows, size = line.split("\t")
            before = done.get(name, Stage(name))
            done[name] = Stage(name, before.rows + int(rows), before.bytes + int(size))
    return list(done.values())


def _files(directory: str) -> list[str]:
    try:
        return sorted(entry.path for entry in os.scandir(directory))
    except FileNotFoundError:
        return []


def _complete_lines(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as lines:
            text = lines.read()
    except FileNotFoundError:
        return ""
    return text[: text.rfind("\n") + 1]
