"""Last stage of a run: checks, metadata files and the draft of the manifest, then publication."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
from apache_beam.pvalue import AsDict, AsIter, AsSingleton
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import schema_utils

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
from ..schemas.statistics.features import FeaturesFold, FeaturesProfile
from .analysis.number_ranges import rounded_columns
from .dataset.metadata import (
    ledgers,
    unseen,
    versions,
    write_proto,
    write_rejects,
    write_schema,
    write_statistics,
)
from .dataset.run_outputs import RunOutputs
from .dataset.split_checks import check_records, split_warnings
from .images.counts import ImageCounts
from .images.findings import ImageFindings
from .parity.training_serving_gap import training_serving_gap
from .profiles.cache import check_profiled
from .profiles.split_profiles import split_profiles
from .report.page import write_report
from .run_spec import RunSpec
from .runtime import filesystem as files
from .runtime.elements import StatisticsFold
from .runtime.publish import Staging, commit
from .selection.read_counts import ReadCounts
from .sources import source_for

__all__ = ["Finalize", "StageOutputs", "publish_draft", "vocab_sizes"]


class StageOutputs(NamedTuple):
    """Outputs of all stages; `RunOutputs` documents the elements."""

    sources: beam.PCollection[tuple[int, SourceFile]]
    read_counts: beam.PCollection[ReadCounts]
    samples: beam.PCollection[tuple[str, pa.RecordBatch]]
    repeats: beam.PCollection[tuple[str, int]]
    folds: beam.PCollection[tuple[str, str, Any]]
    vocab_sizes: beam.PCollection[dict[str, int]]
    shards: beam.PCollection[tuple[str, int, Shard]]
    feature_profiles: beam.PCollection[tuple[str, FeaturesProfile]] | None = None
    expansions: beam.PCollection[tuple[str, Expansion]] | None = None
    image_findings: beam.PCollection[ImageFindings] | None = None
    image_counts: beam.PCollection[tuple[str, ImageCounts]] | None = None


@dataclass
class Finalize(beam.PTransform):  # type: ignore[misc]
    """Writes all of a dataset but its shards and its graph, and a draft of its manifest.

    A remote dataset is published here too, since the job may outlive the process that started it; a
    local one by that process, see `publish_draft`.

    Attributes:
      spec: Specification of the run.
      staging: Folders of the dataset.
      outputs: Outputs of all stages.
    """

    spec: RunSpec
    staging: Staging
    outputs: StageOutputs

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection[Staging]:
        """Add the stages."""
        outputs = self.outputs
        drafted = (
            begin
            | "Once" >> beam.Create([self.staging])
            | "DraftManifest"
            >> beam.Map(
                _draft,
                spec=self.spec,
                sources=AsIter(outputs.sources),
                read_counts=AsSingleton(outputs.read_counts),
                samples=AsDict(outputs.samples),
                repeats=AsDict(outputs.repeats),
                folds=AsIter(outputs.folds),
                vocab_sizes=AsSingleton(outputs.vocab_sizes),
                shards=AsIter(outputs.shards),
                feature_profiles=_dict_of(outputs.feature_profiles),
                expansions=_iter_of(outputs.expansions),
                image_findings=_iter_of(outputs.image_findings),
                image_counts=_iter_of(outputs.image_counts),
            )
        )  # Staging, one
        if files.is_remote(self.staging.output):
            return drafted | "Publish" >> beam.Map(publish_draft)
        return drafted


def _iter_of(collection: beam.PCollection[Any] | None) -> Any:
    return () if collection is None else AsIter(collection)


def _dict_of(collection: beam.PCollection[Any] | None) -> Any:
    return {} if collection is None else AsDict(collection)


def _draft(
    staging: Staging,
    *,
    spec: RunSpec,
    sources: Iterable[tuple[int, SourceFile]],
    read_counts: ReadCounts,
    samples: Mapping[str, pa.RecordBatch],
    repeats: Mapping[str, int],
    folds: Iterable[tuple[str, str, Any]],
    vocab_sizes: Mapping[str, int],
    shards: Iterable[tuple[str, int, Shard]],
    feature_profiles: Mapping[str, FeaturesProfile],
    expansions: Iterable[tuple[str, Expansion]],
    image_findings: Iterable[ImageFindings],
    image_counts: Iterable[tuple[str, ImageCounts]],
) -> Staging:
    """Write the metadata of a dataset, and its manifest to the scratch folder."""
    outputs = RunOutputs(
        sources=tuple(sources),
        read_counts=read_counts,
        samples=samples,
        repeats=repeats,
        folds=tuple(folds),
        vocab_sizes=vocab_sizes,
        shards=tuple(shards),
        feature_profiles=feature_profiles,
        expansions=tuple(expansions),
        image_findings=next(iter(image_findings), None),
        image_counts=tuple(image_counts),
    )
    manifest = draft_manifest(staging, spec, outputs)
    write_report(staging.folder, manifest=manifest)
    files.write_bytes(files.join(staging.scratch, MANIFEST), manifest.to_json().encode())
    return staging


def draft_manifest(staging: Staging, spec: RunSpec, outputs: RunOutputs) -> Manifest:
    """Run the last checks, write the metadata files, and return the manifest.

    Where a runner retries it, it writes the same again.

    Raises:
      DataError: A ledger does not add up, a split has no record, a file changed since its
        statistics were made, or parity does not hold.
    """
    recipe, folder = spec.recipe, staging.folder
    inputs = tuple(source for _, source in sorted(outputs.sources, key=lambda entry: entry[0]))
    splits = _splits(outputs.shards, spec.splits)
    expansion = _expansion(outputs.expansions, splits)
    ledger = _ledger(outputs, inputs, expansion)
    check_records({name: split.records for name, split in splits.items()}, ledger, recipe=recipe)
    if spec.profiles:
        check_profiled(spec.profiles, inputs)
    source = source_for(recipe)
    profiles = _profiles(spec, outputs, source.statistics)
    write_schema(recipe.schema, folder)
    write_statistics(profiles, source.statistics, folder)
    _write_feature_statistics(outputs.feature_profiles, spec, folder)
    for name in ledger:
        write_rejects(name, [files.join(staging.scratch, "rejects", name)], folder)
    # The last step, since it reads the graph, the schema and the shards of the dataset.
    extras = source.describe_and_check(folder, outputs, splits)
    label = recipe.schema.label
    return Manifest(
        name=recipe.name,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        versions=versions(),
        recipe=recipe.resolved(),
        seed=recipe.seed,
        inputs=inputs,
        splits=splits,
        ledger=ledger,
        compression=recipe.compression,
        label=label.name if label else None,
        classes=label.domain if label else (),
        buckets=outputs.vocab_sizes,
        pipeline_only=tuple(training_serving_gap(recipe)),
        transform_fn={"sha256": tree_sha256(_tree(files.join(folder, "transform_fn")))},
        unseen=unseen(source.statistics, profiles),
        expansion=expansion if isinstance(recipe.schema, ImageSchema) else {},
        warnings=_warnings(spec, outputs, ledger),
        parity=extras.parity,
        images=extras.images,
        spans=spec.resolved_inputs.spans,
        reshape=spec.resolved_inputs.reshape,
    )


def _ledger(
    outputs: RunOutputs, inputs: Iterable[SourceFile], expansion: Mapping[str, Expansion]
) -> dict[str, Ledger]:
    """Return the complete ledger of each split, after a check that it adds up."""
    rows = {name: part.written for name, part in expansion.items()}
    scanned = sum(source.records for source in inputs)
    return ledgers(outputs.read_counts, outputs.repeats, rows, scanned=scanned)


def _profiles(spec: RunSpec, outputs: RunOutputs, fold: StatisticsFold) -> dict[str, Any]:
    """Return the profile of each split; none where statistics are turned off."""
    if not spec.recipe.statistics:
        return {}
    return split_profiles(outputs.folds, fold, splits=spec.splits, folder=spec.profiles)


def _warnings(spec: RunSpec, outputs: RunOutputs, ledger: Mapping[str, Any]) -> tuple[str, ...]:
    schema, folds = spec.recipe.schema, outputs.folds
    return (
        *split_warnings(ledger, splits=spec.splits, schema=schema, folds=folds),
        *rounded_columns(schema, folds),
    )


def vocab_sizes(folder: str) -> dict[str, int]:
    """Return the number of ids of each int64 feature; 0 where it is not categorical.

    Call it before `RecordSource.describe_and_check`, which rewrites the metadata of images.

    Args:
      folder: Folder with `transformed_metadata`, as tensorflow_transform writes it.
    """
    path = files.join(folder, "transformed_metadata", "schema.pbtxt")
    schema = text_format.Parse(files.read_bytes(path).decode(), schema_pb2.Schema())
    specs, domains = schema_utils.schema_as_feature_spec(schema)
    return {
        name: domains[name].max + 1 if name in domains and domains[name].is_categorical else 0
        for name, spec in specs.items()
        if spec.dtype == tf.int64
    }


def _expansion(
    parts: Iterable[tuple[str, Expansion]], splits: Mapping[str, Split]
) -> dict[str, Expansion]:
    """Sum how the rows of each split became records, and check it against the shards."""
    sums: dict[str, Expansion] = {}
    for name, part in parts:
        sums[name] = sums.get(name, Expansion()) + part
    for name, split in splits.items():
        expansion = sums.setdefault(name, Expansion(split.records, split.records))
        if expansion.records != split.records:
            raise DataError(
                f"{name}: {expansion.records:,} records were made, but {split.records:,} were "
                "written. This is a bug in recordmill; nothing was published."
            )
    return {name: sums[name] for name in splits}


def publish_draft(staging: Staging) -> Manifest:
    """Publish the dataset that `Finalize` drafted, unless it is published already.

    The job itself publishes a remote dataset; then this only reads its manifest.

    Returns:
      The manifest.
    """
    draft = files.join(staging.scratch, MANIFEST)
    if not files.exists(draft):
        return _read_manifest(files.join(staging.output, MANIFEST))
    return commit(staging, _read_manifest(draft))


def _read_manifest(path: str) -> Manifest:
    return Manifest.from_json(files.read_bytes(path).decode(), path=path)


def _splits(shards: Iterable[tuple[str, int, Shard]], names: Sequence[str]) -> dict[str, Split]:
    """Return the shards of each split, in order, and the number of their records."""
    by_split: dict[str, list[Shard]] = {name: [] for name in names}
    for name, _, shard in sorted(shards, key=lambda entry: entry[:2]):
        by_split[name].append(shard)
    return {
        name: Split(sum(shard.records for shard in of_split), tuple(of_split))
        for name, of_split in by_split.items()
    }


def _write_feature_statistics(profiles: Mapping[str, Any], spec: RunSpec, folder: str) -> None:
    """Write `stats/transformed-<split>.pb` for each split, where features are profiled."""
    fold = FeaturesFold()
    for split in spec.splits if profiles and spec.recipe.statistics else ():
        proto = fold.to_proto({split: profiles.get(split, fold.start())})
        write_proto(proto, files.join(folder, "stats", f"transformed-{split}.pb"))


def _tree(folder: str) -> Iterator[tuple[str, bytes]]:
    for name in files.list_files(folder):
        yield name, files.read_bytes(files.join(folder, name))
