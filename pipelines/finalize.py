"""What a run found out, written beside its shards, and the manifest that says it all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import schema_utils

from ..schemas.errors import DataError
from ..schemas.images import ImageSchema
from ..schemas.manifest import MANIFEST, Expansion, Manifest, Shard, SourceFile, Split, tree_sha256
from ..schemas.statistics.features import FeaturesFold
from .analysis.number_ranges import rounded_columns
from .config.expect import Expect
from .config.recipe import Recipe
from .dataset.metadata import (
    ledgers,
    profiles_of,
    unseen,
    versions,
    write_proto,
    write_rejects,
    write_schema,
    write_statistics,
)
from .dataset.split_checks import check_records, split_warnings
from .parity.training_serving_gap import training_serving_gap
from .profiles.cache import check_profiled
from .report.page import write_report
from .runtime import filesystem as files
from .runtime.publish import Staging, commit
from .selection.read_counts import ReadCounts
from .sources import source_for
from .validation.validate import check_expectations

__all__ = ["as_expected", "draft_manifest", "publish_draft"]


def draft_manifest(
    staging: Staging,
    *,
    recipe: Recipe,
    splits: Sequence[str],
    sources: Iterable[tuple[int, SourceFile]],
    account: ReadCounts,
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
    """Write all of a dataset but its shards and its graph, and a draft of its manifest.

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
      DataError: A ledger does not add up, a split has no record, a file changed since its
        statistics were made, or parity does not hold.
    """
    record_source, folder = source_for(recipe), staging.folder
    inputs = tuple(source for _, source in sorted(sources, key=lambda place: place[0]))
    written = _by_split(shards, splits)
    expansion = _expansion(expansions, written)
    ledger = ledgers(account, repeats, _rows(expansion), scanned=sum(one.records for one in inputs))
    records = {name: split.records for name, split in written.items()}
    check_records(records, ledger, recipe=recipe)
    if profiles:
        check_profiled(profiles, inputs)
    folds = list(folds)
    known = profiles_of(folds, profiles, recipe=recipe, splits=splits)
    write_schema(recipe, folder)
    write_statistics(known, record_source.statistics, folder)
    _write_transformed(dict(transformed), splits if recipe.statistics else (), folder)
    for name in ledger:
        write_rejects(name, [files.join(staging.scratch, "rejects", name)], folder)
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
        **_of_label(recipe),
        buckets=_buckets(folder),
        pipeline_only=tuple(training_serving_gap(recipe)),
        transform_fn={"sha256": tree_sha256(_tree(files.join(folder, "transform_fn")))},
        unseen=unseen(record_source.statistics, known),
        expansion=expansion if isinstance(recipe.schema, ImageSchema) else {},
        warnings=(
            *split_warnings(ledger, splits=splits, schema=recipe.schema, folds=folds),
            *rounded_columns(recipe.schema, folds),
        ),
        **record_source.finish(folder, samples, written, findings),
        **(told or {}),
    )
    write_report(folder, manifest=manifest)
    files.write_bytes(files.join(staging.scratch, MANIFEST), manifest.to_json().encode())
    return staging


def _rows(expansion: Mapping[str, Expansion]) -> dict[str, int]:
    return {name: one.written for name, one in expansion.items()}


def as_expected(
    transform_fn: str,
    *,
    expect: Expect,
    recipe: Recipe,
    splits: Sequence[str],
    folds: Iterable[tuple[str, str, Any]],
    profiles: str = "",
) -> str:
    """The folder of the graph itself, where the statistics are as expected.

    Args:
      transform_fn: The folder of the graph; what takes it waits for the check.
      expect: What is expected.
      recipe: As in `draft_manifest`.
      splits: As in `draft_manifest`.
      folds: As in `draft_manifest`.
      profiles: As in `draft_manifest`.

    Raises:
      DataError: They are not, and the run is to fail then.
    """
    fold = source_for(recipe).statistics
    known = profiles_of(folds, profiles, recipe=recipe, splits=splits)
    datasets = fold.to_proto(known).datasets
    check_expectations(expect, {dataset.name: dataset for dataset in datasets})
    return transform_fn


def _of_label(recipe: Recipe) -> dict[str, Any]:
    label = recipe.schema.label
    return {"label": label.name, "classes": label.domain} if label else {"label": None}


def _buckets(folder: str) -> dict[str, int]:
    """How many ids each int64 feature has; 0 where the metadata call it no categorical one."""
    path = files.join(folder, "transformed_metadata", "schema.pbtxt")
    schema = text_format.Parse(files.read_bytes(path).decode(), schema_pb2.Schema())
    specs, domains = schema_utils.schema_as_feature_spec(schema)
    return {
        name: domains[name].max + 1 if name in domains and domains[name].is_categorical else 0
        for name, spec in specs.items()
        if spec.dtype == tf.int64
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


def publish_draft(staging: Staging) -> Manifest:
    """Publish the dataset that `draft_manifest` finished, unless it is published already.

    A remote dataset is published by the job itself, which nobody may be waiting for, and then
    asked for by whoever did wait.

    Returns:
      The manifest.
    """
    draft = files.join(staging.scratch, MANIFEST)
    if not files.exists(draft):
        return _read_manifest(files.join(staging.output, MANIFEST))
    return commit(staging, _read_manifest(draft))


def _read_manifest(path: str) -> Manifest:
    return Manifest.from_json(files.read_bytes(path).decode(), path=path)


def _by_split(shards: Iterable[tuple[str, int, Shard]], splits: Sequence[str]) -> dict[str, Split]:
    held: dict[str, list[Shard]] = {split: [] for split in splits}
    for split, _, shard in sorted(shards, key=lambda place: place[:2]):
        held[split].append(shard)
    return {
        name: Split(sum(shard.records for shard in of_split), tuple(of_split))
        for name, of_split in held.items()
    }


def _write_transformed(profiles: Mapping[str, Any], splits: Sequence[str], folder: str) -> None:
    fold = FeaturesFold()
    for split in splits if profiles else ():
        proto = fold.to_proto({split: profiles.get(split, fold.start())})
        write_proto(proto, files.join(folder, "stats", f"transformed-{split}.pb"))


def _tree(folder: str) -> Iterator[tuple[str, bytes]]:
    for name in files.list_files(folder):
        yield name, files.read_bytes(files.join(folder, name))
