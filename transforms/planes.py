"""Aeroplanes from above: the whole picture as it is; what trains and serves are tiles of it."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from .images import class_ids, decoded
from .tiles import Tiling

__all__ = ["CLASSES", "TILING", "preprocessing_fn"]

CLASSES = ("plane",)

TILING = Tiling(size=256, stride=192)
"""How a picture is cut, for training and by whoever serves: 256 pixels, a quarter shared."""


def preprocessing_fn(inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """`image`: uint8, ragged [batch, (height), (width), 3]; `boxes` and `classes` as they are."""
    return {
        "image": decoded(inputs["image"]),
        "boxes": inputs["boxes"],
        "classes": class_ids(inputs["box_labels"], CLASSES, first=1),
    }
