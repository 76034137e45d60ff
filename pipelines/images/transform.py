"""`TransformImages`: the records of a bucket of images, into a file of tf.Examples.

The records of a bucket are written in an order of their own where an image can become several, so
that the tiles and copies of one picture do not stand side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf
from apache_beam.pvalue import TaggedOutput

from ...schemas.errors import DataError
from ...schemas.images import ImageSchema
from ...schemas.manifest import Expansion
from ..analysis.transform_function import configure_tensorflow_threads
from ..config.images import Images
from ..runtime.elements import Bucket
from ..runtime.thread_pool import ElementFn
from ..tfrecord.shards import write_segment
from .counts import COUNTS, ImageCounts
from .encoder import TRAINING, EncodedRecords, EncodeImages

__all__ = ["TransformImages"]

_AT_ONCE = 256


@dataclass
class TransformImages(ElementFn):
    """The work on one bucket, for `ThreadedDoFn`; the side input is the folder of the graph.

    Gives the `Segment` of the bucket, tagged "expansion" (split, `Expansion`), and tagged
    "findings" what its images are counted to have.

    Attributes:
      schema: What the images have.
      images: How they are cut, copied and stored.
      seed: Of the copies.
      directory: The folder that segments go to.
      pressed: Whether the rows carry records, or the bytes of images.
    """

    schema: ImageSchema
    images: Images
    seed: int
    directory: str
    pressed: bool

    def setup(self) -> None:
        configure_tensorflow_threads()
        self._presses = EncodeImages(self.schema, self.images, self.seed)

    def __call__(self, element: Bucket, *side_inputs: str) -> list[Any]:
        """Write the segment of a bucket.

        Raises:
          DataError: The graph fails on a batch; the message names the split and the op.
          RecipeError: The graph does not give what records of images need.
        """
        (folder,) = side_inputs
        found: list[Expansion] = []
        counts: list[ImageCounts] = []
        pressed = _counted(self._pressed(element, folder, counts), found)
        segment = write_segment(
            self.directory,
            split=element.split,
            index=element.index,
            batches=_in_own_order(pressed)
            if self.images.expands
            else (one.records for one in pressed),
        )
        expansion = sum(found, Expansion())
        counted = (element.split, sum(counts, ImageCounts()))
        return [
            segment,
            TaggedOutput("expansion", (element.split, expansion)),
            TaggedOutput("findings", (COUNTS, counted)),
        ]

    def _pressed(
        self, bucket: Bucket, folder: str, counts: list[ImageCounts]
    ) -> Iterator[EncodedRecords]:
        if self.pressed:
            for rows in bucket.open():
                counts.append(ImageCounts.of(rows, self.schema))
                yield EncodedRecords.of(rows)
            return
        press = self._presses(folder)
        for rows in bucket.open():
            counts.append(ImageCounts.of(rows, self.schema))
            try:
                pictures = press.pictures(rows)
            except tf.errors.OpError as error:
                raise DataError(f"{bucket.split}: {press.explain(error, rows)}") from error
            places = range(rows.num_rows)
            copies = [bucket.split == TRAINING] * rows.num_rows
            yield press.records(pictures, chosen=places, copies=copies)


def _counted(pressed: Iterable[EncodedRecords], found: list[Expansion]) -> Iterator[EncodedRecords]:
    """The same, and of each its expansion into `found`."""
    for one in pressed:
        found.append(one.expansion)
        yield one


def _in_own_order(pressed: Iterable[EncodedRecords]) -> Iterator[pa.LargeBinaryArray]:
    """The records of all images by their order, a few hundred at a time."""
    held = list(pressed)
    if not held:
        return
    records = pa.chunked_array([one.records for one in held], pa.large_binary())
    order = np.argsort(np.concatenate([one.orders for one in held]), kind="stable")
    for start in range(0, len(order), _AT_ONCE):
        taken = records.take(pa.array(order[start : start + _AT_ONCE]))
        yield pa.concat_arrays(taken.chunks)
