"""Differences between predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from recordmill.transforms.serving.model_function import ModelFunction, largest_difference

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("left", "right", "share", "where"),
    [
        ([1.0, 4.0], [1.0, 4.0], 0.0, ("x", 0, "1", "1")),
        ([1.0, 4.0], [2.0, 4.0], 0.25, ("x", 0, "1", "2")),
        ([0.0, 0.0], [0.0, -2.0], 1.0, ("x", 1, "0", "-2")),
        ([NAN, INF], [NAN, INF], 0.0, ("x", 0, "nan", "nan")),
        ([1.0, NAN], [1.0, 1.0], INF, ("x", 1, "nan", "1")),
        ([[1.0, 2.0]], [[1.0, 1.0]], 0.5, ("x", 0, "2", "1")),
        ([1.0], [[1.0]], INF, ("x", 0, "values of shape (1,)", "of (1, 1)")),
        ([], [], 0.0, None),
    ],
)
def test_floats(left: Any, right: Any, share: float, where: Any) -> None:
    sides = ({"x": np.array(side, np.float32)} for side in (left, right))
    difference, position = largest_difference(*sides)
    assert difference == pytest.approx(share)
    assert position == where


@pytest.mark.parametrize(
    ("left", "right", "share", "where"),
    [
        ([[1.0], [4.0, 2.0]], [[1.0], [4.0, 2.0]], 0.0, ("x", 0, "1", "1")),
        ([[1.0], [4.0, 2.0]], [[1.0], [4.0, 3.0]], 0.25, ("x", 1, "2", "3")),
        ([[1.0], [4.0, 2.0]], [[1.0], [4.0]], INF, ("x", 0, "values of shape (2, 2)", "of (2, 1)")),
        ([[1.0, 2.0], [4.0]], [[1.0], [4.0, 2.0]], INF, ("x", 0, "2", "nan")),
    ],
)
def test_ragged_and_sparse_floats(left: Any, right: Any, share: float, where: Any) -> None:
    ragged = [tf.ragged.constant(side) for side in (left, right)]
    for sides in (ragged, [side.to_sparse() for side in ragged]):
        difference, position = largest_difference(*({"x": side} for side in sides))
        assert difference == pytest.approx(share)
        assert position == where


def test_classes_follow_from_probabilities() -> None:
    left = {"classes": np.array([b"a"], object), "probabilities": np.float32([[0.5]])}
    right = {"classes": np.array([b"b"], object), "probabilities": np.float32([[0.5]])}
    assert largest_difference(left, right)[0] == 0
    left, right = ({"classes": side["classes"]} for side in (left, right))
    assert largest_difference(left, right) == (INF, ("classes", 0, "b'a'", "b'b'"))
    assert largest_difference(left, {"other": right["classes"]}) == (0.0, None)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_the_share_does_not_depend_on_the_side(values: list[float]) -> None:
    left = {"x": np.array(values, np.float32)}
    right = {"x": left["x"][::-1]}
    share, _ = largest_difference(left, right)
    assert share == largest_difference(right, left)[0]
    assert 0 <= share <= 2


def test_a_model_that_is_no_model_of_keras_gets_the_features_as_they_are() -> None:
    class Model(tf.Module):
        def __call__(self, features: Any, training: bool) -> Any:
            return features["a"] * (3 if training else 2)

    function = ModelFunction(Model(), "values", ())
    batch = {"a": tf.constant([1.0]), "b": tf.constant([0.0])}
    for answers in (
        function.serve(batch),
        function.predict(batch),
        function.predict_eagerly(batch, by_name=True),
    ):
        assert answers["predictions"].numpy().tolist() == [2.0]


@pytest.mark.parametrize(
    "model",
    [
        lambda features: features["a"],
        tf.function(lambda features: features["a"]),
        lambda features, training: features["a"] + float(training),
        lambda features, **options: features["a"] + float(options["training"]),
    ],
    ids=["without training", "a tf.function", "with training", "with any keyword"],
)
def test_training_is_false_for_a_model_that_takes_it(model: Any) -> None:
    function = ModelFunction(model, "values", ())
    features = {"a": tf.constant([1.0, 2.0])}
    for predict in (
        function.predict,
        function.serve,
        lambda batch: function.predict_eagerly(batch, by_name=False),
    ):
        assert predict(features)["predictions"].numpy().tolist() == [1, 2]
    assert function.output(features).numpy().tolist() == [1, 2]
