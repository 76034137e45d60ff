"""The records of images, under the keys of the TF Object Detection API.

`features` makes them of the pieces of a batch; `describe` says in `transformed_metadata` what they
hold, so that `tft.TFTransformOutput(DIR).transformed_feature_spec()` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from ...schemas.images import BOXES, IMAGE, LABEL, ImageSchema
from ...transforms.dataset.image_records import CLASSES
from ..config.images import Images
from ..runtime import filesystem as files
from .tiles import OutputImage, Pixels

__all__ = ["PixelEncoder", "ImageOrigin", "describe", "features", "further_outputs"]

_EDGES = ("ymin", "xmin", "ymax", "xmax")
_PNG_LEVEL = 1
"""Four times as fast as the default, for 8 % more bytes of a photo."""
_OWN = (IMAGE, LABEL, BOXES, CLASSES)


@dataclass(frozen=True)
class ImageOrigin:
    """What a piece was cut of.

    Attributes:
      filename: Of the image.
      label: The class id, from 0, or None.
      classes: The class id of each box, from 1; int64 [n].
    """

    filename: str
    label: int | None
    classes: npt.NDArray[np.int64]


def further_outputs(outputs: Mapping[str, Any]) -> tuple[str, ...]:
    """The outputs of the graph that are stored under their own names."""
    return tuple(name for name in outputs if name not in _OWN)


class PixelEncoder:
    """Makes the bytes of "image/encoded" of pixels; threads can share it.

    Args:
      images: How they are stored.

    Attributes:
      storage: The value of "image/format".
    """

    def __init__(self, images: Images) -> None:
        self.storage = images.storage
        self._quality = images.quality
        self._encode_all = tf.function(
            self._mapped, input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)]
        )

    def __call__(self, pixels: Sequence[Pixels]) -> list[bytes]:
        """PNG, JPEG, or uint8 [height, width, 3] as it is, of each; images of one shape at once."""
        if self.storage == "raw":
            return [one.tobytes() for one in pixels]
        encoded: list[bytes] = []
        for _, alike in groupby(pixels, key=lambda one: one.shape):
            encoded += self._encode_all(np.stack(list(alike))).numpy().tolist()
        return encoded

    def _mapped(self, pixels: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(self._encoded, pixels, fn_output_signature=tf.string)

    def _encoded(self, pixels: tf.Tensor) -> tf.Tensor:
        if self.storage == "png":
            return tf.io.encode_png(pixels, compression=_PNG_LEVEL)
        return tf.io.encode_jpeg(pixels, quality=self._quality)


def features(
    pieces: Sequence[tuple[OutputImage, ImageOrigin]], *, schema: ImageSchema, encoder: PixelEncoder
) -> dict[str, Any]:
    """The features of a record a piece, as `encode` takes them."""
    shapes = [piece.pixels.shape for piece, _ in pieces]
    found: dict[str, Any] = {
        "image/encoded": _bytes(encoder([piece.pixels for piece, _ in pieces])),
        "image/format": _bytes(encoder.storage.encode() for _ in pieces),
        "image/height": np.array([shape[0] for shape in shapes], np.int64),
        "image/width": np.array([shape[1] for shape in shapes], np.int64),
        "image/filename": _bytes(source.filename.encode() for _, source in pieces),
        "image/source_id": _bytes(
            (source.filename + piece.name).encode() for piece, source in pieces
        ),
    }
    if schema.kind == "classification":
        labels = [-1 if source.label is None else source.label for _, source in pieces]
        names = [schema.classes[i] if 0 <= i < len(schema.classes) else "" for i in labels]
        found["image/class/label"] = np.array(labels, np.int64)
        found["image/class/text"] = _bytes(name.encode() for name in names)
        return found
    boxes = [piece.boxes for piece, _ in pieces]
    ids = [source.classes[piece.box_indices] for piece, source in pieces]
    ends = np.cumsum([0, *map(len, boxes)])
    flat = np.concatenate([np.zeros((0, 4), np.float32), *boxes])
    for axis, edge in enumerate(_EDGES):
        found[f"image/object/bbox/{edge}"] = _lists(ends, np.ascontiguousarray(flat[:, axis]))
    all_ids = np.concatenate([np.zeros(0, np.int64), *ids])
    found["image/object/class/label"] = _lists(ends, all_ids)
    by_id = dict(enumerate(schema.classes, 1))
    texts = [by_id.get(one, "").encode() for one in all_ids.tolist()]
    found["image/object/class/text"] = _lists(ends, pa.array(texts, pa.large_binary()))
    return found


def _bytes(values: Any) -> npt.NDArray[np.object_]:
    listed = list(values)
    array = np.empty(len(listed), object)
    array[:] = listed
    return array


def _lists(ends: npt.NDArray[np.int64], values: Any) -> pa.LargeListArray:
    return pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), pa.array(values))


def describe(folder: str, *, schema: ImageSchema) -> None:
    """Rewrites `transformed_metadata/schema.pbtxt` to describe the records; doing it again is
    the same.

    Args:
      folder: The dataset.
      schema: What the images have.
    """
    path = files.join(folder, "transformed_metadata", "schema.pbtxt")
    given = text_format.Parse(files.read_bytes(path).decode(), schema_pb2.Schema())
    proto = schema_pb2.Schema()
    for feature in given.feature:
        name = feature.name.partition("$")[0]
        if name not in _OWN and not name.startswith("image/"):
            proto.feature.append(feature)
    for group, representations in given.tensor_representation_group.items():
        for name, one in representations.tensor_representation.items():
            if name not in _OWN:
                proto.tensor_representation_group[group].tensor_representation[name].CopyFrom(one)
    for name, kind in _stored(schema).items():
        _add(proto, name, kind, many=name.startswith("image/object/"))
    files.write_bytes(path, text_format.MessageToString(proto).encode())


def _stored(schema: ImageSchema) -> dict[str, int]:
    text, integer, number = schema_pb2.BYTES, schema_pb2.INT, schema_pb2.FLOAT
    stored = {
        "image/encoded": text,
        "image/format": text,
        "image/height": integer,
        "image/width": integer,
        "image/filename": text,
        "image/source_id": text,
    }
    if schema.kind == "classification":
        return stored | {"image/class/label": integer, "image/class/text": text}
    edges = {f"image/object/bbox/{edge}": number for edge in _EDGES}
    return stored | edges | {"image/object/class/label": integer, "image/object/class/text": text}


def _add(proto: schema_pb2.Schema, name: str, kind: int, *, many: bool) -> None:
    feature = proto.feature.add(name=name, type=kind)
    if many:
        return
    feature.presence.min_fraction = 1
    feature.shape.SetInParent()
