from __future__ import annotations

import numpy as np
import tensorflow as tf
from helpers.image_dataset import png

from recordmill.transforms.hotdog import SIZE, preprocessing_fn


def test_the_middle_square_of_a_photo_and_its_class() -> None:
    photo = np.zeros((224, 448, 3), np.uint8)
    photo[:, 112:336] = (200, 30, 90)  # the middle square, which is all that is left
    outputs = preprocessing_fn(
        {
            "image": tf.constant([png(photo), png(photo[:, 112:336])]),
            "label": tf.constant(["hot_dog", "not_hot_dog"]),
        }
    )
    assert outputs["image"].shape == (2, *SIZE, 3)
    assert outputs["image"].dtype == tf.uint8
    assert (outputs["image"].numpy() == (200, 30, 90)).all()
    assert outputs["label"].numpy().tolist() == [1, 0]
