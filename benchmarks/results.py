"""Results of the runs of a contender."""

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
    """Runs of one contender.

    Attributes:
      runs: Time and memory of each run, at least one.
      vocabularies: SHA-256 of each vocabulary that it made, by file name.
      profile: Profile that it wrote, if any.
      timings: Its own measurement of each run, if it measures itself.
    """

    runs: Sequence[Run]
    vocabularies: Mapping[str, str]
    profile: Profile = field(default_factory=Profile)
    timings: Sequence[Timing] = ()

    @property
    def seconds(self) -> float:
        """Median of the wall-clock seconds."""
        return median(run.seconds for run in self.runs)

    @property
    def own_seconds(self) -> float:
        """Median of the seconds that it measured itself."""
        return median(timing.seconds for timing in self.timings)

    @property
    def cpu_seconds(self) -> float:
        """Median of the processor seconds."""
        return median(run.cpu_seconds for run in self.runs)

    @property
    def peak_bytes(self) -> int:
        """Largest memory of any run."""
        return max(run.peak_bytes for run in self.runs)


Results = Mapping[str, Result]
"""Result of each entry, by its label."""
