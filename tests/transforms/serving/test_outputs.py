from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from recordmill.schemas.errors import RecipeError
from recordmill.transforms.serving.outputs import infer_output_kind, named_outputs

CLASSES = ("no", "yes")


def lists(outputs: dict[str, tf.Tensor]) -> dict[str, list[object]]:
    return {name: value.numpy().tolist() for name, value in outputs.items()}


@pytest.mark.parametrize("shape", [[2], [2, 1]])
def test_one_logit_for_two_classes(shape: list[int]) -> None:
    logits = tf.reshape(tf.constant([0.0, 100.0]), shape)
    assert lists(named_outputs(logits, kind="logits", classes=CLASSES)) == {
        "logits": [[0.0], [100.0]],
        "probabilities": [[0.5, 0.5], [0.0, 1.0]],
        "classes": [b"no", b"yes"],
    }


def test_a_logit_a_class() -> None:
    outputs = named_outputs(
        tf.constant([[0.0, 0.0, 100.0]]), kind="logits", classes=("a", "b", "c")
    )
    assert lists(outputs) == {
        "logits": [[0.0, 0.0, 100.0]],
        "probabilities": [[0.0, 0.0, 1.0]],
        "classes": [b"c"],
    }


def test_probabilities_of_classes_without_names() -> None:
    single = named_outputs(tf.constant([[0.25], [0.75]]), kind="probabilities", classes=())
    assert lists(single) == {"probabilities": [[0.75, 0.25], [0.25, 0.75]], "classes": [b"0", b"1"]}
    each = named_outputs(tf.constant([[0.25, 0.75]]), kind="probabilities", classes=())
    assert lists(each) == {"probabilities": [[0.25, 0.75]], "classes": [b"1"]}


def test_values() -> None:
    for shape in ([3], [3, 1]):
        values = tf.reshape(tf.constant([1.0, 2.0, 3.0]), shape)
        assert lists(named_outputs(values, kind="values", classes=())) == {
            "predictions": [1.0, 2.0, 3.0]
        }
    several = {"boxes": tf.zeros([1, 4])}
    assert lists(named_outputs(several, kind="values", classes=())) == {"boxes": [[0.0] * 4]}


def test_another_number_of_classes() -> None:
    with pytest.raises(RecipeError) as error:
        named_outputs(tf.zeros([5, 3]), kind="logits", classes=CLASSES)
    assert str(error.value) == "expected a model of 2 logits a row, one for each class, got 3"


def test_infer_output_kind() -> None:
    inputs = tf.keras.Input((1,))
    for activation, expected in ((None, "logits"), ("sigmoid", "probabilities")):
        model = tf.keras.Model(inputs, tf.keras.layers.Dense(1, activation=activation)(inputs))
        assert infer_output_kind(model, CLASSES) == expected
        assert infer_output_kind(model, ()) == "values"
    assert infer_output_kind(np.sum, CLASSES) == "logits"
