"""Missing values in dense tensors: "" in strings, `MISSING_INT64` in int64, NaN in floats.

The functions of this package agree on that one convention, so that they combine: `log` of a
missing value is missing, and `z_score`, `impute` or `fill_missing` then decide what it becomes.
An infinity counts as missing too: it is no measurement, and no mean survives it.
"""

from __future__ import annotations

import tensorflow as tf

from ..schemas.column import MISSING_INT64

__all__ = ["fill_missing", "is_missing", "missing_indicator"]


def is_missing(x: tf.Tensor) -> tf.Tensor:
    """Tells which values are missing.

    Args:
      x: A dense string, int64, float32 or float64 tensor of any shape.

    Returns:
      A bool tensor of the shape of `x`.

    Raises:
      TypeError: `x` has another dtype, for which no missing value is defined.
    """
    if x.dtype == tf.string:
        return tf.equal(x, "")
    if x.dtype == tf.int64:
        return tf.equal(x, MISSING_INT64)
    if x.dtype in (tf.float32, tf.float64):
        return tf.logical_not(tf.math.is_finite(x))
    raise TypeError(f"expected a string, int64, float32 or float64 tensor, got {x.dtype.name}")


def missing_indicator(x: tf.Tensor) -> tf.Tensor:
    """The feature "this value was missing", to stand beside an imputed one.

    Args:
      x: A dense string, int64, float32 or float64 tensor of any shape.

    Returns:
      An int64 tensor of the shape of `x`: 1 where `x` is missing, else 0.
    """
    return tf.cast(is_missing(x), tf.int64)


def fill_missing(x: tf.Tensor, value: str | float) -> tf.Tensor:
    """Put one value in the place of every missing one.

    Args:
      x: A dense string, int64, float32 or float64 tensor of any shape.
      value: What to put; of the kind that `x` holds.

    Returns:
      A tensor of the shape and dtype of `x`, without missing values unless `value` is one.
    """
    return tf.where(is_missing(x), tf.constant(value, x.dtype), x)
