"""What the metadata of a transform graph say of ids: the range that they lie in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tensorflow as tf
from tensorflow_transform import schema_inference, tf_utils

__all__ = ["in_graph", "with_domain"]

_Ids = TypeVar("_Ids", tf.Tensor, tf.RaggedTensor)


def with_domain(ids: _Ids, *, minimum: int = 0, maximum: int) -> _Ids:
    """Has the metadata of the graph say which ids there can be, as those of TFT's own ids do.

    They say it of a feature that is this very tensor, not of one that is computed from it. Where
    no graph is traced, as in a notebook, there are no metadata, and nothing is said.

    Args:
      ids: An int64 tensor of any shape, dense or ragged.
      minimum: The smallest id: 0, or -1 where that stands for no id.
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
    """What a function of tensorflow_transform gives, which says of its ids which there can be.

    Where no graph is traced, it would say so for good, in the default graph, and every later
    analysis in the process would fail on that. So it is traced in a graph of its own there.

    Args:
      make_ids: Calls the function.
    """
    return tf.function(make_ids, autograph=False)() if tf.executing_eagerly() else make_ids()
