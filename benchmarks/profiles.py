"""What a contender that profiles found: its rows, and a few numbers of each column."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from . import browser

__all__ = ["Column", "Profile", "differing", "read_profile"]

_RELATIVE = 1e-5
"""Numbers are float32 where recordmill inferred that they fit."""


@dataclass(frozen=True)
class Column:
    """What is compared of a column.

    Attributes:
      missing: The rows without a value.
      mean: Of numbers; None of anything else.
    """

    missing: int
    mean: float | None = None


@dataclass(frozen=True)
class Profile:
    """What a contender wrote.

    Attributes:
      rows: How many rows it profiled.
      columns: By name.
      page_bytes: The size of report.html; 0 without one.
      page_seconds: How long Chromium takes to draw it; None without one, or without Chromium.
    """

    rows: int = 0
    columns: Mapping[str, Column] = field(default_factory=dict)
    page_bytes: int = 0
    page_seconds: float | None = None


def read_profile(folder: Path) -> Profile:
    """What is in a folder: recordmill's stats, or else the columns.json that the peers write."""
    stats = sorted((folder / "stats").glob("*.pb"))
    found = [_of_statistics(path) for path in stats] or [_of_peer(folder / "columns.json")]
    page = folder / "report.html"
    return Profile(
        rows=sum(rows for rows, _ in found),
        columns=found[0][1],
        page_bytes=page.stat().st_size if page.exists() else 0,
        page_seconds=browser.seconds_to_open(page) if stats and page.exists() else None,
    )


def _of_peer(path: Path) -> tuple[int, dict[str, Column]]:
    told = json.loads(path.read_text())
    return told["rows"], {name: Column(**column) for name, column in told["columns"].items()}


def _of_statistics(path: Path) -> tuple[int, dict[str, Column]]:
    from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

    (dataset,) = DatasetFeatureStatisticsList.FromString(path.read_bytes()).datasets
    columns = {}
    for feature in dataset.features:
        kind = feature.WhichOneof("stats")
        common = getattr(feature, kind).common_stats
        mean = feature.num_stats.mean if kind == "num_stats" else None
        columns[feature.path.step[0]] = Column(common.num_missing, mean)
    return dataset.num_examples, columns


def differing(mine: Profile, theirs: Profile) -> int:
    """How many columns one profile has and the other has not, or has with other numbers.

    Means are compared where both have one: what one takes for numbers can be classes or
    identifiers to the other.
    """
    names = {*mine.columns, *theirs.columns}
    return sum(not _alike(mine.columns.get(name), theirs.columns.get(name)) for name in names)


def _alike(one: Column | None, other: Column | None) -> bool:
    if one is None or other is None or one.missing != other.missing:
        return False
    if one.mean is None or other.mean is None:
        return True
    return math.isclose(one.mean, other.mean, rel_tol=_RELATIVE)
