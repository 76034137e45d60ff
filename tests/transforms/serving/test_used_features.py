"""Features that the outputs of a model are computed from."""

from __future__ import annotations

from typing import Any

import pytest
import tensorflow as tf

from recordmill.transforms.serving.used_features import used_features

SPECS = {
    "b": tf.TensorSpec([None], tf.float32),
    "a": tf.TensorSpec([None], tf.float32),
    "ragged": tf.RaggedTensorSpec([None, None], tf.float32),
    "sparse": tf.SparseTensorSpec([None, 5], tf.float32),
}


def of_ragged(features: Any) -> Any:
    return tf.reduce_sum(features["ragged"], axis=1) + features["a"]


def of_sparse(features: Any) -> Any:
    return {"x": tf.sparse.reduce_sum(features["sparse"], axis=1), "y": features["b"]}


def of_rows(features: Any) -> Any:
    return tf.zeros([tf.size(features["b"])])


def with_a_check(features: Any) -> Any:
    tf.debugging.assert_positive(features["b"])
    return features["a"] * 2


def of_nothing(features: Any) -> Any:
    return tf.zeros([3])


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (of_ragged, ["a", "ragged"]),
        (of_sparse, ["b", "sparse"]),
        (of_rows, ["b"]),
        (with_a_check, ["b", "a"]),
        (of_nothing, []),
    ],
)
def test_features(function: Any, expected: list[str]) -> None:
    assert used_features(function, SPECS) == expected


def test_a_model_with_inputs_that_lead_nowhere() -> None:
    inputs = {name: tf.keras.Input((), name=name) for name in "ab"}
    model = tf.keras.Model(inputs, tf.keras.layers.Rescaling(2.0)(inputs["b"]))
    specs = {name: SPECS[name] for name in "ab"}
    assert used_features(lambda features: model(features, training=False), specs) == ["b"]
