"""Analysis of the rows: one pass over them a phase, whatever the `preprocessing_fn`.

    Analyze          of buckets, and with them what else is to be computed of each bucket
    AnalyzeDataset   of the batches of any pipeline, in place of `tft_beam.AnalyzeDataset`

Both give what stock tensorflow_transform gives, and leave to it what they cannot do.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
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
from tensorflow_transform.beam.tft_beam_io import beam_metadata_io
from tensorflow_transform.tf_metadata import metadata_io
from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig
from tfx_bsl.tfxio.tensor_to_arrow import TensorsToRecordBatchConverter

from ..schemas.errors import DataError
from . import files, fused
from .concurrent import in_global_window
from .elements import Bucket, Feed, Fold
from .passes import Block, FoldBuckets, Key

__all__ = ["Analyze", "AnalyzeDataset", "Analyzed", "ExportGraph"]

PreprocessingFn = Callable[[dict[str, Any]], dict[str, Any]]

_ANALYSIS = ""
_STAGING = ".analysis"
_LOG = logging.getLogger(__name__)


class Analyzed(NamedTuple):
    """What `Analyze` gives.

    Attributes:
      transform_fn: The directory, once the transform graph and its metadata stand in it; one
        element, whatever the input.
      folds: (name, split, accumulator) for each fold and each split that has a bucket.
    """

    transform_fn: PCollection[str]
    folds: PCollection[tuple[str, str, Any]]


@dataclass
class Analyze(beam.PTransform):  # type: ignore[misc]
    """Analyzes a `preprocessing_fn` on the buckets of some splits; folds more of every bucket.

    Args:
      preprocessing_fn: A function in the sense of tensorflow_transform.
      feed: Makes the tensors of a batch.
      directory: Where `transform_fn/` and `transformed_metadata/` go, as `tft.TFTransformOutput`
        wants them.
      also: What else is computed of every bucket in the first pass, by names that are not empty.
        `merge` is called on objects whose `setup` was not.
      splits: The splits the function is analyzed on.
      transform_fn: What `ExportGraph` gave, where there is nothing to analyze.
    """

    preprocessing_fn: PreprocessingFn
    feed: Feed
    directory: str
    also: Mapping[str, Fold] = field(default_factory=dict)
    splits: tuple[str, ...] = ("train",)
    transform_fn: PCollection[str] | None = None

    def expand(self, buckets: PCollection[Bucket]) -> Analyzed:
        if self.transform_fn is not None:
            return Analyzed(self.transform_fn, self._fold(buckets))
        try:
            analysis = fused.trace(self.preprocessing_fn, self.feed.type_specs())
        except fused.NotFusable as reason:
            return self._stock(buckets, reason)
        work = _FoldBucket(dict(self.also), self.splits, self.feed, analysis)
        first = buckets | "FoldBuckets" >> FoldBuckets(work)  # (key, accumulator)
        bindings = first | "Finish" >> _Finish(analysis, 0, self._staging)  # Bindings
        for phase in range(1, analysis.phases):
            work = _FoldBucket({}, self.splits, self.feed, analysis, phase)
            bindings = (
                buckets
                | f"FoldBuckets{phase}" >> FoldBuckets(work, bindings)  # (key, accumulator)
                | f"Finish{phase}" >> _Finish(analysis, phase, self._staging, bindings)
            )
        exported = bindings | "Export" >> beam.Map(_export, analysis, self.directory)
        return Analyzed(exported | "Clean" >> _Clean(self._staging), first | "Also" >> _Others())

    @property
    def _staging(self) -> str:
        return files.join(self.directory, _STAGING)

    def _stock(self, buckets: PCollection[Bucket], reason: fused.NotFusable) -> Analyzed:
        """The same by stock tensorflow_transform, in as many passes as it takes."""
        _warn(reason)
        converter = TensorsToRecordBatchConverter(self.feed.type_specs())
        config = TensorAdapterConfig(converter.arrow_schema(), converter.tensor_representations())
        batches = buckets | "Feed" >> beam.ParDo(_FeedBucket(self.feed, self.splits))
        with tft_beam.Context(temp_dir=self._staging):
            transform_fn = (batches, config) | tft_beam.AnalyzeDataset(self.preprocessing_fn)
        exported = (
            transform_fn
            | "Export" >> tft_beam.WriteTransformFn(self.directory)
            | "Exported" >> beam.Map(lambda _, directory: directory, self.directory)
        )
        return Analyzed(exported | "Clean" >> _Clean(self._staging), self._fold(buckets))

    def _fold(self, buckets: PCollection[Bucket]) -> PCollection[tuple[str, str, Any]]:
        """What is computed beside the analysis, in a pass of its own."""
        work = _FoldBucket(dict(self.also), self.splits, self.feed)
        return buckets | "FoldBuckets" >> FoldBuckets(work) | "Also" >> _Others()


@dataclass
class ExportGraph(beam.PTransform):  # type: ignore[misc]
    """Writes the transform graph of a function without analyzers: PBegin -> PCollection[directory].

    Args:
      analysis: Of the function; it has no phases.
      directory: As in `Analyze`.
    """

    analysis: fused.Analysis
    directory: str

    def expand(self, begin: beam.pvalue.PBegin) -> PCollection[str]:
        return (
            begin
            | "Nothing" >> beam.Create([fused.Bindings()])
            | "Export" >> beam.Map(_export, self.analysis, self.directory)
            | "Clean" >> _Clean(files.join(self.directory, _STAGING))
        )


def _warn(reason: fused.NotFusable) -> None:
    _LOG.warning("analysis is left to tensorflow_transform, which is slower: %s", reason)


@dataclass(frozen=True)
class _FoldBucket:
    """The work of a pass: what is folded of one bucket."""

    also: Mapping[str, Fold]
    splits: tuple[str, ...]
    feed: Feed
    analysis: fused.Analysis | None = None
    phase: int = 0

    def setup(self) -> None:
        for fold in self.also.values():
            fold.setup()
        self.feed.setup()
        if self.phase == 0 and self.analysis and self.analysis.phases:
            self.analysis.graph(0, None)

    def __call__(self, element: Bucket, *before: fused.Bindings) -> Iterator[tuple[Key, Block]]:
        """Folds a bucket; the splits of the analysis are ranked as `splits` has them."""
        bucket = element
        folds: dict[str, Any] = dict(self.also)
        if self.analysis and self.analysis.phases and bucket.split in self.splits:
            folds[_ANALYSIS] = self.analysis.fold(self.feed, self.phase, *before)
        accumulators = {name: fold.start() for name, fold in folds.items()}
        for batch in bucket.open() if folds else ():
            try:
                for name, fold in folds.items():
                    accumulators[name] = fold.add(accumulators[name], batch)
            except DataError as error:
                raise DataError(f"{bucket.split}: {error}") from error
        for name in self.also:
            yield (name, bucket.split, ""), (0, 0, bucket.index, accumulators[name])
        if _ANALYSIS in folds:
            rank = self.splits.index(bucket.split)
            for piece, part in folds[_ANALYSIS].split(accumulators[_ANALYSIS]):
                yield (_ANALYSIS, "", piece), (rank, 0, bucket.index, part)

    def merge(self, key: Key, accumulators: list[Any]) -> Any:
        if key[0] != _ANALYSIS:
            return self.also[key[0]].merge(accumulators)
        assert self.analysis is not None
        return self.analysis.fold(self.feed, self.phase).merge(accumulators)


class _Others(beam.PTransform):  # type: ignore[misc]
    """What was folded beside the analysis: (name, split, accumulator)."""

    def expand(self, folded: PCollection[tuple[Key, Any]]) -> PCollection[tuple[str, str, Any]]:
        return (
            folded
            | "Select" >> beam.Filter(lambda element: element[0][0] != _ANALYSIS)
            | "Name" >> beam.MapTuple(lambda key, accumulator: (key[0], key[1], accumulator))
        )


class _Finish(beam.PTransform):  # type: ignore[misc]
    """The end of a phase: one `fused.Bindings` of all that was folded in it, if only nothing."""

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
        parts = (
            folded  # (key, accumulator)
            | "Select" >> beam.Filter(lambda element: element[0][0] == _ANALYSIS)
            | "Values" >> beam.Values()  # accumulator
        )
        return (
            folded.pipeline
            | "Once" >> beam.Impulse()
            | "Evaluate" >> beam.Map(self._finish, AsList(parts), *self._before)  # Bindings
        )


def _finish(
    once: bytes,
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
    """Writes what `tft_beam.WriteTransformFn` writes, and gives the directory."""
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
    """Removes a folder once the stages before are over, replays of them included."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder

    def expand(self, done: PCollection[str]) -> PCollection[str]:
        return (
            done | "Wait" >> beam.Reshuffle() | "Remove" >> beam.Map(_without_folder, self._folder)
        )


