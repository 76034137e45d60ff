"""Numbers to numbers: one tensor in, one tensor out, for any `preprocessing_fn`.

Each function is a thin layer on tensorflow_transform that adds two things: missing values (see
`missing`) take no part in what is learned from the data and never leave a finished feature as
NaN; and what is learned is learned in float64, so that a constant column has no variance and a
timestamp keeps its seconds. Inputs are dense int64, float32 or float64 tensors of any shape.

Integers beyond 2^53 are rounded to float64, and to float32 beyond 2^24. `prepare` refuses a column
whose range that leaves less than a thousand different numbers of.
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
    """Scales to mean 0 and standard deviation 1: (x - mean(x)) / stddev(x).

    Mean and (biased) standard deviation are those of the values that are not missing.

    Args:
      x: A dense int64, float32 or float64 tensor of any shape.

    Returns:
      A float32 tensor of the shape of `x`. A missing value is 0, the mean. In a constant column
      the standard deviation counts as 1, so every training value is 0; so does it, with a mean
      of 0, where all values are missing or there is none.
    """
    missing = is_missing(x)
    scaled = tf.cast(tft.scale_to_z_score(_with_nan(x, missing)), tf.float32)
    return tf.where(missing, tf.zeros_like(scaled), scaled)


def min_max(x: tf.Tensor, *, output_min: float = 0.0, output_max: float = 1.0) -> tf.Tensor:
    """Scales linearly so that min(x) becomes `output_min` and max(x) becomes `output_max`.

    Args:
      x: A dense int64, float32 or float64 tensor of any shape.
      output_min: What the smallest value seen becomes.
      output_max: What the largest value seen becomes; above `output_min`.

    Returns:
      A float32 tensor of the shape of `x`. The values analyzed lie in
      [output_min, output_max]; a served value beyond them lies beyond it (`clip` first to
      prevent that). A missing value is `output_min`, and so is every value of a column that is
      constant or all missing.

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
    """The natural logarithm of 1 + x, for amounts and counts.

    Args:
      x: A dense int64, float32 or float64 tensor of any shape. The domain is x > -1.

    Returns:
      A float32 tensor of the shape of `x`. What is missing or at or below -1 has no logarithm
      and is missing (NaN): `impute` or `z_score` what comes out.
    """
    values = _with_nan(x, is_missing(x))
    inside = tf.where(values > -1.0, values, tf.constant(float("nan"), tf.float64))
    return tf.cast(tf.math.log1p(inside), tf.float32)


def clip(x: tf.Tensor, *, minimum: float | None = None, maximum: float | None = None) -> tf.Tensor:
    """Brings what is below `minimum` up to it and what is above `maximum` down to it.

    Args:
      x: A dense int64, float32 or float64 tensor of any shape.
      minimum: The smallest value to keep, inclusive; None for no bound.
      maximum: The largest value to keep, inclusive; None for no bound.

    Returns:
      A tensor of the shape and dtype of `x`. Missing stays missing.

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
    """Put a number in the place of every missing value; see also `missing_indicator`.

    Args:
      x: A dense int64, float32 or float64 tensor of any shape.
      strategy: "mean" or "median" of the values that are not missing, or "constant". The median
        of an even number of values is one of the two in the middle; of many, one whose rank is
        within 0.1 % of the middle. Where all values are missing both are 0.
      fill_value: The number for "constant".

    Returns:
      A float32 tensor of the shape of `x`, without missing values.

    Raises:
      RecipeError: There is no such strategy.
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
    """Put values into buckets that hold about equally many of them.

    Args:
      x: A dense int64, float32 or float64 tensor of any shape.
      num_buckets: How many buckets; at least 2.

    Returns:
      An int64 tensor of the shape of `x`: bucket 0 for the smallest values to
      `num_buckets` - 1 for the largest, and `num_buckets` for missing: so there are
      `num_buckets` + 1 ids. Where few distinct values share the quantiles some buckets stay
      empty; where all are missing the boundaries are 0.

    Raises:
      RecipeError: `num_buckets` is below 2.
    """
    if num_buckets < 2:
        raise RecipeError(f"expected num_buckets of at least 2, got {num_buckets}")
    values = _with_nan(x, is_missing(x))
    boundaries = tft.quantiles(values, num_buckets, epsilon=min(1 / num_buckets, 0.01))
    return _bucketize(values, tf.cast(boundaries, tf.float64))


def bucketize_by_boundaries(x: tf.Tensor, *, boundaries: Sequence[float]) -> tf.Tensor:
    """Put values into the buckets between given boundaries.

    Args:
      x: A dense int64, float32 or float64 tensor of any shape.
      boundaries: In ascending order, each once; at least one. A value equal to a boundary goes
        into the bucket above it.

    Returns:
      An int64 tensor of the shape of `x`: 0 below the first boundary to `len(boundaries)` from
      the last one on, and `len(boundaries)` + 1 for missing: so there are
      `len(boundaries)` + 2 ids.

    Raises:
      RecipeError: There is no boundary, or they do not ascend.
    """
    if not boundaries or sorted(set(boundaries)) != list(boundaries):
        raise RecipeError(f"expected boundaries in ascending order, got {list(boundaries)}")
    values = _with_nan(x, is_missing(x))
    return _bucketize(values, tf.constant([boundaries], tf.float64))


def _bound(value: float, dtype: tf.DType, inward: Callable[[float], int]) -> tf.Tensor:
    """A bound in the dtype it bounds; for integers the nearest one inside."""
    return tf.constant(inward(value) if dtype.is_integer else value, dtype)


def _with_nan(x: tf.Tensor, missing: tf.Tensor) -> tf.Tensor:
    """The values in float64, NaN where missing."""
    return tf.where(missing, tf.constant(float("nan"), tf.float64), tf.cast(x, tf.float64))


def _bucketize(values: tf.Tensor, boundaries: tf.Tensor) -> tf.Tensor:
    """Bucket ids; infinity as one more boundary gives NaN, which sorts last, an id of its own."""
    end = tf.constant([[float("inf")]], tf.float64)
    return in_graph(lambda: tft.apply_buckets(values, tf.concat([boundaries, end], axis=1)))
