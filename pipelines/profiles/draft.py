"""Draft of a profile: all files but the report, from the units that were read and the cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ...schemas.errors import DataError
from ...schemas.images import ImageSchema
from ...schemas.manifest import Ledger, SourceFile
from ..config.recipe import Recipe
from ..dataset.metadata import (
    ledgers,
    unseen,
    versions,
    write_rejects,
    write_schema,
    write_statistics,
)
from ..runtime import filesystem as files
from ..runtime.elements import StatisticsFold
from ..runtime.publish import Staging
from ..selection.read_counts import ReadCounts
from .cache import Entry, StatisticsCache, read_profiles, write_profiles
from .profiled import PROFILE, Profiled, commit_profile
from .spans import Unit

__all__ = [
    "FACETS",
    "LEFT_OUT",
    "UnitFindings",
    "draft_profile",
    "drafted_sources",
    "publish_profile",
    "read_draft",
]

FACETS = "facets.pb"
LEFT_OUT = "left_out"


@dataclass(frozen=True)
class UnitFindings:
    """Facts about the files of a unit, as its pipeline found them.

    Attributes:
      index: Index of the unit.
      sources: Files read, in the order of the inputs.
      read_counts: Counts of all records up to the shuffle.
      repeats: For each split, the number of rows equal to another one.
      left_out: For each split, the number of rows left out as repeats.
      profiles: For each split that has rows, its profile.
    """

    index: int
    sources: tuple[SourceFile, ...]
    read_counts: ReadCounts
    repeats: Mapping[str, int]
    left_out: Mapping[str, int]
    profiles: Mapping[str, Any]


def draft_profile(
    staging: Staging,
    *,
    recipe: Recipe,
    fold: StatisticsFold,
    splits: Sequence[str],
    units: Sequence[Unit],
    cache: StatisticsCache | None,
    findings: Iterable[UnitFindings],
) -> Staging:
    """Write all of a profile but its report; where a runner retries it, it writes the same again.

    Args:
      staging: Folders of the profile; the draft of profile.json goes to the scratch folder.
      recipe: Settings of the profile.
      fold: Fold that profiles every column.
      splits: All splits, in the order people see.
      units: Units that were profiled, in the order in which they are merged.
      cache: Cache of units; None for none.
      findings: Findings of each unit that was not in the cache.

    Returns:
      `staging`.

    Raises:
      DataError: A ledger does not add up, or a file changed since it was looked up in the cache.
    """
    by_index = {unit.index: unit for unit in findings}
    entries = [
        _cached_entry(unit, cache)
        if unit.cached
        else _new_entry(unit, by_index[index], splits, fold, staging, cache)
        for index, unit in enumerate(units)
    ]
    profiles = {
        split: fold.merge([entry.profiles[split] for entry in entries if split in entry.profiles])
        for split in splits
    }
    ledger = _ledger(entries, splits)
    write_schema(recipe.schema, staging.folder)
    write_statistics(profiles, fold, staging.folder)
    for name in ledger:
        folders = [folder for entry in entries for folder in entry.rejects.get(name, ())]
        write_rejects(name, folders, staging.folder)
    if cache:
        write_profiles(files.join(staging.scratch, "profiles"), profiles)
    profiled = _profiled(recipe, fold, entries, profiles, ledger, units)
    files.write_bytes(files.join(staging.scratch, PROFILE), profiled.to_json().encode())
    return staging


def read_draft(staging: Staging, fold: Any, splits: Sequence[str]) -> Mapping[str, Any]:
    """Read the profiles of a draft that was written with a cache."""
    return read_profiles(files.join(staging.scratch, "profiles"), fold, splits)


def drafted_sources(staging: Staging) -> tuple[SourceFile, ...]:
    """Read the list of files that were profiled for a draft."""
    text = files.read_bytes(files.join(staging.scratch, PROFILE))
    return Profiled.from_json(text, path=PROFILE).inputs


def publish_profile(staging: Staging, recipe: Recipe, *, facets: bool) -> Profiled:
    """Write the report of a draft, and publish the profile.

    `facets.pb` is a message of tensorflow_metadata's `statistics.proto`. Facets' own proto
    (`facets_overview/proto/feature_statistics.proto`) has the same fields under the same numbers;
    it skips those that only the former has.
    """
    from ..report.page import write_report

    text = files.read_bytes(files.join(staging.scratch, PROFILE))
    profiled = Profiled.from_json(text, path=PROFILE)
    files.write_bytes(files.join(staging.folder, PROFILE), text)
    write_report(staging.folder)
    if facets:
        _write_facets(staging.folder, tuple(profiled.rows))
    return commit_profile(staging, profiled)


def _write_facets(folder: str, splits: Sequence[str]) -> None:
    """Write the statistics of all splits to one file: Facets shows them side by side."""
    # Serialized messages of repeated fields join by concatenation.
    paths = (files.join(folder, "stats", f"{split}.pb") for split in splits)
    files.concatenate(files.join(folder, FACETS), paths)


def _cached_entry(unit: Unit, cache: StatisticsCache | None) -> Entry:
    """Return the entry of a cached unit; an empty one for a day that is missing."""
    if not unit.key:
        return Entry((), {}, {})
    entry = cache.load(unit.key) if cache else None
    if entry is None:
        raise DataError(
            f"{unit.spans[0].pattern} of {unit.spans[0].date}: its statistics have just gone from "
            "the cache. Run again."
        )
    return entry


def _new_entry(
    unit: Unit,
    findings: UnitFindings,
    splits: Sequence[str],
    fold: StatisticsFold,
    staging: Staging,
    cache: StatisticsCache | None,
) -> Entry:
    """Return the entry of a unit that was read, and save it in the cache."""
    folder = files.join(staging.scratch, f"unit-{findings.index}")
    entry = _entry(findings, splits, fold, folder)
    if cache:
        cache.check(unit.key, entry)
        cache.save(unit.key, entry)
    return entry


def _entry(
    findings: UnitFindings, splits: Sequence[str], fold: StatisticsFold, folder: str
) -> Entry:
    """Return the entry of a unit's findings, after a check of its ledger."""
    profiles = {split: findings.profiles.get(split, fold.start()) for split in splits}
    ledger = ledgers(
        findings.read_counts,
        {split: findings.left_out.get(split, 0) for split in splits},
        {split: profile.rows for split, profile in profiles.items()},
        scanned=sum(source.records for source in findings.sources),
    )
    rejects = {name: (files.join(folder, "rejects", name),) for name in ledger}
    return Entry(findings.sources, ledger, dict(findings.repeats), profiles, rejects)