def _without_folder(done: str, folder: str) -> str:
    files.remove_tree(folder)
    return done


class _FeedBucket(beam.DoFn):  # type: ignore[misc]
    """Gives the batches of a bucket as stock tensorflow_transform reads them."""

    def __init__(self, feed: Feed, splits: tuple[str, ...]) -> None:
        self._feed = feed
        self._splits = splits

    def setup(self) -> None:
        self._feed.setup()
        self._converter = TensorsToRecordBatchConverter(self._feed.type_specs())

    def process(self, bucket: Bucket) -> Iterator[pa.RecordBatch]:
        if bucket.split in self._splits:
            for batch in bucket.open():
                yield self._converter.convert(self._feed(batch))


class AnalyzeDataset(beam.PTransform):  # type: ignore[misc]
    """Takes the place of `tft_beam.AnalyzeDataset`, and is several times faster.

    Its input is a pair of a PCollection of `pa.RecordBatch` and a `TensorAdapterConfig`; what it
    gives goes into `tft_beam.TransformDataset` and `tft_beam.WriteTransformFn`. It takes its
    temporary folder from `tft_beam.Context`. Larger batches are faster.

    Sums of floats depend, in their last bits, on how the runner bundles the batches.
    """

    def __init__(self, preprocessing_fn: PreprocessingFn) -> None:
        super().__init__()
        self._preprocessing_fn = preprocessing_fn

    def _extract_input_pvalues(self, dataset: Any) -> Any:
        return dataset, [dataset[0]]

    def expand(self, dataset: tuple[PCollection[pa.RecordBatch], TensorAdapterConfig]) -> Any:
        batches, config = dataset
        try:
            feed, analysis = self._trace(config)
        except fused.NotFusable as reason:
            _warn(reason)
            return dataset | tft_beam.AnalyzeDataset(self._preprocessing_fn)
        folder = tft_beam.Context.create_base_temp_dir()
        bindings = batches.pipeline | "Nothing" >> beam.Create([fused.Bindings()])
        for phase in range(analysis.phases):
            fold = beam.ParDo(_FoldBundle(analysis, feed, phase), AsSingleton(bindings))
            merge = analysis.fold(feed, phase).merge
            bindings = (
                batches  # RecordBatch
                | f"Fold{phase}" >> fold  # (piece, accumulator)
                | f"Gather{phase}" >> beam.GroupByKey()  # (piece, [accumulator])
                | f"Merge{phase}" >> beam.Map(_merge_bundles, merge)  # (key, accumulator)
                | f"Finish{phase}" >> _Finish(analysis, phase, folder, bindings)  # Bindings
            )
        save_options = tft_beam.Context.get_save_options()
        transform_fn = bindings | "Export" >> beam.Map(_export_to, analysis, folder, save_options)
        metadata = beam_metadata_io.BeamDatasetMetadata(
            tft.DatasetMetadata(schema=analysis.schema()),
            transform_fn | "ReadMetadata" >> beam.Map(_read_metadata),
            dict(analysis.assets),
        )
        return transform_fn, metadata

    def _trace(self, config: Any) -> tuple[Feed, fused.Analysis]:
        if not isinstance(config, TensorAdapterConfig):
            raise fused.NotFusable(f"the input is described by a {type(config).__name__}")
        if tft_beam.Context.get_use_tf_compat_v1():
            raise fused.NotFusable("TensorFlow runs in compat.v1 mode")
        feed = fused.TensorAdapterFeed(config)
        return feed, fused.trace(self._preprocessing_fn, feed.type_specs())


