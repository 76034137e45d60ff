"""Hot dog or not: the middle of a photo, in one size."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from .images import class_ids, resized

__all__ = ["CLASSES", "SIZE", "preprocessing_fn"]

CLASSES = ("not_hot_dog", "hot_dog")
"""Folders of the images, in the order of the class ids."""

SIZE = (224, 224)
"""Height and width in pixels, usual for image networks."""


def preprocessing_fn(inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Decode and resize photos, and number their classes.

    Args:
      inputs: "image", the bytes of image files, and "label", names of `CLASSES`; string [batch].

    Returns:
      "image": uint8 [batch, 224, 224, 3], the middle square of each photo.
      "label": int64 [batch]; -1 for a label that is no class, as in a served request.
    """
    return {
        "image": resized(inputs["image"], SIZE),
        "label": class_ids(inputs["label"], CLASSES),
    }
