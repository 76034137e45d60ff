"""Records of images, under the keys of the TF Object Detection API.

`features` makes the features of a batch of records; `describe` writes their schema into
`transformed_metadata`, so that `tft.TFTransformOutput(DIR).transformed_feature_spec()` parses them.
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
"""Compression level of PNG: four times as fast as the default, for 8 % more bytes of a photo."""
_STANDARD = (IMAGE, LABEL, BOXES, CLASSES)
"""Outputs of the graph that are stored under the keys of the API."""


@dataclass(frozen=True)
class ImageOrigin:
    """Image that output images are made of.

    Attributes:
      filename: Name of its file.
      label: Class id, from 0, or None.
      classes: Class id of each box, from 1; int64, [n].
    """

    filename: str
    label: int | None
    classes: npt.NDArray[np.int64]


def further_outputs(outputs: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the outputs of the graph that are stored under their own names."""
    return tuple(name for name in outputs if name not in _STANDARD)


class PixelEncoder:
    """Encodes pixels as the bytes of "image/encoded"; threads can share it.

    Args:
      images: Settings of the images, for storage and quality.

    Attributes:
      storage: Value of "image/format".
    """

    def __init__(self, images: Images) -> None:
        self.storage = images.storage
        self._quality = images.quality
        self._encode_batch = tf.function(
            self._encode_each, input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)]
        )

    def __call__(self, pixels: Sequence[Pixels]) -> list[bytes]:
        """Encode each image as PNG, JPEG or its raw uint8 [height, width, 3]."""
        if self.storage == "raw":
            return [image.tobytes() for image in pixels]
        encoded: list[bytes] = []
        # One call of TensorFlow for consecutive images of one shape.
        for _, group in groupby(pixels, key=lambda image: image.shape):
            encoded += self._encode_batch(np.stack(list(group))).numpy().tolist()
        return encoded

    def _encode_each(self, pixels: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(self._encode, pixels, fn_output_signature=tf.string)

    def _encode(self, pixels: tf.Tensor) -> tf.Tensor:
        if self.storage == "png":
            return tf.io.encode_png(pixels, compression=_PNG_LEVEL)
        return tf.io.encode_jpeg(pixels, quality=self._quality)


def features(
    images: Sequence[tuple[OutputImage, ImageOrigin]], *, schema: ImageSchema, encoder: PixelEncoder
) -> dict[str, Any]:
    """Return the features of a record for each image, as `encode_examples` takes them."""
    shapes = [image.pixels.shape for image, _ in images]
    columns: dict[str, Any] = {
        "image/encoded": _bytes(encoder([image.pixels for image, _ in images])),
        "image/format": _bytes(encoder.storage.encode() for _ in images),
        "image/height": np.array([shape[0] for shape in shapes], np.int64),
        "image/width": np.array([shape[1] for shape in shapes], np.int64),
        "image/filename": _bytes(origin.filename.encode() for _, origin in images),
        "image/source_id": _bytes(
            (origin.filename + image.name).encode() for image, origin in images
        ),
    }
    if schema.kind == "classification":
        return columns | _labels([origin.label for _, origin in images], schema)
    return columns | _boxes(images, schema)


def _labels(ids: Sequence[int | None], schema: ImageSchema) -> dict[str, Any]:
    """Return the features of labels; the id of a missing one is -1, its text is empty."""
    labels = [-1 if id_ is None else id_ for id_ in ids]
    names = [schema.classes[i] if 0 <= i < len(schema.classes) else "" for i in labels]
    return {
        "image/class/label": np.array(labels, np.int64),
        "image/class/text": _bytes(name.encode() for name in names),
    }


def _boxes(
    images: Sequence[tuple[OutputImage, ImageOrigin]], schema: ImageSchema
) -> dict[str, Any]:
    """Return the features of boxes, lists of one value a box."""
    boxes = [image.boxes for image, _ in images]
    ids = [origin.classes[image.box_indices] for image, origin in images]
    ends = np.cumsum([0, *map(len, boxes)])
    flat = np.concatenate([np.zeros((0, 4), np.float32), *boxes])
    all_ids = np.concatenate([np.zeros(0, np.int64), *ids])
    by_id = dict(enumerate(schema.classes, 1))
    texts = [by_id.get(id_, "").encode() for id_ in all_ids.tolist()]
    return {
        **{
            f"image/object/bbox/{edge}": _lists(ends, np.ascontiguousarray(flat[:, axis]))
            for axis, edge in enumerate(_EDGES)
        },
        "image/object/class/label": _lists(ends, all_ids),
        "image/object/class/text": _lists(ends, pa.array(texts, pa.large_binary())),
    }


def _bytes(values: Any) -> npt.NDArray[np.object_]:
    listed = list(values)
    array = np.empty(len(listed), object)
    array[:] = listed
    return array


def _lists(ends: npt.NDArray[np.int64], values: Any) -> pa.LargeListArray:
    return pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), pa.array(values))


def describe(folder: str, *, schema: ImageSchema) -> None:
    """Write the schema of the records to `transformed_metadata/schema.pbtxt`.

    The outputs of the graph there are replaced by the features of the records, except for those
    that are stored under their own names. A second call changes nothing.

    Args:
      folder: Folder of the dataset.
      schema: Schema of the images.
    """
    path = files.join(folder, "transformed_metadata", "schema.pbtxt")
    outputs = text_format.Parse(files.read_bytes(path).decode(), schema_pb2.Schema())
    proto = schema_pb2.Schema()
    for feature in outputs.feature:
        name = feature.name.partition("$")[0]
        if name not in _STANDARD and not name.startswith("image/"):
            proto.feature.append(feature)
    for group, representations in outputs.tensor_representation_group.items():
        for name, value in representations.tensor_representation.items():
            if name not in _STANDARD:
                proto.tensor_representation_group[group].tensor_representation[name].CopyFrom(value)
    for name, kind in _feature_types(schema).items():
        _add(proto, name, kind, many=name.startswith("image/object/"))
    files.write_bytes(path, text_format.MessageToString(proto).encode())


def _feature_types(schema: ImageSchema) -> dict[str, int]:
    """Return the type of each feature of the records, under the keys of the API."""
    text, integer, number = schema_pb2.BYTES, schema_pb2.INT, schema_pb2.FLOAT
    types = {
        "image/encoded": text,
        "image/format": text,
        "image/height": integer,
        "image/width": integer,
        "image/filename": text,
        "image/source_id": text,
    }
    if schema.kind == "classification":
        return types | {"image/class/label": integer, "image/class/text": text}
    edges = {f"image/object/bbox/{edge}": number for edge in _EDGES}
    return types | edges | {"image/object/class/label": integer, "image/object/class/text": text}


def _add(proto: schema_pb2.Schema, name: str, kind: int, *, many: bool) -> None:
    feature = proto.feature.add(name=name, type=kind)
    if many:
        return
    feature.presence.min_fraction = 1
    feature.shape.SetInParent()