class _FoldBundle(beam.DoFn):  # type: ignore[misc]
    """Folds the batches of a bundle."""

    def __init__(self, analysis: fused.Analysis, feed: Feed, phase: int) -> None:
        self._analysis = analysis
        self._feed = feed
        self._phase = phase

    def setup(self) -> None:
        self._feed.setup()

    def start_bundle(self) -> None:
        self._accumulator: Any = None

    def process(self, batch: pa.RecordBatch, before: fused.Bindings) -> None:
        fold = self._analysis.fold(self._feed, self._phase, before if self._phase else None)
        if self._accumulator is None:
            self._accumulator = fold.start()
        self._accumulator = fold.add(self._accumulator, batch)

    def finish_bundle(self) -> Iterator[Any]:
        if self._accumulator is not None:
            fold = self._analysis.fold(self._feed, self._phase)
            for piece, part in fold.split(self._accumulator):
                yield in_global_window((piece, part))


def _merge_bundles(
    element: tuple[str, Iterable[Any]], merge: Callable[[list[Any]], Any]
) -> tuple[Key, Any]:
    piece, accumulators = element
    return (_ANALYSIS, "", piece), merge(list(accumulators))


def _export_to(
    bindings: fused.Bindings,
    analysis: fused.Analysis,
    folder: str,
    save_options: tf.saved_model.SaveOptions | None,
) -> str:
    model = files.join(folder, uuid4().hex)
    fused.export(analysis, bindings, model, save_options=save_options)
    return model


def _read_metadata(model: str) -> tft.DatasetMetadata:
    return metadata_io.read_metadata(files.join(model, impl_helper.METADATA_DIR_NAME))
