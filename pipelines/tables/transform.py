"""Transform of tables: a bucket through the transform graph, into a file of framed tf.Examples.

Each batch is converted, run, encoded and framed as a unit. The batches are the bucket's own, so
the bytes written depend on the rows alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
from apache_beam.pvalue import AsSingleton, TaggedOutput

from ...schemas.errors import DataError
from ...schemas.statistics.features import FeaturesFold, FeaturesProfile
from ..analysis.feature_statistics import FeaturesPart, MergeFeatures
from ..analysis.transform_function import Features, TransformFunction, configure_tensorflow_threads
from ..runtime.elements import Bucket, RawTensorAdapter
from ..runtime.thread_pool import ElementFn, ThreadedDoFn
from ..stage_types import TransformResult
from ..tfrecord.example_encoder import encode_examples
from ..tfrecord.shards import write_segment

__all__ = ["TransformRows", "TransformTable"]


@dataclass
class TransformTable(beam.PTransform):  # type: ignore[misc]
    """Transforms buckets of a table: PCollection[Bucket] -> `TransformResult`.

    Attributes:
      adapter: Adapter that makes the raw tensors of a batch.
      transform_fn: Folder of the transform graph; one element.
      folder: Folder of the segments.
      statistics: Whether to profile the transformed features.
    """

    adapter: RawTensorAdapter
    transform_fn: beam.PCollection[str]
    folder: str
    statistics: bool

    def expand(self, buckets: beam.PCollection[Bucket]) -> TransformResult:
        """Add the stage."""
        transform = TransformRows(self.adapter, self.folder, self.statistics)
        outputs = buckets | "TransformRows" >> beam.ParDo(
            ThreadedDoFn(transform), AsSingleton(self.transform_fn)
        ).with_outputs("statistics", main="segments")
        profiles = outputs.statistics | "MergeFeatures" >> MergeFeatures()
        return TransformResult(outputs.segments, feature_profiles=profiles)


@dataclass
class TransformRows(ElementFn):
    """Transforms one bucket, for `ThreadedDoFn`; the side input is the folder of the graph.

    The folder contains `transform_fn` and `transformed_metadata`, as tensorflow_transform writes
    them. The graph is loaded once a worker, and all of its threads use it.

    Attributes:
      adapter: Adapter that makes the raw tensors of a batch.
      directory: Folder of the segments.
      statistics: Whether to profile the transformed features; each bucket then also outputs a
        `FeaturesPart`, tagged "statistics".
    """

    adapter: RawTensorAdapter
    directory: str
    statistics: bool = False

    def setup(self) -> None:
        """Prepare TensorFlow, and an empty cache of graphs."""
        configure_tensorflow_threads()
        self.adapter.setup()
        self._loading = Lock()
        self._loaded: dict[str, TransformFunction] = {}

    def __call__(self, element: Bucket, *side_inputs: str) -> list[Any]:
        """Write the segment of a bucket.

        Raises:
          DataError: The graph fails on a batch, or returns another number of rows than it got. The
            message names the split, and the op, its columns and features, and the rows.
          RecipeError: A tf.Example cannot hold the type of a feature.
        """
        (folder,) = side_inputs
        with self._loading:
            if folder not in self._loaded:
                self._loaded[folder] = TransformFunction(folder)
        profile = FeaturesFold().start()
        segment = write_segment(
            self.directory,
            split=element.split,
            index=element.index,
            batches=self._records(element, self._loaded[folder], profile),
        )
        if not self.statistics:
            return [segment]
        part = FeaturesPart(element.split, element.index, profile)
        return [segment, TaggedOutput("statistics", part)]

    def _records(
        self, bucket: Bucket, function: TransformFunction, profile: FeaturesProfile
    ) -> Iterator[pa.LargeBinaryArray]:
        """Yield the tf.Examples of each batch, and profile their features."""

        def run(rows: pa.RecordBatch) -> Features:
            return function(self.adapter(rows))

        for batch in bucket.open():
            try:
                features = run(batch)
            except tf.errors.OpError as error:
                raise DataError(f"{bucket.split}: {function.explain(error, batch, run)}") from error
            for name, feature in features.items():
                if len(feature) != batch.num_rows:
                    raise DataError(
                        f'{bucket.split}: feature "{name}": expected a value for each of '
                        f"{batch.num_rows:,} rows, got {len(feature):,}; the preprocessing_fn "
                        "must keep the rows as they are"
                    )
            if self.statistics:
                FeaturesFold().add(profile, features)
            yield encode_examples(features)
