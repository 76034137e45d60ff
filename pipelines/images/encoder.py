"""`ImageRecordEncoder`: rows of encoded images to the records that are stored of them.

    pictures = press.pictures(rows)              the graph: encoded bytes to pixels, boxes, labels
    pressed = press.records(pictures, ...)       pieces, copies, and the bytes of their records

Where the graph learns nothing from the data, it is there before the first image is read. Then an
image is decoded once, where it is read, and its records go through the shuffle in place of its
bytes. Else the bytes do, and the press stands behind the analysis.
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
"""The split whose pieces have augmented copies."""

_ORDERS = "__orders"
_COUNTS = ("__pieces", "__left_out", "__copies")


@dataclass(frozen=True)
class Pictures:
    """Some images as the graph gives them.

    Attributes:
      shots: One an image.
      further: The outputs that are stored under their own names, as `encode_examples` takes them.
    """

    shots: Sequence[GraphOutput]
    further: dict[str, Any]


@dataclass(frozen=True)
class EncodedRecords:
    """The records of some images.

    Attributes:
      records: Those of the first image, then those of the next: [records].
      orders: A word a record, which places it among those of a bucket; uint64 [records].
      ends: Where those of each image begin, and where the last ends; int64 [images + 1].
      counts: How many pieces there were of each image, how many were left out, and how many copies
        were made; int64 [images, 3].
    """

    records: pa.LargeBinaryArray
    orders: npt.NDArray[np.uint64]
    ends: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]

    @property
    def expansion(self) -> Expansion:
        """The numbers of all images together."""
        return Expansion(len(self.counts), *self.counts.sum(axis=0).tolist())

    def columns(self) -> dict[str, pa.Array]:
        """A value an image, as `of` takes them."""
        splits = pa.array(self.ends, pa.int64())
        counts = {name: pa.array(self.counts[:, i]) for i, name in enumerate(_COUNTS)}
        return counts | {
            RECORDS: pa.LargeListArray.from_arrays(splits, self.records),
            _ORDERS: pa.LargeListArray.from_arrays(splits, pa.array(self.orders)),
        }

    @classmethod
    def of(cls, rows: pa.RecordBatch) -> EncodedRecords:
        """What rows carry that `encoded_rows` made."""
        records, orders = rows.column(RECORDS), rows.column(_ORDERS)
        lengths = records.value_lengths().to_numpy(zero_copy_only=False)
        counts = [rows.column(name).to_numpy() for name in _COUNTS]
        return cls(
            records.flatten(),
            orders.flatten().to_numpy(),
            np.concatenate([[0], np.cumsum(lengths)]),
            np.stack(counts, axis=1),
        )


def encoded_rows(rows: pa.RecordBatch, pressed: EncodedRecords) -> pa.RecordBatch:
    """Rows with the records of the images in place of their bytes."""
    kept = [name for name in rows.schema.names if name != IMAGE]
    columns = dict(zip(rows.schema.names, rows.columns, strict=True))
    made = {ENCODED_BYTES: pc.binary_length(columns[IMAGE])} | pressed.columns()
    return pa.RecordBatch.from_pydict({name: columns[name] for name in kept} | made)


class ImageRecordEncoder:
    """Makes records of images; threads can share it.

    Args:
      folder: Where `transform_fn` and `transformed_metadata` are.
      schema: What the images have.
      images: How they are cut, copied and stored.
      seed: Of the copies.

    Raises:
      RecipeError: The `preprocessing_fn` gives no pixels, or not what the records need.
    """

    def __init__(self, folder: str, schema: ImageSchema, images: Images, seed: int) -> None:
        self._schema = schema
        self._feed = ImageTensorAdapter(schema)
        self._graph = ImageGraph(folder, schema)
        self._cutter = TileAndAugment(images, seed=seed)
        self._encoder = PixelEncoder(images)

    @property
    def refuses_cut_jpegs(self) -> bool:
        """Whether the graph fails on a JPEG that lacks the data of its last pixels."""
        return self._graph.refuses_cut_jpegs

    def pictures(self, rows: pa.RecordBatch) -> Pictures:
        """What the graph gives of the images of some rows.

        Raises:
          tf.errors.OpError: It fails on one of them; `explain` says where.
          DataError: It gives another number of images than there are rows.
        """
        return Pictures(*self._graph(rows, self._feed(rows)))

    def explain(self, error: tf.errors.OpError, rows: pa.RecordBatch) -> str:
        """Which op failed on these rows and why, on one line."""
        return self._graph.explain(error, rows, self.pictures)

    def records(
        self, pictures: Pictures, *, chosen: Iterable[int], copies: Iterable[bool]
    ) -> EncodedRecords:
        """The records of some pictures.

        Args:
          pictures: As the graph gave them.
          chosen: The places of those to make records of.
          copies: Whether each of these has augmented copies, too.
        """
        pieces: list[tuple[OutputImage, ImageOrigin]] = []
        places: list[int] = []
        ends, counts = [0], []
        for place, copied in zip(chosen, copies, strict=True):
            shot = pictures.shots[place]
            own, expansion = self._cutter.pieces(shot.picture, copies=copied)
            pieces += [(piece, shot.source) for piece in own]
            places += [place] * len(own)
            ends.append(len(pieces))
            counts.append((expansion.pieces, expansion.left_out, expansion.copies))
        return EncodedRecords(
            self._stored(pieces, places, pictures.further),
            np.array([piece.order for piece, _ in pieces], np.uint64),
            np.array(ends, np.int64),
            np.array(counts, np.int64).reshape(-1, len(_COUNTS)),
        )

    def _stored(
        self,
        pieces: Sequence[tuple[OutputImage, ImageOrigin]],
        places: list[int],
        further: dict[str, Any],
    ) -> pa.LargeBinaryArray:
        if not pieces:
            return pa.array([], pa.large_binary())
        stored = features(pieces, schema=self._schema, encoder=self._encoder)
        stored |= {name: _taken(column, places) for name, column in further.items()}
        return encode_examples(stored)


def _taken(column: Any, places: list[int]) -> Any:
    if isinstance(column, np.ndarray):
        return column.take(places, axis=0)
    return column.take(pa.array(places))


class EncodeImages:
    """The presses of a worker, each made once for all its threads.

    Args:
      schema: As in `ImageRecordEncoder`.
      images: The same.
      seed: The same.
    """

    def __init__(self, schema: ImageSchema, images: Images, seed: int) -> None:
        self._of = (schema, images, seed)
        self._making = Lock()
        self._made: dict[str, ImageRecordEncoder] = {}

    def __call__(self, folder: str) -> ImageRecordEncoder:
        """The press of the graph in a folder."""
        with self._making:
            if folder not in self._made:
                self._made[folder] = ImageRecordEncoder(folder, *self._of)
            return self._made[folder]
