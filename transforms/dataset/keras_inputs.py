"""Inputs of a functional Keras model over a prepared dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from ...schemas.errors import RecipeError

__all__ = ["keras_inputs"]


def keras_inputs(features: Mapping[str, tf.TypeSpec]) -> dict[str, Any]:
    """Return a symbolic input for each feature.

    Args:
      features: The spec of each feature, of tensors [None, …].

    Returns:
      A `keras.Input` by the feature's name, of Keras 3 or, with TensorFlow 2.15, Keras 2. The name
      of the input has "_" in the place of "/", which Keras does not allow.

    Raises:
      RecipeError: A feature is ragged, which Keras models do not take.
    """
    return {name: _input(name, spec) for name, spec in features.items()}


def _input(name: str, spec: Any) -> Any:
    if isinstance(spec, tf.RaggedTensorSpec):
        raise RecipeError(
            f'feature "{name}" is ragged, {spec.shape}, and a Keras model takes no ragged inputs; '
            "make it dense first: data.dataset(...).map(...) with to_tensor(), and name only the "
            "others here: keras_inputs(features=[...])"
        )
    sparse = isinstance(spec, tf.SparseTensorSpec)
    shape = tuple(spec.shape[1:])
    return tf.keras.Input(shape, dtype=spec.dtype.name, sparse=sparse, name=name.replace("/", "_"))
