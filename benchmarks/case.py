"""Description of a comparison: contenders and their rows, the measured time, and targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .contenders import Contender
from .results import Result, Results

__all__ = ["STOCK", "WHOLE", "Case", "Clock", "Entry", "Inputs", "Target"]

STOCK = "stock TFT"
"""Label of the entry with which others are compared, except for images."""


@dataclass(frozen=True)
class Inputs:
    """Input files.

    Attributes:
      adult: File of each split of the Adult data.
      real: Whether they are the published files, rather than synthetic ones with as many rows.
      images: Folder of the hotdog training images, with a folder for each class.
      real_images: Whether they are photos, rather than drawn pictures.
      scratch: Folder for further files.
    """

    adult: Mapping[str, Path]
    real: bool
    images: Path
    real_images: bool
    scratch: Path

    @property
    def adult_name(self) -> str:
        """Name of the Adult data in a title."""
        return "Adult" if self.real else "Synthetic rows in place of Adult, which is not there"


@dataclass(frozen=True)
class Entry:
    """Line of a table: a contender and its input.

    Attributes:
      label: Name in the table; unique in its case.
      contender: Function that returns the command.
      problem: "adult", "wide", "hotdog" or "mixed"; "" for a contender that warms up by itself.
      inputs: File of each split; for images and prepared datasets, the folder.
      rows: Number of rows of each split.
      writes: Whether it must write one record for each row.
      profiles: Whether it must write a profile of these rows.
      times: Whether it measures itself, and must report the seconds for these rows.
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
    """Target for a measured value.

    Attributes:
      description: Description of the value, with its unit.
      limit: Largest good value, or smallest.
      measure: Function that returns the value.
      at_least: Whether `limit` is the smallest good value.
    """

    description: str
    limit: float
    measure: Callable[[Results], float]
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Return whether a measured value reaches the target."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Clock:
    """Time that a case compares.

    Attributes:
      heading: Heading of the times.
      unit: Their unit, in seconds.
      is_own: Whether contenders measure themselves, rather than the time of the whole process.
    """

    heading: str
    unit: float = 1.0
    is_own: bool = True

    def seconds(self, result: Result) -> float:
        """Return the median of that time."""
        return result.own_seconds if self.is_own else result.seconds


WHOLE = Clock("seconds", is_own=False)
"""Time from before the process starts until after its end."""


@dataclass(frozen=True)
class Case:
    """Comparison of contenders.

    Attributes:
      title: Title.
      note: Explanation for readers; may be empty.
      entries: Entries that run alternately, in this order.
      targets: Targets of recordmill.
      unit: Plural name of a row.
      baseline: Label of the entry with which others are compared, if it exists; entries with other
        inputs are compared with the entry of the same contender and inputs.
      clock: Time that is compared.
    """

    title: str
    note: str
    entries: tuple[Entry, ...]
    targets: tuple[Target, ...]
    unit: str = "rows"
    baseline: str = STOCK
    clock: Clock = WHOLE
