"""What a run found out, written beside its shards, and the manifest that says it all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from importlib import metadata
from typing import Any

import pyarrow as pa
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatistics

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
from ..schemas.statistics_features import FeaturesFold
from . import files
from .pipeline_only import pipeline_only
from .publish import Staging, commit
from .recipe import Recipe
from .report import write_report
from .roads import Statistics, road_of
from .rows import Account
from .split import UNSPLIT
from .statistics_cache import read_profiles
from .validation import check_expectations

__all__ = [
    "STATISTICS",
    "draft_manifest",
    "ledgers",
    "publish_draft",
    "unseen",
    "versions",
    "write_rejects",
    "write_schema",
    "write_statistics",
]

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
    transformed: Iterable[tuple[str, Any]] = (),
    profiles: str = "",
    told: Mapping[str, Any] | None = None,
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
      transformed: (split, `FeaturesProfile`), where features are profiled.
      profiles: A folder with the profiles of the splits, as `write_cached_profiles` writes them;
        "" where they are among the folds.
      told: Further fields of the manifest.

    Returns:
      `staging`.

    Raises:
      DataError: A ledger does not add up, parity does not hold, or the statistics are not as
        expected.
    """
    road = road_of(recipe)
    inputs = tuple(source for _, source in sorted(sources, key=lambda place: place[0]))
    written = _by_split(shards, splits)
    expansion = _expansion(expansions, written)
    rows = {name: expansion[name].written for name in splits}
    ledger = ledgers(account, repeats, rows, scanned=sum(file.records for file in inputs))
    known = _profiles(folds, profiles, recipe, splits)
    write_schema(recipe, staging.folder)
    statistics = write_statistics(known, road.statistics, staging.folder)
    if recipe.expect is not None:
        check_expectations(recipe.expect, statistics)
    _write_transformed(dict(transformed), splits if recipe.statistics else (), staging.folder)
    for name in ledger:
        write_rejects(name, [files.join(staging.scratch, "rejects", name)], staging.folder)
    manifest = Manifest(
        name=recipe.name,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        versions=versions(),
        recipe=recipe.resolved(),
        seed=recipe.seed,
        inputs=inputs,
        splits=written,
        ledger=ledger,
        compression=recipe.compression,
        label=recipe.schema.label.name if recipe.schema.label else None,
        buckets=_buckets(staging.folder),
        pipeline_only=tuple(pipeline_only(recipe)),
        classes=recipe.schema.label.domain if recipe.schema.label else (),
        transform_fn={"sha256": tree_sha256(_tree(files.join(staging.folder, "transform_fn")))},
        unseen=unseen(road.statistics, known),
        expansion=expansion if isinstance(recipe.schema, ImageSchema) else {},
        **road.finish(staging.folder, samples, written, findings),
        **(told or {}),
    )
    write_report(staging.folder, manifest=manifest)
    _write(files.join(staging.scratch, MANIFEST), manifest.to_json().encode())
    return staging


def _buckets(folder: str) -> dict[str, int]:
    """How many ids each feature has, of those that the metadata of the graph calls categorical."""
    path = files.join(folder, "transformed_metadata", "schema.pbtxt")
    schema = text_format.Parse(_read(path).decode(), schema_pb2.Schema())
    return {
        feature.name: feature.int_domain.max + 1
        for feature in schema.feature
        if feature.int_domain.is_categorical and feature.int_domain.max >= 0
    }


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
    folds: Iterable[tuple[str, str, Any]], folder: str, recipe: Recipe, splits: Sequence[str]
) -> dict[str, Any]:
    """The profile of each split, from the folds or from a folder; none where nobody profiled."""
    fold = road_of(recipe).statistics
    if folder:
        return read_profiles(folder, fold, splits)
    if not recipe.statistics:
        return {}
    found = {split: profile for name, split, profile in folds if name == STATISTICS}
    return {split: found.get(split, fold.start()) for split in splits}


def unseen(fold: Statistics, profiles: Mapping[str, Any]) -> dict[str, dict[str, int | None]]:
    """By split but train, by column, how many values train has not; see `Manifest.unseen`."""
    if "train" not in profiles:
        return {}
    return {
        split: fold.unseen(profile, profiles["train"])
        for split, profile in profiles.items()
        if split != "train"
    }


def versions() -> dict[str, str]:
    """The versions of recordmill and of the libraries under it."""
    return {library: metadata.version(library) for library in _LIBRARIES}


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


def ledgers(
    account: Account, repeats: Mapping[str, int], rows: Mapping[str, int], *, scanned: int
) -> dict[str, Ledger]:
    """The whole ledger of each split, checked.

    Args:
      account: Of all records, up to the shuffle.
      repeats: By split, the rows left out as repeats.
      rows: By split, the rows that were left.
      scanned: How many records the scanner counted.

    Raises:
      DataError: It does not add up.
    """
    if account.records != scanned:
        raise DataError(
            f"{scanned:,} records were scanned, but {account.records:,} were read. This is a bug "
            "in recordmill; nothing was published."
        )
    whole = {}
    for name in dict.fromkeys([*rows, *account.ledger]):
        later = Ledger(written=rows.get(name, 0), duplicates=repeats.get(name, 0))
        ledger = account.ledger.get(name, Ledger()) + later
        ledger.check(name)
        if name != UNSPLIT or ledger.read:
            whole[name] = ledger
    return whole


def write_schema(recipe: Recipe, folder: str) -> None:
    """Writes `schema/schema.pbtxt`."""
    _write(files.join(folder, "schema", "schema.pbtxt"), recipe.schema.to_pbtxt().encode())


def write_statistics(
    profiles: Mapping[str, Any], fold: Statistics, folder: str
) -> dict[str, DatasetFeatureStatistics]:
    """Writes `stats/<split>.pb` for each split; gives what is in them."""
    written = {}
    for split, profile in profiles.items():
        proto = fold.to_proto({split: profile})
        _write_proto(proto, files.join(folder, "stats", f"{split}.pb"))
        (written[split],) = proto.datasets
    return written


def _write_transformed(profiles: Mapping[str, Any], splits: Sequence[str], folder: str) -> None:
    fold = FeaturesFold()
    for split in splits if profiles else ():
        proto = fold.to_proto({split: profiles.get(split, fold.start())})
        _write_proto(proto, files.join(folder, "stats", f"transformed-{split}.pb"))


def _write_proto(proto: Any, path: str) -> None:
    _write(path, proto.SerializeToString(deterministic=True))


def write_rejects(name: str, parts: Sequence[str], folder: str) -> None:
    """Writes `rejects/<split>.jsonl`, in the order of the input, also where there are none.

    Args:
      name: The split's.
      parts: Folders of files of rejects, in order.
      folder: The dataset's.
    """
    with files.create(files.join(folder, "rejects", f"{name}.jsonl")) as whole:
        for part in parts:
            for path in files.list_files(part):
                whole.write(_read(files.join(part, path)))


def _tree(folder: str) -> Iterator[tuple[str, bytes]]:
    for name in files.list_files(folder):
        yield name, _read(files.join(folder, name))


def _read(path: str) -> bytes:
    with files.read(path) as file:
        return bytes(file.read())


def _write(path: str, content: bytes) -> None:
    with files.create(path) as file:
        file.write(content)
