"""Aeroplanes from above: whole pictures with their boxes, to be cut into tiles."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from .images import class_ids, decoded
from .tiles import Tiling

__all__ = ["CLASSES", "TILING", "preprocessing_fn"]

CLASSES = ("plane",)

TILING = Tiling(size=256, stride=192)
"""Tiles of a picture, in training and in serving: 256 pixels, with a quarter of overlap."""


def preprocessing_fn(inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Decode pictures and number the classes of their boxes.

    Args:
      inputs: "image", the bytes of image files, string [batch]; "boxes", ragged float32
        [batch, (n), 4]; "box_labels", ragged string [batch, (n)].

    Returns:
      "image": uint8, ragged [batch, (height), (width), 3].
      "boxes": The boxes, unchanged.
      "classes": Ragged int64 [batch, (n)], counted from 1; -1 for an unknown label.
    """
    return {
        "image": decoded(inputs["image"]),
        "boxes": inputs["boxes"],
        "classes": class_ids(inputs["box_labels"], CLASSES, first=1),
    }
