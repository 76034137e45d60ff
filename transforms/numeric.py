"""Numbers to numbers: one tensor in, one tensor out, for any `preprocessing_fn`.

Each function is a thin layer on tensorflow_transform that adds two things. Missing values (see
`missing`) are left out of all that is learned from the data, and never leave a finished feature as
NaN. Learning is in float64, so that a constant column has no variance and a timestamp keeps its
seconds. Inputs are dense int64, float32 or float64 tensors of any shape.

Integers beyond 2^53 are rounded to float64, and beyond 2^24 to float32. `prepare` refuses a column
where this rounding leaves fewer than a thousand distinct numbers in its range.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import tensorflow as tf
import tensorflow_transform as tft

from ..schemas.errors import RecipeError
from ._ops.id_domains import in_graph
from .missing import fill_missing, is_missing

__all__ = [
    "bucketize_by_boundaries",
    "bucketize_by_quantiles",
    "clip",
    "impute",
    "log",
    "min_max",
    "z_score",
]

_MEDIAN_EPSILON = 0.001


def z_score(x: tf.Tensor) -> tf.Tensor:
    """Scale to mean 0 and standard deviation 1: (x - mean(x)) / stddev(x).

    Mean and (biased) standard deviation leave missing values out.

    Args:
      x: A dense int64, float32 or float64 tensor of any shape.

    Returns:
      A float32 tensor of the shape of `x`. A missing value is 0, the mean. In a constant column
      the standard deviation counts as 1, so every training value is 0. Where all values are
      missing, or there is no row, the mean counts as 0 and the standard deviation as 1.
    """
    missing = is_missing(x)
    scaled = tf.cast(tft.scale_to_z_score(_with_nan(x, missing)), tf.float32)
    return tf.where(missing, tf.zeros_like(scaled), scaled)


def min_max(x: tf.Tensor, *, output_min: float = 0.0, output_max: float = 1.0) -> tf.Tensor:
    """Scale linearly so that min(x) becomes `output_min` and max(x) becomes `output_max`.

    Args:
      x: A dense int64, float32 or float64 tensor of any shape.
      output_min: The result for the smallest training value.
      output_max: The result for the largest training value; above `output_min`.

    Returns:
      A float32 tensor of the shape of `x`. Results of training values lie in
      [output_min, output_max]; a served value outside the training range has a result outside
      this one (`clip` first to prevent that). A missing value is `output_min`, and so is every
      value of a column that is constant or all missing.

    Raises:
      RecipeError: `output_min` is not below `output_max`.
    """
    if output_min >= output_max:
        raise RecipeError(f"expected output_min below output_max, got {output_min}, {output_max}")
    missing = is_missing(x)
    values = tf.cast(x, tf.float64)
    low = tft.min(tf.where(missing, tf.constant(float("inf"), tf.float64), values))
    high = tft.max(tf.where(missing, tf.constant(float("-inf"), tf.float64), values))
    scaled = output_min + (values - low) / (high - low) * (output_max - output_min)
    usable = tf.logical_and(tf.logical_not(missing), low < high)
    return tf.cast(tf.where(usable, scaled, output_min), tf.float32)


def log(x: tf.Tensor) -> tf.Tensor:
    """Return the natural logarithm of 1 + x, for amounts and counts.

    Args:
      x: A dense int64, float32 or float64 tensor of any shape. The domain is x > -1.

    Returns:
      A float32 tensor of the shape of `x`. The result for a missing value, or for one at or below
      -1, is missing (NaN); apply `impute` or `z_score` to it.
    """
    values = _with_nan(x, is_missing(x))
    inside = tf.where(values > -1.0, values, tf.constant(float("nan"), tf.float64))
    return tf.cast(tf.math.log1p(inside), tf.float32)


def clip(x: tf.Tensor, *, minimum: float | None = None, maximum: float | None = None) -> tf.Tensor:
    """Clip values to [minimum, maximum].

    Args:
      x: A dense int64, float32 or float64 tensor of any shape.
      minimum: The lower bound, inclusive; None for no bound.
      maximum: The upper bound, inclusive; None for no bound.

    Returns:
      A tensor of the shape and dtype of `x`. A missing value stays missing, an infinity too. For
      int64, a fractional bound is rounded inward.

    Raises:
      RecipeError: `minimum` is above `maximum`.
    """
    if minimum is not None and maximum is not None and minimum > maximum:
        raise RecipeError(f"expected minimum up to maximum, got {minimum}, {maximum}")
    clipped = x
    if minimum is not None:
        clipped = tf.maximum(clipped, _bound(minimum, x.dtype, math.ceil))
    if maximum is not None:
        clipped = tf.minimum(clipped, _bound(maximum, x.dtype, math.floor))
    return tf.where(is_missing(x), x, clipped)


def impute(
    x: tf.Tensor,
    *,
    strategy: Literal["mean", "median", "constant"] = "mean",
    fill_value: float = 0.0,
) -> tf.Tensor:
    """Replace every missing value by a number; see also `missing_indicator`.

    Args:
      x: A dense int64, float32 or float64 tensor of any shape.
      strategy: "mean" or "median" of the values that are not missing, or "constant". The median
        of an even number of values is one of the two in the middle; of many values, one whose
        rank is within 0.1 % of the middle. Where all values are missing, mean and median are 0.
      fill_value: The number for "constant".

    Returns:
      A float32 tensor of the shape of `x`, without missing values.

    Raises:
      RecipeError: `strategy` is none of the three.
    """
    values = _with_nan(x, is_missing(x))
    if strategy == "constant":
        return tf.cast(fill_missing(values, fill_value), tf.float32)
    if strategy == "mean":
        learned = tft.mean(values)
    elif strategy == "median":
        learned = tft.quantiles(values, num_buckets=2, epsilon=_MEDIAN_EPSILON)
    else:
        raise RecipeError(
            f'expected an impute strategy of mean, median, constant, got "{strategy}"'
        )
    number = tf.cast(tf.reshape(learned, []), tf.float64)
    return tf.cast(tf.where(is_missing(values), number, values), tf.float32)


def bucketize_by_quantiles(x: tf.Tensor, *, num_buckets: int) -> tf.Tensor:
    """Assign values to buckets of about equally many training values.

    Args:
      x: A dense int64, float32 or float64 tensor of any shape.
      num_buckets: The number of buckets; at least 2.

    Returns:
      An int64 tensor of the shape of `x`: from bucket 0 for the smallest values to
      `num_buckets` - 1 for the largest, and `num_buckets` for missing: `num_buckets` + 1 ids in
      all. Where few distinct values share the quantiles, some buckets stay empty; where all are
      missing, the boundaries are 0.

    Raises:
      RecipeError: `num_buckets` is below 2.
    """
    if num_buckets < 2:
        raise RecipeError(f"expected num_buckets of at least 2, got {num_buckets}")
    values = _with_nan(x, is_missing(x))
    boundaries = tft.quantiles(values, num_buckets, epsilon=min(1 / num_buckets, 0.01))
    return _bucketize(values, tf.cast(boundaries, tf.float64))


def bucketize_by_boundaries(x: tf.Tensor, *, boundaries: Sequence[float]) -> tf.Tensor:
    """Assign values to the buckets between boundaries.

    Args:
      x: A dense int64, float32 or float64 tensor of any shape.
      boundaries: The boundaries, at least one, strictly ascending. A value equal to a boundary
        belongs to the bucket above it.

    Returns:
      An int64 tensor of the shape of `x`: from 0 below the first boundary to `len(boundaries)`
      from the last one on, and `len(boundaries)` + 1 for missing: `len(boundaries)` + 2 ids in
      all.

    Raises:
      RecipeError: `boundaries` is empty or does not ascend.
    """
    if not boundaries or sorted(set(boundaries)) != list(boundaries):
        raise RecipeError(f"expected boundaries in ascending order, got {list(boundaries)}")
    values = _with_nan(x, is_missing(x))
    return _bucketize(values, tf.constant([boundaries], tf.float64))


def _bound(value: float, dtype: tf.DType, inward: Callable[[float], int]) -> tf.Tensor:
    """Return a bound in the dtype of the values, an integer one rounded inward."""
    return tf.constant(inward(value) if dtype.is_integer else value, dtype)


def _with_nan(x: tf.Tensor, missing: tf.Tensor) -> tf.Tensor:
    """Return the values in float64, NaN where missing."""
    return tf.where(missing, tf.constant(float("nan"), tf.float64), tf.cast(x, tf.float64))


def _bucketize(values: tf.Tensor, boundaries: tf.Tensor) -> tf.Tensor:
    """Return bucket ids, with one more id for NaN.

    NaN sorts last, so an infinity as one more boundary separates it from the numbers.
    """
    end = tf.constant([[float("inf")]], tf.float64)
    return in_graph(lambda: tft.apply_buckets(values, tf.concat([boundaries, end], axis=1)))
