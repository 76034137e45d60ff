"""Ranges of ids in the metadata of a transform graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tensorflow as tf
from tensorflow_transform import schema_inference, tf_utils

__all__ = ["in_graph", "with_domain"]

_Ids = TypeVar("_Ids", tf.Tensor, tf.RaggedTensor)


def with_domain(ids: _Ids, *, minimum: int = 0, maximum: int) -> _Ids:
    """Write the range of ids into the metadata of the graph, as TFT does for its own ids.

    The range applies to a feature that is this very tensor, not to one computed from it. In eager
    execution, as in a notebook, there are no metadata, and nothing is written.

    Args:
      ids: An int64 tensor of any shape, dense or ragged.
      minimum: The smallest id: 0, or -1 where that means no id.
      maximum: The largest id.

    Returns:
      `ids`.
    """
    if not tf.executing_eagerly():
        schema_inference.set_tensor_schema_override(
            tf_utils.get_values(ids),
            tf.constant(minimum, tf.int64),
            tf.constant(maximum, tf.int64),
        )
    return ids


def in_graph(make_ids: Callable[[], tf.Tensor]) -> tf.Tensor:
    """Call a function of tensorflow_transform that writes the range of its ids into the metadata.

    In eager execution it would write them into the default graph of the process, where every
    later analysis would fail on them. So it is then traced in a graph of its own.

    Args:
      make_ids: The function, without arguments.

    Returns:
      Its result.
    """
    return tf.function(make_ids, autograph=False)() if tf.executing_eagerly() else make_ids()
