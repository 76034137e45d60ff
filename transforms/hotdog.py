"""Hot dog or not: the middle of a photo, in one size."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from .images import class_ids, resized

__all__ = ["CLASSES", "SIZE", "preprocessing_fn"]

CLASSES = ("not_hot_dog", "hot_dog")
"""The folders of the images; the order is that of the class ids."""

SIZE = (224, 224)
"""Height and width in pixels, as most image networks take them."""


def preprocessing_fn(inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """`image`: uint8 [batch, 224, 224, 3], the middle square; `label`: int64 [batch]."""
    return {
        "image": resized(inputs["image"], SIZE),
        "label": class_ids(inputs["label"], CLASSES),
    }
