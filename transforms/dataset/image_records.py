"""Reading of image records, with the keys of the TF Object Detection API.

A record contains the picture as PNG, JPEG or raw bytes, its class or its boxes, and further
outputs of the graph under their own names. It is read in two steps, so that pictures are decoded
in parallel, one record at a time, and all the rest is parsed a batch at a time:

    pictures = records.map(lambda record: (record, record_pixels(record, images)))
    examples = pictures.batch(32).map(lambda record, pixels: parse_images(record, pixels, ...))

`images` is the manifest's description of the records: {"storage": "png", "jpeg" or "raw", "height"
and "width": pixels, or None where sizes differ, "classes": their names, "kind": "classification"
or "detection", "further": the names of other stored features}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import tensorflow as tf

from ...schemas.errors import DataError
from ...schemas.images import BOXES, IMAGE, LABEL, ImageKind
from ..serving.transform_graph import stored_feature

__all__ = [
    "CLASSES",
    "check_images",
    "parse_images",
    "pixels_spec",
    "record_pixels",
    "record_spec",
    "targets",
]

CLASSES = "classes"
"""Name of the classes of boxes, among the outputs of the graph and in a target."""

_SIDES = tuple(f"image/object/bbox/{side}" for side in ("ymin", "xmin", "ymax", "xmax"))
_STORAGES = ("png", "jpeg", "raw")


def check_images(images: Mapping[str, Any], *, path: str) -> None:
    """Check a manifest's description of image records.

    Args:
      images: The description.
      path: The path of the manifest, for messages.

    Raises:
      DataError: An entry is missing or invalid; the message names it.
    """
    sizes = [images.get(side) for side in ("height", "width")]
    names = [images.get(key) for key in ("classes", "further")]
    wrong = [
        ("storage", images.get("storage") not in _STORAGES),
        ("kind", images.get("kind") not in get_args(ImageKind)),
        ("height and width", not (sizes == [None, None] or all(map(_is_size, sizes)))),
        ("classes and further", not all(map(_are_names, names))),
    ]
    for noun, is_wrong in wrong:
        if is_wrong:
            raise DataError(
                f"{path}: expected valid {noun} of the images, got {dict(images)}. "
                "Prepare the dataset again."
            )


def _is_size(value: Any) -> bool:
    return type(value) is int and value > 0


def _are_names(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(name, str) for name in value)


def targets(images: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the outputs of the graph that a model predicts.

    >>> targets({"kind": "detection"})
    ('boxes', 'classes')
    """
    return (BOXES, CLASSES) if images["kind"] == "detection" else (LABEL,)


def record_spec(images: Mapping[str, Any], outputs: Mapping[str, tf.TypeSpec]) -> dict[str, Any]:
    """Return the `tf.io.parse_example` spec of a record.

    Args:
      images: The manifest's description of the records.
      outputs: The type spec of each output of the transform graph.

    Returns:
      The spec of each key. Lists are read as `tf.RaggedTensor`; a `tf.io.VarLenFeature` reads them
      too. Class ids count from 0 in `image/class/label`, and from 1, as in `label_map.pbtxt`, in
      `image/object/class/label`.
    """
    text, number = tf.io.FixedLenFeature([], tf.string), tf.io.FixedLenFeature([], tf.int64)
    spec = {
        "image/encoded": text,
        "image/format": text,
        "image/height": number,
        "image/width": number,
        "image/filename": text,
        "image/source_id": text,
    }
    if images["kind"] == "detection":
        spec |= {side: _list(tf.float32) for side in _SIDES}
        spec |= {
            "image/object/class/label": _list(tf.int64),
            "image/object/class/text": _list(tf.string),
        }
    else:
        spec |= {"image/class/label": number, "image/class/text": text}
    return spec | {name: stored_feature(name, outputs[name]) for name in images["further"]}


def _list(dtype: tf.DType) -> Any:
    return tf.io.RaggedFeature(dtype, row_splits_dtype=tf.int64)


def record_pixels(record: tf.Tensor, images: Mapping[str, Any]) -> tf.Tensor:
    """Decode the picture of one record.

    Args:
      record: A serialized `tf.train.Example`, a string scalar.
      images: The manifest's description of the records.

    Returns:
      uint8 RGB [height, width, 3].

    Raises:
      tf.errors.InvalidArgumentError: The bytes do not decode, or decode to another size than that
        in `images`.
    """
    text, number = tf.io.FixedLenFeature([], tf.string), tf.io.FixedLenFeature([], tf.int64)
    spec = {"image/encoded": text, "image/height": number, "image/width": number}
    features = tf.io.parse_single_example(record, spec)
    encoded = features["image/encoded"]
    if images["storage"] == "raw":
        shape = tf.stack([features["image/height"], features["image/width"], 3])
        image = tf.reshape(tf.io.decode_raw(encoded, tf.uint8), shape)
    elif images["storage"] == "png":
        image = tf.io.decode_png(encoded, channels=3)
    else:
        image = tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")
    return tf.ensure_shape(image, [images["height"], images["width"], 3])


def pixels_spec(images: Mapping[str, Any]) -> tf.TypeSpec:
    """Return the spec of a batch of pictures, uint8 [None, height, width, 3].

    It is ragged in height and width where sizes differ.

    >>> pixels_spec({"height": 2, "width": 4})
    TensorSpec(shape=(None, 2, 4, 3), dtype=tf.uint8, name=None)
    """
    shape = [None, images["height"], images["width"], 3]
    if images["height"]:
        return tf.TensorSpec(shape, tf.uint8)
    return tf.RaggedTensorSpec(shape, tf.uint8, ragged_rank=2, row_splits_dtype=tf.int64)


def parse_images(
    records: tf.Tensor,
    pixels: Any,
    images: Mapping[str, Any],
    outputs: Mapping[str, tf.TypeSpec],
) -> tuple[Any, Any]:
    """Parse a batch of records into (features, target).

    Args:
      records: Serialized `tf.train.Example`s, string [batch].
      pixels: Their pictures, from `record_pixels`, [batch, height, width, 3], dense or ragged.
      images: The manifest's description of the records.
      outputs: The type spec of each output of the transform graph.

    Returns:
      (features, target). The features are the pixels alone; where further features are stored, a
      dict of them and of "image". The target of a classification is the index of the class, int64
      [batch]; that of a detection is {"boxes": ragged float32 [batch, None, 4], (ymin, xmin, ymax,
      xmax) relative to the image, "classes": ragged int64 [batch, None], counted from 1}.
    """
    spec = record_spec(images, outputs)
    del spec["image/encoded"]
    parsed = tf.io.parse_example(records, spec)
    further = {name: parsed[name] for name in images["further"]}
    features = {IMAGE: pixels, **further} if further else pixels
    if images["kind"] == "classification":
        return features, parsed["image/class/label"]
    sides = [parsed[side] for side in _SIDES]
    boxes = tf.stack([side.flat_values for side in sides], axis=-1)
    return features, {
        BOXES: sides[0].with_flat_values(boxes),
        CLASSES: parsed["image/object/class/label"],
    }
