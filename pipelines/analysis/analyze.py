"""Analyze stage: one pass over the buckets for each phase of a `preprocessing_fn`.

`Analyze` writes the same transform graph as stock tensorflow_transform, computes other folds over
the buckets in the same pass, and falls back to stock tensorflow_transform for what it does not
support. `recordmill.pipelines.analysis.analyze_dataset` does the same for batches of any pipeline.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.pvalue import AsList, AsSingleton, PCollection
from tensorflow_transform import impl_helper
from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig
from tfx_bsl.tfxio.tensor_to_arrow import TensorsToRecordBatchConverter

from ...schemas.errors import DataError
from ..runtime import filesystem as files
from ..runtime.elements import Bucket, Fold, RawTensorAdapter
from ..runtime.ordered_fold import Block, CombineBuckets, FoldWork, Key
from .fused import analysis as fused
from .traced_fn import TracedFn

__all__ = ["ANALYSIS", "Analyze", "Analyzed", "ExportGraph", "EvaluateAnalyzers", "warn"]

ANALYSIS = ""
"""Name of the fold that computes the analysis."""

_STAGING = ".analysis"
_LOG = logging.getLogger(__name__)


class Analyzed(NamedTuple):
    """Result of `Analyze`.

    Attributes:
      transform_fn: One element, even without rows: the directory, once the transform graph and
        its metadata are written to it.
      folds: (name, split, accumulator) for each fold and each split that has a bucket.
    """

    transform_fn: PCollection[str]
    folds: PCollection[tuple[str, str, Any]]


@dataclass
class Analyze(beam.PTransform):  # type: ignore[misc]
    """Analyzes a `preprocessing_fn` on the buckets of `splits`, and folds every bucket.

    Args:
      traced: Traced `preprocessing_fn`.
      directory: Path of the folder that `transform_fn/` and `transformed_metadata/` are written
        to, as `tft.TFTransformOutput` reads them.
      folds: Further folds over all buckets, computed in the first pass, by name; a name is not
        empty. `merge` is called on objects whose `setup` was not.
      splits: Splits the function is analyzed on.
      transform_fn: Result of `ExportGraph`, if the function has no analyzers.
    """

    traced: TracedFn
    directory: str
    folds: Mapping[str, Fold] = field(default_factory=dict)
    splits: tuple[str, ...] = ("train",)
    transform_fn: PCollection[str] | None = None

    def expand(self, buckets: PCollection[Bucket]) -> Analyzed:
        """Run a pass and an evaluation for each phase, then export the graph."""
        if self.transform_fn is not None:
            return Analyzed(self.transform_fn, self._fold(buckets))
        analysis, adapter = self.traced.analysis, self.traced.adapter
        if analysis is None:
            return self._stock(buckets)
        work = _FoldBucket(dict(self.folds), self.splits, adapter, analysis)
        folded = buckets | "FoldBuckets" >> CombineBuckets(work)  # (key, accumulator)
        bindings = folded | "Evaluate" >> EvaluateAnalyzers(analysis, 0, self._staging)  # Bindings
        for phase in range(1, analysis.phases):
            work = _FoldBucket({}, self.splits, adapter, analysis, phase)
            bindings = (
                buckets
                | f"FoldBuckets{phase}" >> CombineBuckets(work, bindings)  # (key, accumulator)
                | f"Evaluate{phase}" >> EvaluateAnalyzers(analysis, phase, self._staging, bindings)
            )
        exported = bindings | "Export" >> beam.Map(_export, analysis, self.directory)
        return Analyzed(
            exported | "Clean" >> _Clean(self._staging), folded | "OtherFolds" >> _OtherFolds()
        )

    @property
    def _staging(self) -> str:
        return files.join(self.directory, _STAGING)

    def _stock(self, buckets: PCollection[Bucket]) -> Analyzed:
        """Analyze with stock tensorflow_transform, in as many passes as it needs."""
        adapter = self.traced.adapter
        warn(self.traced.not_fusable)
        converter = TensorsToRecordBatchConverter(adapter.type_specs())
        config = TensorAdapterConfig(converter.arrow_schema(), converter.tensor_representations())
        batches = buckets | "Feed" >> beam.ParDo(_ConvertBucket(adapter, self.splits))
        with tft_beam.Context(temp_dir=self._staging):
            transform_fn = (batches, config) | tft_beam.AnalyzeDataset(self.traced.function)
        exported = (
            transform_fn
            | "Export" >> tft_beam.WriteTransformFn(self.directory)
            | "Exported" >> beam.Map(lambda _, directory: directory, self.directory)
        )
        return Analyzed(exported | "Clean" >> _Clean(self._staging), self._fold(buckets))

    def _fold(self, buckets: PCollection[Bucket]) -> PCollection[tuple[str, str, Any]]:
        """Compute the other folds in a separate pass."""
        work = _FoldBucket(dict(self.folds), self.splits, self.traced.adapter)
        return buckets | "FoldBuckets" >> CombineBuckets(work) | "OtherFolds" >> _OtherFolds()


@dataclass
class ExportGraph(beam.PTransform):  # type: ignore[misc]
    """Writes the transform graph of a function without analyzers: PBegin -> PCollection[directory].

    Args:
      analysis: Analysis of the function, without phases.
      directory: As in `Analyze`.
    """

    analysis: fused.Analysis
    directory: str

    def expand(self, begin: beam.pvalue.PBegin) -> PCollection[str]:
        """Export the graph without any bindings."""
        return (
            begin
            | "Nothing" >> beam.Create([fused.Bindings()])
            | "Export" >> beam.Map(_export, self.analysis, self.directory)
            | "Clean" >> _Clean(files.join(self.directory, _STAGING))
        )


def warn(reason: fused.NotFusable | None) -> None:
    """Log that stock tensorflow_transform analyzes, and why."""
    _LOG.warning("analysis is left to tensorflow_transform, which is slower: %s", reason)


@dataclass(frozen=True)
class _FoldBucket(FoldWork):
    """Folds one bucket in a pass: the analysis of a phase, and the other folds."""

    folds: Mapping[str, Fold]
    splits: tuple[str, ...]
    adapter: RawTensorAdapter
    analysis: fused.Analysis | None = None
    phase: int = 0

    def setup(self) -> None:
        for fold in self.folds.values():
            fold.setup()
        self.adapter.setup()
        # Later phases need the bindings of earlier ones, a side input: they trace at first use.
        if self.phase == 0 and self.analysis and self.analysis.phases:
            self.analysis.graph(0, None)

    def __call__(self, element: Bucket, *before: fused.Bindings) -> Iterator[tuple[Key, Block]]:
        """Fold a bucket; the rank of a split is its index in `splits`."""
        bucket = element
        folds: dict[str, Any] = dict(self.folds)
        if self.analysis and self.analysis.phases and bucket.split in self.splits:
            folds[ANALYSIS] = self.analysis.fold(self.adapter, self.phase, *before)
        accumulators = {name: fold.start() for name, fold in folds.items()}
        for batch in bucket.open() if folds else ():
            try:
                for name, fold in folds.items():
                    accumulators[name] = fold.add(accumulators[name], batch)
            except DataError as error:
                raise DataError(f"{bucket.split}: {error}") from error
        for name in self.folds:
            yield (name, bucket.split, ""), (0, 0, bucket.index, accumulators[name])
        if ANALYSIS in folds:
            rank = self.splits.index(bucket.split)
            for name, partition in folds[ANALYSIS].split(accumulators[ANALYSIS]):
                yield (ANALYSIS, "", name), (rank, 0, bucket.index, partition)

    def merge(self, key: Key, accumulators: list[Any]) -> Any:
        if key[0] != ANALYSIS:
            return self.folds[key[0]].merge(accumulators)
        assert self.analysis is not None
        return self.analysis.fold(self.adapter, self.phase).merge(accumulators)


class _OtherFolds(beam.PTransform):  # type: ignore[misc]
    """PCollection[(Key, accumulator)] -> PCollection[(name, split, accumulator)], no analysis."""

    def expand(self, folded: PCollection[tuple[Key, Any]]) -> PCollection[tuple[str, str, Any]]:
        return (
            folded
            | "Select" >> beam.Filter(lambda element: element[0][0] != ANALYSIS)
            | "Name" >> beam.MapTuple(lambda key, accumulator: (key[0], key[1], accumulator))
        )


class EvaluateAnalyzers(beam.PTransform):  # type: ignore[misc]
    """Evaluates the analyzers of a phase: PCollection[(Key, accumulator)] -> one `fused.Bindings`.

    There is one element even where no row was folded.
    """

    def __init__(
        self,
        analysis: fused.Analysis,
        phase: int,
        folder: str,
        before: PCollection[fused.Bindings] | None = None,
    ) -> None:
        super().__init__()
        self._finish = partial(_finish, analysis=analysis, phase=phase, folder=folder)
        self._before = [] if before is None else [AsSingleton(before)]

    def expand(self, folded: PCollection[tuple[Key, Any]]) -> PCollection[fused.Bindings]:
        """Evaluate once, with all accumulators of the analysis as a side input."""
        accumulators = (
            folded  # (key, accumulator)
            | "Select" >> beam.Filter(lambda element: element[0][0] == ANALYSIS)
            | "Values" >> beam.Values()  # accumulator
        )
        return (
            folded.pipeline
            | "Once" >> beam.Impulse()
            | "Finish" >> beam.Map(self._finish, AsList(accumulators), *self._before)  # Bindings
        )


def _finish(
    impulse: bytes,
    folded: list[Any],
    before: fused.Bindings | None = None,
    *,
    analysis: fused.Analysis,
    phase: int,
    folder: str,
) -> fused.Bindings:
    if phase >= analysis.phases:
        return fused.Bindings()
    return fused.finish(analysis, phase, folded, folder=folder, before=before)


def _export(bindings: fused.Bindings, analysis: fused.Analysis, directory: str) -> str:
    """Write the files that `tft_beam.WriteTransformFn` writes, and return the directory."""
    model = files.join(directory, _STAGING, uuid4().hex)
    fused.export(analysis, bindings, model)
    metadata = files.join(model, impl_helper.METADATA_DIR_NAME)
    if analysis.assets:
        with tf.io.gfile.GFile(files.join(metadata, tft.TFTransformOutput.ASSET_MAP), "w") as file:
            file.write(json.dumps(analysis.assets))
    _move(metadata, files.join(directory, tft.TFTransformOutput.TRANSFORMED_METADATA_DIR))
    _move(model, files.join(directory, tft.TFTransformOutput.TRANSFORM_FN_DIR))
    return directory


def _move(source: str, destination: str) -> None:
    if tf.io.gfile.exists(destination):
        tf.io.gfile.rmtree(destination)
    tf.io.gfile.rename(source, destination)


class _Clean(beam.PTransform):  # type: ignore[misc]
    """Removes a folder once the stages before it are done, including their retries."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder

    def expand(self, elements: PCollection[str]) -> PCollection[str]:
        # The shuffle ends a stage: no bundle that still needs the folder is repeated after it.
        return (
            elements
            | "Wait" >> beam.Reshuffle()
            | "Remove" >> beam.Map(_remove_folder, self._folder)
        )


def _remove_folder(element: str, folder: str) -> str:
    files.remove_tree(folder)
    return element


class _ConvertBucket(beam.DoFn):  # type: ignore[misc]
    """Yields the batches of a bucket as stock tensorflow_transform reads them."""

    def __init__(self, adapter: RawTensorAdapter, splits: tuple[str, ...]) -> None:
        self._adapter = adapter
        self._splits = splits

    def setup(self) -> None:
        self._adapter.setup()
        self._converter = TensorsToRecordBatchConverter(self._adapter.type_specs())

    def process(self, bucket: Bucket) -> Iterator[pa.RecordBatch]:
        if bucket.split in self._splits:
            for batch in bucket.open():
                yield self._converter.convert(self._adapter(batch))
