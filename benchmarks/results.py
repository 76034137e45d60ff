"""What the runs of one contender came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from .measure import Run
from .profiles import Profile
from .timings import Timing

__all__ = ["Result", "Results"]


@dataclass(frozen=True)
class Result:
    """The runs of one contender.

    Attributes:
      runs: At least one.
      vocabularies: The sha256 of each vocabulary that it made, by file name.
      profile: What it found, if it profiles.
      timings: What it told of each run, if it times itself.
    """

    runs: Sequence[Run]
    vocabularies: Mapping[str, str]
    profile: Profile = field(default_factory=Profile)
    timings: Sequence[Timing] = ()

    @property
    def seconds(self) -> float:
        """The median of the wall-clock seconds."""
        return median(run.seconds for run in self.runs)

    @property
    def own_seconds(self) -> float:
        """The median of the seconds that it told."""
        return median(timing.seconds for timing in self.timings)

    @property
    def cpu_seconds(self) -> float:
        """The median of the processor seconds."""
        return median(run.cpu_seconds for run in self.runs)

    @property
    def peak_bytes(self) -> int:
        """The most memory of any run."""
        return max(run.peak_bytes for run in self.runs)


Results = Mapping[str, Result]
"""The result of each entry by its label."""
