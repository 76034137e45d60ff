"""What a run found out, written beside its shards, and the manifest that says it all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from importlib import metadata
from typing import Any

import pyarrow as pa

from ..schemas.errors import DataError
from ..schemas.images import ImageSchema
from ..schemas.manifest import (
    MANIFEST,
    Expansion,
    Ledger,
    Manifest,
    Shard,
    SourceFile,
    Split,
    tree_sha256,
)
from . import files
from .publish import Staging, commit
from .recipe import Recipe
from .roads import Road, road_of
from .rows import Account
from .split import UNSPLIT

__all__ = ["STATISTICS", "draft_manifest", "publish_draft"]

STATISTICS = "statistics"
"""The name of the fold whose accumulators are the profiles of the splits."""

_LIBRARIES = (
    "recordmill",
    "apache-beam",
    "numpy",
    "pyarrow",
    "tensorflow",
    "tensorflow-metadata",
    "tensorflow-transform",
    "tfx-bsl",
)


def draft_manifest(
    staging: Staging,
    *,
    recipe: Recipe,
    splits: Sequence[str],
    sources: Iterable[tuple[int, SourceFile]],
    account: Account,
    samples: Mapping[str, pa.RecordBatch],
    findings: Iterable[tuple[str, Any]],
    repeats: Mapping[str, int],
    folds: Iterable[tuple[str, str, Any]],
    expansions: Iterable[tuple[str, Expansion]],
    shards: Iterable[tuple[str, int, Shard]],
) -> Staging:
    """Writes all of a dataset but its shards and its graph, and a draft of its manifest.

    It checks what can only be checked at the end: that the ledgers add up to what was scanned, and
    that the graph serves what was stored. A runner may call it again; it writes the same.

    Args:
      staging: Where; the draft goes to the scratch folder, for `publish_draft`.
      recipe: What was run.
      splits: All splits, in the order people see.
      sources: (place, input), all of them.
      account: Of all records, up to the shuffle.
      samples: By split, what its first rows were.
      findings: What else was found while reading.
      repeats: By split, the rows left out as repeats.
      folds: (fold, split, accumulator).
      expansions: (split, how many records some rows became); none where each became one.
      shards: (split, index, shard).

    Returns:
      `staging`.

    Raises:
      DataError: A ledger does not add up, or parity does not hold.
    """
    road = road_of(recipe)
    inputs = tuple(source for _, source in sorted(sources, key=lambda place: place[0]))
    written = _by_split(shards, splits)
    expansion = _expansion(expansions, written)
    ledger = dict(_ledger(account, repeats, expansion, sum(file.records for file in inputs)))
    profiles = _profiles(folds, road, splits)
    _write_schema(recipe, staging.folder)
    _write_statistics(profiles, road, staging.folder)
    for name in ledger:
        _write_rejects(name, staging)
    manifest = Manifest(
        name=recipe.name,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        versions={library: metadata.version(library) for library in _LIBRARIES},
        recipe=recipe.resolved(),
        seed=recipe.seed,
        inputs=inputs,
        splits=written,
        ledger=ledger,
        compression=recipe.compression,
        label=recipe.schema.label.name if recipe.schema.label else None,
        transform_fn={"sha256": tree_sha256(_tree(files.join(staging.folder, "transform_fn")))},
        unseen=_unseen(road, profiles),
        expansion=expansion if isinstance(recipe.schema, ImageSchema) else {},
        **road.finish(staging.folder, samples, written, findings),
    )
    _write(files.join(staging.scratch, MANIFEST), manifest.to_json().encode())
    return staging


def _expansion(
    expansions: Iterable[tuple[str, Expansion]], splits: Mapping[str, Split]
) -> dict[str, Expansion]:
    """How the rows of each split became records; checked."""
    told: dict[str, Expansion] = {}
    for name, expansion in expansions:
        told[name] = told.get(name, Expansion()) + expansion
    for name, split in splits.items():
        one = told.setdefault(name, Expansion(split.records, split.records))
        if one.records != split.records:
            raise DataError(
                f"{name}: {one.records:,} records were made, but {split.records:,} were written. "
                "This is a bug in recordmill; nothing was published."
            )
    return {name: told[name] for name in splits}


def _profiles(
    folds: Iterable[tuple[str, str, Any]], road: Road, splits: Sequence[str]
) -> dict[str, Any]:
    found = {split: profile for name, split, profile in folds if name == STATISTICS}
    return {split: found.get(split, road.statistics.start()) for split in splits}


def _unseen(road: Road, profiles: Mapping[str, Any]) -> dict[str, dict[str, int | None]]:
    return {
        split: road.statistics.unseen(profile, profiles["train"])
        for split, profile in profiles.items()
        if split != "train"
    }


def publish_draft(staging: Staging) -> Manifest:
    """Publishes the dataset that `draft_manifest` finished, unless it is published already.

    A remote dataset is published by the job itself, which nobody may be waiting for, and then
    asked for by whoever did wait.

    Returns:
      The manifest.
    """
    draft = files.join(staging.scratch, MANIFEST)
    if not files.exists(draft):
        return _read_manifest(files.join(staging.output, MANIFEST))
    manifest = _read_manifest(draft)
    commit(staging, manifest)
    return manifest


def _read_manifest(path: str) -> Manifest:
    return Manifest.from_json(_read(path).decode(), path=path)


def _by_split(shards: Iterable[tuple[str, int, Shard]], splits: Sequence[str]) -> dict[str, Split]:
    held: dict[str, list[Shard]] = {split: [] for split in splits}
    for split, _, shard in sorted(shards, key=lambda place: place[:2]):
        held[split].append(shard)
    return {
        name: Split(sum(shard.records for shard in of_split), tuple(of_split))
        for name, of_split in held.items()
    }


def _ledger(
    account: Account,
    repeats: Mapping[str, int],
    expansion: Mapping[str, Expansion],
    scanned: int,
) -> Iterator[tuple[str, Ledger]]:
    """The whole ledger of each split, checked."""
    if account.records != scanned:
        raise DataError(
            f"{scanned:,} records were scanned, but {account.records:,} were read. This is a bug "
            "in recordmill; nothing was published."
        )
    for name in dict.fromkeys([*expansion, *account.ledger]):
        written = expansion[name].written if name in expansion else 0
        later = Ledger(written=written, duplicates=repeats.get(name, 0))
        ledger = account.ledger.get(name, Ledger()) + later
        ledger.check(name)
        if name != UNSPLIT or ledger.read:
            yield name, ledger


def _write_schema(recipe: Recipe, folder: str) -> None:
    _write(files.join(folder, "schema", "schema.pbtxt"), recipe.schema.to_pbtxt().encode())


def _write_statistics(profiles: Mapping[str, Any], road: Road, folder: str) -> None:
    for split, profile in profiles.items():
        proto = road.statistics.to_proto({split: profile})
        path = files.join(folder, "stats", f"{split}.pb")
        _write(path, proto.SerializeToString(deterministic=True))


def _write_rejects(name: str, staging: Staging) -> None:
    """One file a split, in the order of the input, also where there are none."""
    parts = files.join(staging.scratch, "rejects", name)
    with files.create(files.join(staging.folder, "rejects", f"{name}.jsonl")) as whole:
        for part in files.list_files(parts):
            whole.write(_read(files.join(parts, part)))


def _tree(folder: str) -> Iterator[tuple[str, bytes]]:
    for name in files.list_files(folder):
        yield name, _read(files.join(folder, name))


def _read(path: str) -> bytes:
    with files.read(path) as file:
        return bytes(file.read())


def _write(path: str, content: bytes) -> None:
    with files.create(path) as file:
        file.write(content)
