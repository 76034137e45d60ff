"""Progress of a run: workers append lines to files, and a reader sums them.

Files instead of Beam's counters, because they can be read from another thread, from another
process and after a crash, with any runner. No result depends on them.
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
    """Progress of a stage: rows and bytes processed, summed over the workers."""

    name: str
    rows: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Progress:
    """Writer of progress lines.

    Attributes:
      directory: Path of an existing local folder, or "" to write nothing (a cluster has its own
        monitoring).
    """

    directory: str

    def note(self, stage: str, rows: int, size: int = 0) -> None:
        """Add rows and bytes to the progress of a stage."""
        if self.directory:
            path = os.path.join(self.directory, f"{os.getpid()}.tsv")
            with open(path, "a", encoding="utf-8") as lines:
                lines.write(f"{stage}\t{rows}\t{size}\n")


@dataclass
class Note(beam.PTransform):  # type: ignore[misc]
    """Notes the progress of each element and passes the element on.

    Attributes:
      progress: Writer of the lines.
      stage: Name of the stage, as users see it.
      measure: Returns (rows, bytes) of an element.
    """

    progress: Progress
    stage: str
    measure: Callable[[Any], tuple[int, int]]

    def expand(self, elements: beam.PCollection[Any]) -> beam.PCollection[Any]:
        """Note each element."""
        return elements | beam.Map(_note, self.progress, self.stage, self.measure)


def _note(
    element: Any, progress: Progress, stage: str, measure: Callable[[Any], tuple[int, int]]
) -> Any:
    rows, size = measure(element)
    progress.note(stage, rows, size)
    return element


@dataclass(frozen=True)
class NoteFold:
    """A fold that notes the rows of each batch; its accumulator is None.

    Attributes:
      progress: Writer of the lines.
      stage: Name of the stage, as users see it.
    """

    progress: Progress
    stage: str

    def setup(self) -> None:
        """Do nothing: there is nothing to load."""

    def start(self) -> None:
        """Return None."""

    def add(self, accumulator: None, batch: pa.RecordBatch) -> None:
        """Note the rows of the batch."""
        self.progress.note(self.stage, batch.num_rows)

    def merge(self, accumulators: list[None]) -> None:
        """Return None."""


def read_progress(directory: str) -> list[Stage]:
    """Return the progress of each stage, in the order the stages began.

    A line that a worker is still writing is left for the next call. No stages where the folder
    does not exist yet, or no longer.
    """
    stages: dict[str, Stage] = {}
    for text in map(_complete_lines, _files(directory)):
        for line in text.splitlines():
            name, rows, size = line.split("\t")
            total = stages.get(name, Stage(name))
            stages[name] = Stage(name, total.rows + int(rows), total.bytes + int(size))
    return list(stages.values())


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
