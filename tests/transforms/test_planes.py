from __future__ import annotations

import numpy as np
import tensorflow as tf
from helpers.image_dataset import noise, png

from recordmill.transforms.planes import preprocessing_fn


def test_pictures_and_boxes_stay_as_they_are() -> None:
    boxes = tf.ragged.constant([[[0.0, 0.0, 0.5, 1.0]], []], ragged_rank=1, inner_shape=(4,))
    outputs = preprocessing_fn(
        {
            "image": tf.constant([png(noise(3, 5)), png(noise(2, 2, seed=1))]),
            "boxes": boxes,
            "box_labels": tf.ragged.constant([["plane"], []], tf.string),
        }
    )
    np.testing.assert_array_equal(outputs["image"][0].to_tensor(), noise(3, 5))
    np.testing.assert_array_equal(outputs["image"][1].to_tensor(), noise(2, 2, seed=1))
    assert outputs["boxes"] is boxes
    assert outputs["classes"].to_list() == [[1], []]
