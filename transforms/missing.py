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
    """Return the mask of missing values.

    Args:
      x: A dense string, int64, float32 or float64 tensor of any shape.

    Returns:
      A bool tensor of the shape of `x`: True where a value is missing.

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
    """Return the feature "this value was missing", a companion of an imputed one.

    Args:
      x: A dense string, int64, float32 or float64 tensor of any shape.

    Returns:
      An int64 tensor of the shape of `x`: 1 where `x` is missing, else 0.

    Raises:
      TypeError: As in `is_missing`.
    """
    return tf.cast(is_missing(x), tf.int64)


def fill_missing(x: tf.Tensor, value: str | float) -> tf.Tensor:
    """Replace every missing value by one value.

    Args:
      x: A dense string, int64, float32 or float64 tensor of any shape.
      value: The replacement, of the dtype of `x`.

    Returns:
      A tensor of the shape and dtype of `x`, without missing values unless `value` is one.

    Raises:
      TypeError: As in `is_missing`.
    """
    return tf.where(is_missing(x), tf.constant(value, x.dtype), x)