def _ledger(entries: Sequence[Entry], splits: Sequence[str]) -> dict[str, Ledger]:
    sums = {split: Ledger() for split in splits}
    for entry in entries:
        for name, ledger in entry.ledger.items():
            sums[name] = sums.get(name, Ledger()) + ledger
    return sums


def _profiled(
    recipe: Recipe,
    fold: StatisticsFold,
    entries: Sequence[Entry],
    profiles: Mapping[str, Any],
    ledger: Mapping[str, Ledger],
    units: Sequence[Unit],
) -> Profiled:
    libraries = versions()
    repeats: Counter[str] = Counter()
    for entry in entries:
        repeats.update(entry.repeats)
    schema = recipe.schema
    images: dict[str, Any] = {}
    if isinstance(schema, ImageSchema):
        images = {"kind": schema.kind, "classes": list(schema.classes)}
    return Profiled(
        name=recipe.name,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        recordmill=libraries.pop("recordmill"),
        versions=libraries,
        recipe=recipe.resolved(),
        seed=recipe.seed,
        inputs=tuple(source for entry in entries for source in entry.sources),
        rows={split: profile.rows for split, profile in profiles.items()},
        ledger=ledger,
        repeats={split: repeats[split] for split in profiles},
        label=schema.label.name if schema.label else None,
        unseen=unseen(fold, profiles),
        images=images,
        spans=tuple(span for unit in units for span in unit.spans),
    )
