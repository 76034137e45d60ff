"""What a comparison is: who runs on which rows, what is timed, and how good it has to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .contenders import Contender
from .results import Result, Results

__all__ = ["STOCK", "WHOLE", "Case", "Clock", "Entry", "Inputs", "Target"]

STOCK = "stock TFT"
"""The label of the entry that others are compared with, but for images."""


@dataclass(frozen=True)
class Inputs:
    """The files there are to read.

    Attributes:
      adult: The file of each split of the Adult data.
      real: Whether they are the published files; else synthetic ones of as many rows.
      images: The folder of the hotdog training images, a folder a class.
      real_images: Whether they are photos; else drawn ones.
      scratch: A folder for more.
    """

    adult: Mapping[str, Path]
    real: bool
    images: Path
    real_images: bool
    scratch: Path

    @property
    def adult_name(self) -> str:
        """What to call the Adult data in a title."""
        return "Adult" if self.real else "Synthetic rows in place of Adult, which is not there"


@dataclass(frozen=True)
class Entry:
    """One line of a table: a contender and what it reads.

    Attributes:
      label: The name in the table; unique in its case.
      contender: Gives the command.
      problem: "adult", "wide", "hotdog" or "mixed"; "" of what warms up by itself.
      inputs: The file of each split; of images and prepared datasets, the folder.
      rows: How many rows each split has.
      writes: Whether it must write a record a row.
      profiles: Whether it must tell of as many rows.
      times: Whether it times itself, and must tell the seconds that as many rows took.
    """

    label: str
    contender: Contender
    problem: str
    inputs: Mapping[str, Path]
    rows: Mapping[str, int]
    writes: bool = True
    profiles: bool = False
    times: bool = False


@dataclass(frozen=True)
class Target:
    """What recordmill has to reach.

    Attributes:
      what: What is measured, with its unit.
      limit: The largest good value, or the smallest.
      measure: Gives the value.
      at_least: Whether `limit` is the smallest good value.
    """

    what: str
    limit: float
    measure: Callable[[Results], float]
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether a measured value is good enough."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Clock:
    """Which time of its contenders a case compares.

    Attributes:
      heading: The heading of the times.
      unit: What they are told in, in seconds.
      own: Whether contenders time themselves; else it is the time of the whole process.
    """

    heading: str
    unit: float = 1.0
    own: bool = True

    def seconds(self, result: Result) -> float:
        """The median of that time."""
        return result.own_seconds if self.own else result.seconds


WHOLE = Clock("seconds", own=False)
"""From before the process starts until after it has ended."""


@dataclass(frozen=True)
class Case:
    """One comparison.

    Attributes:
      title: What it is.
      note: What a reader should know; may be empty.
      entries: What runs; alternating, in this order.
      targets: What recordmill has to reach.
      unit: What a row is.
      baseline: The label of the entry that others are compared with, if it is there; entries of
        other inputs are compared with the one of the same contender.
      clock: Which time is compared.
    """

    title: str
    note: str
    entries: tuple[Entry, ...]
    targets: tuple[Target, ...]
    unit: str = "rows"
    baseline: str = STOCK
    clock: Clock = WHOLE
