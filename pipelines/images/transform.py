"""Transform of images: the records of a bucket of images, into a file of framed tf.Examples.

Where an image can become several records, those of a bucket are written in an order of their own,
so that the tiles and copies of one picture do not stand side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
from apache_beam.pvalue import AsSingleton, TaggedOutput

from ...schemas.errors import DataError
from ...schemas.images import ImageSchema
from ...schemas.manifest import Expansion
from ..analysis.transform_function import configure_tensorflow_threads
from ..config.images import Images
from ..runtime.elements import Bucket
from ..runtime.thread_pool import ElementFn, ThreadedDoFn
from ..stage_types import TransformResult
from ..tfrecord.shards import write_segment
from .counts import ImageCounts
from .encoder import TRAINING, EncodedRecords, EncodeImages

__all__ = ["TransformImageRows", "TransformImages"]

_RECORDS_AT_ONCE = 256


@dataclass
class TransformImages(beam.PTransform):  # type: ignore[misc]
    """Transforms buckets of images: PCollection[Bucket] -> `TransformResult`.

    Attributes:
      schema: Schema of the images.
      images: Settings of the images: tiles, copies and storage.
      seed: Seed of the copies.
      transform_fn: Folder of the transform graph; one element.
      folder: Folder of the segments.
      encoded: Whether the rows contain encoded records, or else the bytes of images.
    """

    schema: ImageSchema
    images: Images
    seed: int
    transform_fn: beam.PCollection[str]
    folder: str
    encoded: bool

    def expand(self, buckets: beam.PCollection[Bucket]) -> TransformResult:
        """Add the stage."""
        transform = TransformImageRows(
            self.schema, self.images, self.seed, self.folder, self.encoded
        )
        outputs = buckets | "TransformRows" >> beam.ParDo(
            ThreadedDoFn(transform), AsSingleton(self.transform_fn)
        ).with_outputs("expansion", "counts", main="segments")
        return TransformResult(
            outputs.segments, expansions=outputs.expansion, image_counts=outputs.counts
        )


@dataclass
class _BucketTotals:
    """Sums over the images of a bucket, added up while its records are written."""

    expansion: Expansion = field(default_factory=Expansion)
    counts: ImageCounts = field(default_factory=ImageCounts)


@dataclass
class TransformImageRows(ElementFn):
    """Transforms one bucket, for `ThreadedDoFn`; the side input is the folder of the graph.

    Outputs the `Segment` of the bucket, (split, `Expansion`) tagged "expansion", and
    (split, `ImageCounts`) tagged "counts".

    Attributes:
      schema: Schema of the images.
      images: Settings of the images: tiles, copies and storage.
      seed: Seed of the copies.
      directory: Folder of the segments.
      encoded: Whether the rows contain encoded records, or else the bytes of images.
    """

    schema: ImageSchema
    images: Images
    seed: int
    directory: str
    encoded: bool

    def setup(self) -> None:
        """Prepare TensorFlow, and an empty cache of graphs."""
        configure_tensorflow_threads()
        self._encoders = EncodeImages(self.schema, self.images, self.seed)

    def __call__(self, element: Bucket, *side_inputs: str) -> list[Any]:
        """Write the segment of a bucket.

        Raises:
          DataError: The graph fails on a batch; the message names the split and the op.
          RecipeError: The graph lacks an output that records of images need.
        """
        (folder,) = side_inputs
        totals = _BucketTotals()
        encoded = self._encoded(element, folder, totals)
        segment = write_segment(
            self.directory,
            split=element.split,
            index=element.index,
            batches=_in_own_order(list(encoded))
            if self.images.expands
            else (batch.records for batch in encoded),
        )
        return [
            segment,
            TaggedOutput("expansion", (element.split, totals.expansion)),
            TaggedOutput("counts", (element.split, totals.counts)),
        ]

    def _encoded(
        self, bucket: Bucket, folder: str, totals: _BucketTotals
    ) -> Iterator[EncodedRecords]:
        """Yield the records of each batch of a bucket, and add them to the totals."""
        encoder = None if self.encoded else self._encoders(folder)
        for rows in bucket.open():
            totals.counts += ImageCounts.of(rows, self.schema)
            if encoder is None:
                batch = EncodedRecords.of(rows)
            else:
                try:
                    pictures = encoder.pictures(rows)
                except tf.errors.OpError as error:
                    raise DataError(f"{bucket.split}: {encoder.explain(error, rows)}") from error
                copies = [bucket.split == TRAINING] * rows.num_rows
                batch = encoder.records(pictures, chosen=range(rows.num_rows), copies=copies)
            totals.expansion += batch.expansion
            yield batch


def _in_own_order(batches: Sequence[EncodedRecords]) -> Iterator[pa.LargeBinaryArray]:
    """Yield the records of all images sorted by their order, a few hundred at a time."""
    if not batches:
        return
    records = pa.chunked_array([batch.records for batch in batches], pa.large_binary())
    order = np.argsort(np.concatenate([batch.orders for batch in batches]), kind="stable")
    for start in range(0, len(order), _RECORDS_AT_ONCE):
        taken = records.take(pa.array(order[start : start + _RECORDS_AT_ONCE]))
        yield pa.concat_arrays(taken.chunks)
