"""The draft of a profile: all of it but the report, from what was found and what was known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import reduce
from operator import add
from typing import Any

from ...schemas.errors import DataError
from ...schemas.images import ImageSchema
from ...schemas.manifest import Ledger, SourceFile
from ..config.recipe import Recipe
from ..dataset.metadata import (
    STATISTICS,
    ledgers,
    unseen,
    versions,
    write_rejects,
    write_schema,
    write_statistics,
)
from ..runtime import filesystem as files
from ..runtime.ordered_fold import Key
from ..runtime.publish import Staging
from ..selection.read_counts import ReadCounts
from ..sources import StatisticsAccumulator, source_for
from .cache import Entry, StatisticsCache, read_profiles, write_profiles
from .profiled import PROFILE, Profiled, commit_profile
from .spans import Unit

__all__ = [
    "FACETS",
    "LEFT_OUT",
    "Found",
    "draft_profile",
    "drafted_sources",
    "publish_profile",
    "read_draft",
]

FACETS = "facets.pb"
LEFT_OUT = "left_out"


@dataclass
class Found:
    """What a pipeline finds of a unit.

    Attributes:
      sources: (place, `SourceFile`).
      accounts: Of its records, up to the shuffle.
      findings: (name, value).
      repeats: (split, how many rows equal another one).
      profiles: ((`STATISTICS`, split, ""), profile), and ((`LEFT_OUT`, split, ""), how many rows
        were left out as repeats).
    """

    sources: list[tuple[int, SourceFile]] = field(default_factory=list)
    accounts: list[ReadCounts] = field(default_factory=list)
    findings: list[tuple[str, Any]] = field(default_factory=list)
    repeats: list[tuple[str, int]] = field(default_factory=list)
    profiles: list[tuple[Key, Any]] = field(default_factory=list)


def draft_profile(
    staging: Staging,
    *,
    recipe: Recipe,
    splits: Sequence[str],
    units: Sequence[Unit],
    cache: StatisticsCache | None,
    found: Iterable[tuple[int, str, Any]],
) -> Staging:
    """Write all of a profile but its report; a runner may call it again, it writes the same.

    Args:
      staging: Where; the draft of profile.json goes to the scratch folder.
      recipe: What was run.
      splits: All splits, in the order people see.
      units: What was profiled, in the order it is merged in.
      cache: Where the units that are cached are, and the others go.
      found: (place of a unit that is not cached, field of its `Found`, element).

    Returns:
      `staging`.

    Raises:
      DataError: A ledger does not add up, or a file changed since the cache was asked for it.
    """
    fold = source_for(recipe).statistics
    of_unit = [Found() for _ in units]
    for place, name, element in found:
        getattr(of_unit[place], name).append(element)
    entries = []
    for place, unit in enumerate(units):
        if unit.cached:
            entries.append(_known(unit, cache))
            continue
        folder = files.join(staging.scratch, f"unit-{place}")
        entries.append(_entry(of_unit[place], splits, fold, folder))
        if cache:
            cache.check(unit.key, entries[-1])
            cache.save(unit.key, entries[-1])
    profiles = {
        split: fold.merge([one.profiles[split] for one in entries if split in one.profiles])
        for split in splits
    }
    ledger = _ledger(entries, splits)
    write_schema(recipe, staging.folder)
    write_statistics(profiles, fold, staging.folder)
    for name in ledger:
        parts = [part for one in entries for part in one.rejects.get(name, ())]
        write_rejects(name, parts, staging.folder)
    if cache:
        write_profiles(files.join(staging.scratch, "profiles"), profiles)
    profiled = _profiled(recipe, entries, profiles, ledger, units)
    files.write_bytes(files.join(staging.scratch, PROFILE), profiled.to_json().encode())
    return staging


def read_draft(staging: Staging, fold: Any, splits: Sequence[str]) -> Mapping[str, Any]:
    """The profiles of a draft that was made with a cache."""
    return read_profiles(files.join(staging.scratch, "profiles"), fold, splits)


def drafted_sources(staging: Staging) -> tuple[SourceFile, ...]:
    """Return the files that the profiles of a draft are of."""
    text = files.read_bytes(files.join(staging.scratch, PROFILE))
    return Profiled.from_json(text, path=PROFILE).inputs


def publish_profile(staging: Staging, recipe: Recipe, *, facets: bool) -> Profiled:
    """Write the report of a draft, and put the profile in its place.

    Facets' own proto (`facets_overview/proto/feature_statistics.proto`) has the fields and the
    numbers of tensorflow_metadata's `statistics.proto`, as far as both go; what only the latter
    has is skipped by whoever reads it as the former.
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
    """All splits in one file: Facets shows the datasets of a list side by side."""
    # Serialized messages of repeated fields join by concatenation.
    parts = (files.join(folder, "stats", f"{split}.pb") for split in splits)
    files.concatenate(files.join(folder, FACETS), parts)


def _known(unit: Unit, cache: StatisticsCache | None) -> Entry:
    """The entry of a cached unit; that of nothing, for a day that is missing."""
    if not unit.key:
        return Entry((), {}, {})
    entry = cache.load(unit.key) if cache else None
    if entry is None:
        raise DataError(
            f"{unit.spans[0].pattern} of {unit.spans[0].date}: its statistics have just gone from "
            "the cache. Run again."
        )
    return entry


def _entry(found: Found, splits: Sequence[str], fold: StatisticsAccumulator, folder: str) -> Entry:
    """What was found of a unit; its ledger is checked."""
    sources = tuple(source for _, source in sorted(found.sources, key=lambda one: one[0]))
    folded = {key[:2]: one for key, one in found.profiles}
    profiles = {split: folded.get((STATISTICS, split), fold.start()) for split in splits}
    ledger = ledgers(
        reduce(add, found.accounts, ReadCounts({})),
        {split: folded.get((LEFT_OUT, split), 0) for split in splits},
        {split: profile.rows for split, profile in profiles.items()},
        scanned=sum(source.records for source in sources),
    )
    rejects = {name: (files.join(folder, "rejects", name),) for name in ledger}
    return Entry(sources, ledger, dict(found.repeats), profiles, rejects)


def _ledger(entries: Sequence[Entry], splits: Sequence[str]) -> dict[str, Ledger]:
    whole = {split: Ledger() for split in splits}
    for entry in entries:
        for name, ledger in entry.ledger.items():
            whole[name] = whole.get(name, Ledger()) + ledger
    return whole


def _profiled(
    recipe: Recipe,
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
        unseen=unseen(source_for(recipe).statistics, profiles),
        images=images,
        spans=tuple(span for unit in units for span in unit.spans),
    )
