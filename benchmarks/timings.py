"""Measurements of contenders that time themselves."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

__all__ = ["Timing", "differing", "read_timing", "time_calls", "time_epoch", "write_timing"]

_FILE = "timing.json"
_CALLS = 300
_WARM_CALLS = 20
_TOLERANCE = 1e-5
"""Tolerance of features: the graph computes with float32, numpy with float64."""


@dataclass(frozen=True)
class Timing:
    """Measurement by a contender itself.

    Attributes:
      rows: Number of rows that it processed in the time.
      seconds: The time.
      features: Values of each feature, by name, if it computes features.
    """

    rows: int = 0
    seconds: float = 0.0
    features: Mapping[str, Sequence[float]] = field(default_factory=dict)


def time_epoch(batches: Iterable[Any], rows_of: Callable[[Any], int]) -> Timing:
    """Time the second epoch, from its start to its end; the first warms up.

    Args:
      batches: Batches, which are iterated twice.
      rows_of: Function that returns the number of rows of a batch.
    """
    for _ in batches:
        pass
    start_time = perf_counter()
    rows = sum(rows_of(batch) for batch in batches)
    return Timing(rows, perf_counter() - start_time)


def time_calls(call: Callable[[], Mapping[str, Any]], *, calls: int = _CALLS) -> Timing:
    """Time a call that computes features: the median of many, after a few that warm up.

    Args:
      call: Function that returns numpy arrays [rows] by name.
      calls: Number of timed calls.
    """
    for _ in range(_WARM_CALLS):
        features = call()
    seconds = []
    for _ in range(calls):
        start_time = perf_counter()
        features = call()
        seconds.append(perf_counter() - start_time)
    values = {name: array.tolist() for name, array in features.items()}
    return Timing(len(next(iter(values.values()))), median(seconds), values)


def write_timing(timing: Timing, folder: str) -> None:
    """Write a timing to a folder, which may exist."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    (Path(folder) / _FILE).write_text(json.dumps(asdict(timing)))


def read_timing(folder: Path) -> Timing:
    """Read the timing that `write_timing` wrote."""
    return Timing(**json.loads((folder / _FILE).read_text()))


def differing(mine: Timing, theirs: Timing) -> int:
    """Count the features that only one timing has, or that have different values (to 1e-5).

    >>> differing(Timing(features={"age": [0.5, 1]}), Timing(features={"age": [0.500001, 1]}))
    0
    >>> differing(Timing(features={"age": [0.5]}), Timing(features={"age": [0.5], "sex": [1]}))
    1
    """
    names = {*mine.features, *theirs.features}
    return sum(
        not _alike(mine.features.get(name, ()), theirs.features.get(name, ())) for name in names
    )


def _alike(mine: Sequence[float], theirs: Sequence[float]) -> bool:
    return len(mine) == len(theirs) and all(
        math.isclose(a, b, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
        for a, b in zip(mine, theirs, strict=True)
    )
