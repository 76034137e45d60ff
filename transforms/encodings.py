"""Numbers learnt by category: how often it occurs, what the label or a number is on average.

They are computed on what is analyzed, which is the training split alone, and kept in the graph as
tables, so that evaluation rows and served requests get the numbers of training; a request needs
no label. Categories are counted in Arrow, and their number is not limited by Python's memory.
"""

from __future__ import annotations

import tensorflow as tf
import tensorflow_transform as tft

from ..schemas.errors import RecipeError
from ._ops.vocabulary_files import as_tokens, in_one_word, number_of_token
from .missing import is_missing

__all__ = ["count_encode", "fill_by_group", "target_encode"]


def count_encode(x: tf.Tensor) -> tf.Tensor:
    """How many training rows have the same category.

    Args:
      x: A dense string or int64 tensor of any shape.

    Returns:
      An int64 tensor of the shape of `x`. It is 0 for a missing value, which is no category, and
      for one that training did not see.
    """
    words = _words(x)
    return tf.cast(number_of_token(words, _counts(words)), tf.int64)


def target_encode(
    x: tf.Tensor, label: tf.Tensor, *, smoothing: float = 10.0, positive: str | None = None
) -> tf.Tensor:
    """The average label of the training rows of the same category.

    It is (sum of the labels + smoothing * average of all) / (rows + smoothing), the m-estimate of
    Micci-Barreca, "A Preprocessing Scheme for High-Cardinality Categorical Attributes", 2001.

    What this leaks: the number that a training row gets is made of its own label too, the more so
    the rarer its category is. A model can come to trust it more in training than evaluation bears
    out; raise `smoothing` where categories are rare. Evaluation rows leak nothing: only the
    training split is analyzed.

    Args:
      x: A dense string or int64 tensor of any shape.
      label: The label: a number, int64 or float, or a string; of the shape of `x`. Rows without
        one count for nothing.
      smoothing: How many rows of average label are added to each category; at least 0.
      positive: The class of a string label whose share is taken.

    Returns:
      A float32 tensor of the shape of `x`. A missing value, and one that training did not see,
      has the average of all labels, which is 0 where there is none.

    Raises:
      RecipeError: `smoothing` is negative, or `positive` is missing for a string label or given
        for a number.
    """
    if not smoothing >= 0:
        raise RecipeError(f"expected a smoothing of at least 0, got {smoothing}")
    return tf.cast(_mean_by_category(_words(x), _target(label, positive), smoothing), tf.float32)


def fill_by_group(x: tf.Tensor, group: tf.Tensor) -> tf.Tensor:
    """Put the average of its group in the place of every missing value.

    Args:
      x: A dense int64, float32 or float64 tensor of any shape.
      group: A dense string or int64 tensor of the shape of `x`.

    Returns:
      A float32 tensor of the shape of `x`, without missing values. Where the group is missing, or
      no training row of it has a value, it is the average of all values; 0 where there is none.
    """
    values = _numbers(x)
    filled = _mean_by_category(_words(group), values, 0.0)
    return tf.cast(tf.where(is_missing(values), filled, values), tf.float32)


def _words(x: tf.Tensor) -> tf.Tensor:
    return in_one_word(as_tokens(x))


def _counts(words: tf.Tensor) -> tf.Tensor:
    """The file with the number of rows of each category; missing ones are in none."""
    return tft.vocabulary(words, store_frequency=True)


def _mean_by_category(words: tf.Tensor, values: tf.Tensor, smoothing: float) -> tf.Tensor:
    """For each row the average value of its category, else of all; float64.

    Args:
      words: Tokens of one word, "" where missing.
      values: float64, NaN where missing.
      smoothing: How many rows of the average of all are added to a category.
    """
    known = tf.where(is_missing(values), "", words)
    numbers = tf.where(is_missing(values), tf.zeros_like(values), values)
    sums = tft.vocabulary(known, weights=numbers, store_frequency=True)
    count = number_of_token(words, _counts(known))
    total = number_of_token(words, sums)
    overall = tft.mean(values)
    average = (total + smoothing * overall) / (count + smoothing)
    return tf.where(count > 0, average, overall)


def _target(label: tf.Tensor, positive: str | None) -> tf.Tensor:
    """The label as a number; float64, NaN where missing."""
    if label.dtype != tf.string:
        if positive is not None:
            raise RecipeError(f'positive: the label is a number, got "{positive}"')
        return _numbers(label)
    if not positive:
        raise RecipeError("positive: expected the class of the string label whose share is taken")
    share = tf.cast(tf.equal(label, positive), tf.float64)
    return tf.where(is_missing(label), tf.constant(float("nan"), tf.float64), share)


def _numbers(x: tf.Tensor) -> tf.Tensor:
    """The values in float64, NaN where missing."""
    return tf.where(is_missing(x), tf.constant(float("nan"), tf.float64), tf.cast(x, tf.float64))
