"""Profiles of contenders: their rows, and a few numbers of each column."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from . import browser

__all__ = ["Column", "Profile", "differing", "read_profile"]

_RELATIVE = 1e-5
"""Tolerance of means: recordmill infers float32 for numbers that fit."""


@dataclass(frozen=True)
class Column:
    """Numbers of a column that are compared.

    Attributes:
      missing: Number of rows without a value.
      mean: Mean of numbers; None for other types.
    """

    missing: int
    mean: float | None = None


@dataclass(frozen=True)
class Profile:
    """Profile that a contender wrote.

    Attributes:
      rows: Number of rows.
      columns: Columns by name.
      page_bytes: Size of report.html; 0 without a report.
      page_seconds: Time that Chromium takes to draw it; None without a report, or Chromium.
    """

    rows: int = 0
    columns: Mapping[str, Column] = field(default_factory=dict)
    page_bytes: int = 0
    page_seconds: float | None = None


def read_profile(folder: Path) -> Profile:
    """Read the profile in a folder: recordmill's stats, or else the columns.json of a peer."""
    stats = sorted((folder / "stats").glob("*.pb"))
    profiles = [_of_statistics(path) for path in stats] or [_of_peer(folder / "columns.json")]
    page = folder / "report.html"
    return Profile(
        rows=sum(rows for rows, _ in profiles),
        columns=profiles[0][1],
        page_bytes=page.stat().st_size if page.exists() else 0,
        page_seconds=browser.seconds_to_open(page) if stats and page.exists() else None,
    )


def _of_peer(path: Path) -> tuple[int, dict[str, Column]]:
    profile = json.loads(path.read_text())
    columns = {name: Column(**column) for name, column in profile["columns"].items()}
    return profile["rows"], columns


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
    """Count the columns that only one profile has, or that have different numbers.

    Means are compared if both have one: a column of numbers in one can be a column of classes or
    identifiers in the other.
    """
    names = {*mine.columns, *theirs.columns}
    return sum(not _alike(mine.columns.get(name), theirs.columns.get(name)) for name in names)


def _alike(mine: Column | None, theirs: Column | None) -> bool:
    if mine is None or theirs is None or mine.missing != theirs.missing:
        return False
    if mine.mean is None or theirs.mean is None:
        return True
    return math.isclose(mine.mean, theirs.mean, rel_tol=_RELATIVE)
