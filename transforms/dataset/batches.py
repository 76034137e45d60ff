"""Batches of parsed records, the elements of `PreparedDataset.dataset`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from ...schemas.images import IMAGE
from .image_records import parse_images, record_pixels

__all__ = ["image_batches", "image_parser", "row_batches", "row_parser"]

_PARSED = 1024
"""Least number of records to parse at a time, for smaller batches too."""


def row_batches(
    blocks: tf.data.Dataset,
    batch_size: int,
    drop_remainder: bool,
    *,
    spec: Mapping[str, Any],
    features: Sequence[str],
    label: str | None,
) -> tf.data.Dataset:
    """Return batches of rows: of features, or of (features, label).

    Args:
      blocks: Serialized records, strings [n] for any n.
      batch_size: The number of rows of a batch.
      drop_remainder: Whether to leave out a last smaller batch.
      spec: The parsing spec of all features and of the label.
      features: The names of the features to parse, in order.
      label: The name of the label, if any.
    """
    selected = [spec[name] for name in (*features, *([] if label is None else [label]))]
    dense = all(isinstance(feature, tf.io.FixedLenFeature) for feature in selected)
    # Parsing many rows at once is faster, but only dense tensors can be rebatched afterwards.
    parsed_size = batch_size * max(_PARSED // batch_size, 1) if dense else batch_size
    drop_before = drop_remainder and parsed_size == batch_size
    parse = row_parser(spec, features, label)
    parsed = blocks.rebatch(parsed_size, drop_before).map(
        parse, num_parallel_calls=tf.data.AUTOTUNE
    )
    return parsed if parsed_size == batch_size else parsed.rebatch(batch_size, drop_remainder)


def row_parser(
    spec: Mapping[str, Any], features: Sequence[str], label: str | None
) -> Callable[[tf.Tensor], Any]:
    """Return a function from serialized rows to a batch of `row_batches`."""
    selected = {name: spec[name] for name in (*features, *([] if label is None else [label]))}

    def parse(serialized: tf.Tensor) -> Any:
        values = tf.io.parse_example(serialized, selected)
        batch = {name: values[name] for name in features}
        return batch if label is None else (batch, values[label])

    return parse


def image_batches(
    records: tf.data.Dataset,
    batch_size: int,
    drop_remainder: bool,
    *,
    images: Mapping[str, Any],
    outputs: Mapping[str, tf.TypeSpec],
    features: Sequence[str] | None,
) -> tf.data.Dataset:
    """Return batches of (image or features, target); see `parse_images`.

    Args:
      records: Serialized records, string scalars.
      batch_size: The number of records of a batch.
      drop_remainder: Whether to leave out a last smaller batch.
      images: The manifest's description of the records.
      outputs: The type spec of each output of the transform graph.
      features: The names of the features to return in a dict, in order; None for all features, in
        the structure of `parse_images`. Pictures are decoded only if they are among them.
    """
    with_pixels = features is None or IMAGE in features
    elements = records.map(
        lambda record: (record, record_pixels(record, images) if with_pixels else tf.constant(0)),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    if images["height"] or not with_pixels:
        batches = elements.batch(batch_size, drop_remainder=drop_remainder)
    else:
        batches = elements.ragged_batch(batch_size, drop_remainder, row_splits_dtype=tf.int64)

    def parse(record: tf.Tensor, pixels: Any) -> Any:
        parsed, target = parse_images(record, pixels, images, outputs)
        return _in_order(parsed, features), target

    return batches.map(parse, num_parallel_calls=tf.data.AUTOTUNE)


def image_parser(
    images: Mapping[str, Any],
    outputs: Mapping[str, tf.TypeSpec],
    features: Sequence[str] | None,
) -> Callable[[tf.Tensor], Any]:
    """Return a function from serialized records of images to features; see `image_batches`."""
    spec: tf.TypeSpec = tf.TensorSpec([images["height"], images["width"], 3], tf.uint8)
    if not images["height"]:
        spec = tf.RaggedTensorSpec([None, None, 3], tf.uint8, 1, tf.int64)

    def pixels(record: tf.Tensor) -> Any:
        image = record_pixels(record, images)
        return image if images["height"] else tf.RaggedTensor.from_tensor(image, ragged_rank=1)

    def parse(records: tf.Tensor) -> Any:
        decoded = tf.map_fn(pixels, records, fn_output_signature=spec)
        return _in_order(parse_images(records, decoded, images, outputs)[0], features)

    return parse


def _in_order(parsed: Any, features: Sequence[str] | None) -> Any:
    """Return parsed features unchanged, or a dict of the named ones, in their order."""
    if features is None:
        return parsed
    named = parsed if isinstance(parsed, Mapping) else {IMAGE: parsed}
    return {name: named[name] for name in features}
