"""Prepared datasets for `tf.estimator`, part of TensorFlow up to 2.15.

wide, deep = data.feature_columns()
model = tf.estimator.DNNLinearCombinedClassifier(
    linear_feature_columns=wide, dnn_feature_columns=deep, dnn_hidden_units=[64, 32])
model.train(data.input_fn("train", 512, epochs=10))
data.export(model, "serving/1")
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from ...schemas.errors import RecipeError
from ..serving.graph import ServingGraph

__all__ = ["FeatureColumns", "estimator_example", "feature_columns", "receiver_fn"]

_ONE_HOT = 64
"""Largest vocabulary that is one-hot encoded for a deep model; larger ones are embedded."""


class FeatureColumns(NamedTuple):
    """Features of a dataset as feature columns.

    Attributes:
      wide: Columns for a linear model: a weight for each id.
      deep: Columns for a network: the numbers; and the ids, one-hot encoded where there are up to
        64, else embedded in as many dimensions as the fourth root of their number, rounded up.
    """

    wide: list[Any]
    deep: list[Any]


def feature_columns(
    features: Mapping[str, tf.TypeSpec], vocab_sizes: Mapping[str, int]
) -> FeatureColumns:
    """Return the features of a dataset as feature columns.

    Args:
      features: The spec of each feature.
      vocab_sizes: The number of ids of each feature of ids.

    Returns:
      Every feature of ids in the wide and the deep columns, and every other dense number in the
      deep ones. Strings, and numbers that are not dense, are in neither.
    """
    wide, deep = [], []
    for name, spec in features.items():
        if name in vocab_sizes:
            size = vocab_sizes[name]
            column = tf.feature_column.categorical_column_with_identity(name, size)
            wide.append(column)
            deep.append(_dense(column, size))
        elif isinstance(spec, tf.TensorSpec) and spec.dtype in (tf.float32, tf.int64):
            shape = tuple(spec.shape[1:]) or (1,)
            deep.append(tf.feature_column.numeric_column(name, shape))
    return FeatureColumns(wide, deep)


def _dense(column: Any, size: int) -> Any:
    if size <= _ONE_HOT:
        return tf.feature_column.indicator_column(column)
    return tf.feature_column.embedding_column(column, math.ceil(size**0.25))


def estimator_example(features: Any, *label: Any) -> Any:
    """Convert an element of `dataset` for estimators: ragged tensors to sparse ones."""
    features = as_estimator_features(features)
    return (features, *label) if label else features


def as_estimator_features(features: Any) -> Any:
    """Convert ragged features to sparse ones; others stay unchanged."""
    if not isinstance(features, Mapping):
        return features
    return {
        name: tensor.to_sparse() if isinstance(tensor, tf.RaggedTensor) else tensor
        for name, tensor in features.items()
    }


def receiver_fn(graph: ServingGraph) -> Callable[[], Any]:
    """Return a `serving_input_receiver_fn` that puts the transform graph in front of a model.

    Args:
      graph: The transform graph in front of the model.

    Returns:
      A function without arguments. An exported model takes the raw columns, by name, [None]; its
      signatures "examples:…" take serialized `tf.train.Example`s, in which columns can be
      missing.

    Raises:
      RecipeError: This TensorFlow has no `tf.estimator`.
    """
    estimator = getattr(tf, "estimator", None)
    if estimator is None:
        raise RecipeError(
            f"TensorFlow {tf.__version__} has no tf.estimator: pip install 'tensorflow<2.16'"
        )

    def receive() -> Any:
        serialized = tf.compat.v1.placeholder(tf.string, [None], name="examples")
        columns = tf.io.parse_example(serialized, graph.raw_spec)
        return estimator.export.ServingInputReceiver(
            as_estimator_features(graph(columns)),
            columns,
            {"examples": {"examples": serialized}},
        )

    return receive
