"""`ImageRecordEncoder`: converts rows of encoded images to tf.Examples.

    pictures = encoder.pictures(rows)            the graph: encoded bytes to pixels, boxes, labels
    records = encoder.records(pictures, ...)     tiles, copies, and the bytes of their tf.Examples

Where the graph learns nothing from the data, it is exported before the first image is read. Then
an image is decoded once, where it is read, and its records go through the shuffle instead of its
bytes. Otherwise the bytes do, and the encoder runs after the analysis.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from ...schemas.images import IMAGE, ImageSchema
from ...schemas.manifest import Expansion
from ..config.images import Images
from ..shuffle.layout import ENCODED_BYTES, RECORDS
from ..tfrecord.example_encoder import encode_examples
from .graph import GraphOutput, ImageGraph
from .records import ImageOrigin, PixelEncoder, features
from .tensors import ImageTensorAdapter
from .tiles import OutputImage, TileAndAugment

__all__ = [
    "TRAINING",
    "ImageRecordEncoder",
    "Pictures",
    "EncodedRecords",
    "EncodeImages",
    "encoded_rows",
]

TRAINING = "train"
"""Split whose images get augmented copies."""

_ORDERS = "__orders"
_COUNTS = ("__pieces", "__left_out", "__copies")


@dataclass(frozen=True)
class Pictures:
    """Outputs of the graph for some images.

    Attributes:
      outputs: Picture of each image, with its boxes and labels.
      further: Outputs that are stored under their own names, as `encode_examples` takes them.
    """

    outputs: Sequence[GraphOutput]
    further: dict[str, Any]


@dataclass(frozen=True)
class EncodedRecords:
    """Records of some images.

    Attributes:
      records: tf.Examples of the first image, then those of the next, [records].
      orders: Sort key of each record among those of a bucket; uint64, [records].
      ends: Offsets of the records of each image; int64, [images + 1].
      counts: For each image the number of tiles, of tiles left out, and of copies; int64,
        [images, 3].
    """

    records: pa.LargeBinaryArray
    orders: npt.NDArray[np.uint64]
    ends: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]

    @property
    def expansion(self) -> Expansion:
        """Sum of the counts of all images."""
        return Expansion(len(self.counts), *self.counts.sum(axis=0).tolist())

    def columns(self) -> dict[str, pa.Array]:
        """Return columns of one value an image, from which `of` makes the records again."""
        splits = pa.array(self.ends, pa.int64())
        counts = {name: pa.array(self.counts[:, i]) for i, name in enumerate(_COUNTS)}
        return counts | {
            RECORDS: pa.LargeListArray.from_arrays(splits, self.records),
            _ORDERS: pa.LargeListArray.from_arrays(splits, pa.array(self.orders)),
        }

    @classmethod
    def of(cls, rows: pa.RecordBatch) -> EncodedRecords:
        """Return the records in rows that `encoded_rows` made."""
        records, orders = rows.column(RECORDS), rows.column(_ORDERS)
        lengths = records.value_lengths().to_numpy(zero_copy_only=False)
        counts = [rows.column(name).to_numpy() for name in _COUNTS]
        return cls(
            records.flatten(),
            orders.flatten().to_numpy(),
            np.concatenate([[0], np.cumsum(lengths)]),
            np.stack(counts, axis=1),
        )


def encoded_rows(rows: pa.RecordBatch, encoded: EncodedRecords) -> pa.RecordBatch:
    """Return rows that contain the records of images instead of their bytes."""
    names = [name for name in rows.schema.names if name != IMAGE]
    columns = dict(zip(rows.schema.names, rows.columns, strict=True))
    added = {ENCODED_BYTES: pc.binary_length(columns[IMAGE])} | encoded.columns()
    return pa.RecordBatch.from_pydict({name: columns[name] for name in names} | added)


class ImageRecordEncoder:
    """Makes tf.Examples of images; threads can share it.

    Args:
      folder: Folder with `transform_fn` and `transformed_metadata`.
      schema: Schema of the images.
      images: Settings of the images: tiles, copies and storage.
      seed: Seed of the copies.

    Raises:
      RecipeError: The `preprocessing_fn` returns no pixels, or lacks an output of the records.
    """

    def __init__(self, folder: str, schema: ImageSchema, images: Images, seed: int) -> None:
        self._schema = schema
        self._adapter = ImageTensorAdapter(schema)
        self._graph = ImageGraph(folder, schema)
        self._tile_and_augment = TileAndAugment(images, seed=seed)
        self._encoder = PixelEncoder(images)

    @property
    def refuses_cut_jpegs(self) -> bool:
        """True if the graph fails on a JPEG that lacks the data of its last pixels."""
        return self._graph.refuses_cut_jpegs

    def pictures(self, rows: pa.RecordBatch) -> Pictures:
        """Run the graph on the images of some rows.

        Raises:
          tf.errors.OpError: The graph fails on one of them; `explain` finds it.
          DataError: The graph returns another number of images than there are rows.
        """
        return Pictures(*self._graph(rows, self._adapter(rows)))

    def explain(self, error: tf.errors.OpError, rows: pa.RecordBatch) -> str:
        """Describe on one line which op failed on these rows, and why."""
        return self._graph.explain(error, rows, self.pictures)

    def records(
        self, pictures: Pictures, *, chosen: Iterable[int], copies: Iterable[bool]
    ) -> EncodedRecords:
        """Make the records of some pictures.

        Args:
          pictures: Outputs of the graph.
          chosen: Indices of the pictures to make records of.
          copies: Whether to make augmented copies of each of these.
        """
        outputs: list[tuple[OutputImage, ImageOrigin]] = []
        indices: list[int] = []
        ends, counts = [0], []
        for index, with_copies in zip(chosen, copies, strict=True):
            source = pictures.outputs[index]
            images, expansion = self._tile_and_augment.outputs(source.picture, copies=with_copies)
            outputs += [(image, source.origin) for image in images]
            indices += [index] * len(images)
            ends.append(len(outputs))
            counts.append((expansion.pieces, expansion.left_out, expansion.copies))
        return EncodedRecords(
            self._examples(outputs, indices, pictures.further),
            np.array([output.order for output, _ in outputs], np.uint64),
            np.array(ends, np.int64),
            np.array(counts, np.int64).reshape(-1, len(_COUNTS)),
        )

    def _examples(
        self,
        outputs: Sequence[tuple[OutputImage, ImageOrigin]],
        indices: list[int],
        further: dict[str, Any],
    ) -> pa.LargeBinaryArray:
        """Encode images, with the further outputs of the pictures of these indices."""
        if not outputs:
            return pa.array([], pa.large_binary())
        columns = features(outputs, schema=self._schema, encoder=self._encoder)
        columns |= {name: _take(column, indices) for name, column in further.items()}
        return encode_examples(columns)


def _take(column: Any, indices: list[int]) -> Any:
    if isinstance(column, np.ndarray):
        return column.take(indices, axis=0)
    return column.take(pa.array(indices))


class EncodeImages:
    """Encoders of a worker, each made once for all of its threads.

    Args:
      schema: As in `ImageRecordEncoder`.
      images: As in `ImageRecordEncoder`.
      seed: As in `ImageRecordEncoder`.
    """

    def __init__(self, schema: ImageSchema, images: Images, seed: int) -> None:
        self._settings = (schema, images, seed)
        self._lock = Lock()
        self._encoders: dict[str, ImageRecordEncoder] = {}

    def __call__(self, folder: str) -> ImageRecordEncoder:
        """Return the encoder of the graph in a folder."""
        with self._lock:
            if folder not in self._encoders:
                self._encoders[folder] = ImageRecordEncoder(folder, *self._settings)
            return self._encoders[folder]
