"""`TransformImages`: a bucket of images through the transform graph, into a file of tf.Examples.

The graph takes the encoded bytes and gives pixels, as it does when it serves. They are cut into
pieces, and the pieces stored. The records of a bucket are written in an order of their own, so
that the tiles and copies of one picture do not stand side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tensorflow as tf
from apache_beam.pvalue import TaggedOutput

from ..schemas.errors import DataError, RecipeError
from ..schemas.images import BOXES, IMAGE, LABEL, ImageSchema
from ..schemas.manifest import Expansion
from ..transforms.records import CLASSES
from .elements import Bucket, Feed
from .encode import encode
from .image_options import Images
from .image_pieces import Cutter, Picture, Piece, Pixels
from .image_records import PixelEncoder, Source, features, further_outputs
from .shards import write_segment
from .transform import TransformFunction, configure_tensorflow_threads, stored_features

__all__ = ["ImageGraph", "Shot", "TransformImages"]


@dataclass(frozen=True)
class Shot:
    """An image as the graph gives it: the picture, and what its records need beside it."""

    picture: Picture
    source: Source


class ImageGraph:
    """The transform graph of a dataset of images; threads can share it.

    Args:
      folder: Where `transform_fn` and `transformed_metadata` are.
      schema: What the images have.

    Raises:
      RecipeError: The `preprocessing_fn` gives no pixels, or not what the records need.
    """

    def __init__(self, folder: str, schema: ImageSchema) -> None:
        self._function = TransformFunction(folder)
        self._schema = schema
        self._check(self._function.outputs)

    def __call__(
        self, rows: pa.RecordBatch, tensors: Mapping[str, Any]
    ) -> tuple[list[Shot], dict[str, Any]]:
        """What the graph gives of the images of some rows, and their further outputs."""
        outputs = self._function.run(tensors)
        count = int(outputs[IMAGE].shape[0])
        if count != rows.num_rows:
            raise DataError(
                f'feature "{IMAGE}": expected an image for each of {rows.num_rows:,} rows, got '
                f"{count:,}; the preprocessing_fn must keep the rows as they are"
            )
        further = {name: outputs[name] for name in further_outputs(outputs)}
        shots = [
            Shot(
                Picture(pixels, boxes, (int(sha256[:16], 16), int(sha256[16:32], 16))),
                Source(filename, label, classes),
            )
            for pixels, boxes, sha256, filename, label, classes in zip(
                _pixels(outputs[IMAGE]),
                self._boxes(outputs, count),
                rows.column("sha256").to_pylist(),
                rows.column("filename").to_pylist(),
                self._labels(outputs, count),
                self._classes(outputs, count),
                strict=True,
            )
        ]
        return shots, stored_features(further, self._function.specs_of(further))

    def explain(self, error: tf.errors.OpError, rows: pa.RecordBatch, run: Any) -> str:
        """Which op failed and why, on one line."""
        return self._function.explain(error, rows, run)

    def _boxes(self, outputs: Mapping[str, Any], count: int) -> list[Any]:
        if self._schema.kind == "classification":
            return [None] * count
        return [boxes.numpy().reshape(-1, 4) for boxes in outputs[BOXES]]

    def _labels(self, outputs: Mapping[str, Any], count: int) -> list[int | None]:
        if self._schema.kind == "detection":
            return [None] * count
        return [int(label) for label in outputs[LABEL].numpy()]

    def _classes(self, outputs: Mapping[str, Any], count: int) -> list[npt.NDArray[np.int64]]:
        if self._schema.kind == "classification":
            return [np.zeros(0, np.int64)] * count
        return [classes.numpy() for classes in outputs[CLASSES]]

    def _check(self, outputs: Mapping[str, tf.TypeSpec]) -> None:
        wanted = {IMAGE: tf.uint8}
        if self._schema.kind == "classification":
            wanted[LABEL] = tf.int64
        else:
            wanted |= {BOXES: tf.float32, CLASSES: tf.int64}
        for name, dtype in wanted.items():
            got = outputs[name].dtype.name if name in outputs else "no such output"
            if got != dtype.name:
                raise RecipeError(
                    f"the preprocessing_fn of a dataset of images for {self._schema.kind} gives "
                    f'"{name}" of {dtype.name}; this one has {got}'
                )


def _pixels(images: tf.Tensor | tf.RaggedTensor) -> Iterable[Pixels]:
    """The pixels of each image, [height, width, 3]."""
    if isinstance(images, tf.RaggedTensor):
        return (image.to_tensor().numpy() for image in images)
    return images.numpy()  # type: ignore[no-any-return]


@dataclass
class TransformImages:
    """The work on one bucket, for `Concurrently`; the side input is the folder of the graph.

    Gives the `Segment` of the bucket, and tagged "expansion" (split, `Expansion`).

    Attributes:
      feed: Makes the tensors of a batch.
      schema: What the images have.
      images: How they are cut, copied and stored.
      seed: Of the copies.
      directory: The folder that segments go to.
    """

    feed: Feed
    schema: ImageSchema
    images: Images
    seed: int
    directory: str

    def setup(self) -> None:
        configure_tensorflow_threads()
        self.feed.setup()
        self._loading = Lock()
        self._loaded: dict[str, ImageGraph] = {}
        self._cutter = Cutter(self.images, seed=self.seed)
        self._encoder = PixelEncoder(self.images)

    def __call__(self, element: Bucket, *side_inputs: str) -> list[Any]:
        """Writes the segment of a bucket.

        Raises:
          DataError: The graph fails on a batch; the message names the split and the op.
          RecipeError: The graph does not give what records of images need.
        """
        (folder,) = side_inputs
        with self._loading:
            if folder not in self._loaded:
                self._loaded[folder] = ImageGraph(folder, self.schema)
        found: list[Expansion] = []
        batches = self._records(element, self._loaded[folder], found)
        segment = write_segment(
            self.directory,
            split=element.split,
            index=element.index,
            batches=_in_own_order(batches) if self.images.expands else (r for r, _ in batches),
        )
        expansion = sum(found, Expansion())
        return [segment, TaggedOutput("expansion", (element.split, expansion))]

    def _records(
        self, bucket: Bucket, graph: ImageGraph, found: list[Expansion]
    ) -> Iterator[tuple[pa.LargeBinaryArray, list[int]]]:
        """The records of each batch, and the place of each in the order of the bucket."""

        def run(rows: pa.RecordBatch) -> tuple[list[Shot], dict[str, Any]]:
            return graph(rows, self.feed(rows))

        for rows in bucket.open():
            try:
                shots, further = run(rows)
            except tf.errors.OpError as error:
                raise DataError(f"{bucket.split}: {graph.explain(error, rows, run)}") from error
            pieces: list[tuple[Piece, Source]] = []
            places: list[int] = []
            for place, shot in enumerate(shots):
                own, expansion = self._cutter.pieces(shot.picture, copies=bucket.split == "train")
                found.append(expansion)
                pieces += [(piece, shot.source) for piece in own]
                places += [place] * len(own)
            if pieces:
                stored = features(pieces, schema=self.schema, encoder=self._encoder)
                stored |= {name: _taken(column, places) for name, column in further.items()}
                yield encode(stored), [piece.order for piece, _ in pieces]


def _taken(column: Any, places: list[int]) -> Any:
    if isinstance(column, np.ndarray):
        return column.take(places, axis=0)
    return column.take(pa.array(places))


def _in_own_order(
    batches: Iterator[tuple[pa.LargeBinaryArray, list[int]]],
) -> Iterator[pa.LargeBinaryArray]:
    """The records of all batches by their order, a few hundred at a time."""
    held = list(batches)
    if not held:
        return
    records = pa.chunked_array([records for records, _ in held])
    order = np.argsort(
        np.array([one for _, orders in held for one in orders], np.uint64), kind="stable"
    )
    for start in range(0, len(order), 256):
        taken = records.take(pa.array(order[start : start + 256]))
        yield pa.concat_arrays(taken.chunks)
