"""`TransformRows`: a bucket through the transform graph, into a file of framed tf.Examples.

Each batch is fed, run, encoded and framed as a whole. The batches are the bucket's own, so what
is written depends on the rows alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any

import pyarrow as pa
import tensorflow as tf
from apache_beam.pvalue import TaggedOutput

from ...schemas.errors import DataError
from ...schemas.statistics.features import FeaturesFold, FeaturesProfile
from ..analysis.feature_statistics import Part
from ..analysis.transform_function import Features, TransformFunction, configure_tensorflow_threads
from ..runtime.elements import Bucket, RawTensorAdapter
from ..runtime.thread_pool import ElementFn
from ..tfrecord.example_encoder import encode_examples
from ..tfrecord.shards import write_segment

__all__ = [
    "TransformRows",
]


@dataclass
class TransformRows(ElementFn):
    """The work on one bucket, for `ThreadedDoFn`; the side input is the folder of the graph.

    The folder holds `transform_fn` and `transformed_metadata`, as tensorflow_transform writes
    them. The graph is loaded once a worker and used by all of its threads.

    Attributes:
      feed: Makes the tensors of a batch.
      directory: The folder that segments go to.
      statistics: Whether the features are profiled; then each bucket also gives, tagged
        "statistics", a `Part`.
    """

    feed: RawTensorAdapter
    directory: str
    statistics: bool = False

    def setup(self) -> None:
        configure_tensorflow_threads()
        self.feed.setup()
        self._loading = Lock()
        self._loaded: dict[str, TransformFunction] = {}

    def __call__(self, element: Bucket, *side_inputs: str) -> list[Any]:
        """Write the segment of a bucket.

        Raises:
          DataError: The graph fails on a batch, or gives another number of rows than it got. The
            message names the split, and the op, its columns and features, and the rows.
          RecipeError: A feature is of a type that a tf.Example cannot hold.
        """
        (folder,) = side_inputs
        with self._loading:
            if folder not in self._loaded:
                self._loaded[folder] = TransformFunction(folder)
        found = FeaturesFold().start()
        segment = write_segment(
            self.directory,
            split=element.split,
            index=element.index,
            batches=self._records(element, self._loaded[folder], found),
        )
        if not self.statistics:
            return [segment]
        return [segment, TaggedOutput("statistics", Part(element.split, element.index, found))]

    def _records(
        self, bucket: Bucket, function: TransformFunction, found: FeaturesProfile
    ) -> Iterator[pa.LargeBinaryArray]:
        def run(rows: pa.RecordBatch) -> Features:
            return function(self.feed(rows))

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
                FeaturesFold().add(found, features)
            yield encode_examples(features)
