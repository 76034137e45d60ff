"""Numbers learned by category: its count, or the average of the label or of a number.

The training split alone is analyzed. The graph stores the numbers as tables, so that evaluation
rows and served requests get the numbers of training; a request needs no label. Categories are
counted in Arrow, so their number is not limited by the size of Python objects.
"""

from __future__ import annotations

import tensorflow as tf
import tensorflow_transform as tft

from ..schemas.errors import RecipeError
from ._ops.vocabulary_files import as_tokens, in_one_word, number_of_token
from .missing import is_missing

__all__ = ["count_encode", "fill_by_group", "target_encode"]


def count_encode(x: tf.Tensor) -> tf.Tensor:
    """Return the number of training rows with the same category.

    Args:
      x: A dense string or int64 tensor of any shape.

    Returns:
      An int64 tensor of the shape of `x`: 0 for a missing value, which is no category, and for
      a category that does not occur in training data.
    """
    words = _words(x)
    return tf.cast(number_of_token(words, _counts(words)), tf.int64)


def target_encode(
    x: tf.Tensor, label: tf.Tensor, *, smoothing: float = 10.0, positive: str | None = None
) -> tf.Tensor:
    """Return the average label of the training rows with the same category.

    It is (sum of the labels + smoothing * average of all) / (rows + smoothing), the m-estimate of
    Micci-Barreca, "A Preprocessing Scheme for High-Cardinality Categorical Attributes", 2001.

    Target leakage: the number of a training row includes its own label, with more weight the
    rarer its category is, so a model can rely on it more in training than evaluation justifies.
    Raise `smoothing` where categories are rare. Evaluation rows leak nothing: only the training
    split is analyzed.

    Args:
      x: A dense string or int64 tensor of any shape.
      label: The label, int64, float32, float64 or string, of the shape of `x`. Rows with a
        missing label are left out.
      smoothing: The number of rows with the average label to add to each category; at least 0.
      positive: The class of a string label whose share to compute; only for string labels.

    Returns:
      A float32 tensor of the shape of `x`. For a missing value, and for a category that does not
      occur in training data, the average of all labels; 0 where all labels are missing.

    Raises:
      RecipeError: `smoothing` is negative, `positive` is absent for a string label, or it is
        present for a number.
    """
    if not smoothing >= 0:
        raise RecipeError(f"expected a smoothing of at least 0, got {smoothing}")
    return tf.cast(_mean_by_category(_words(x), _target(label, positive), smoothing), tf.float32)


def fill_by_group(x: tf.Tensor, group: tf.Tensor) -> tf.Tensor:
    """Replace every missing value by the average of its group.

    Args:
      x: A dense int64, float32 or float64 tensor of any shape.
      group: A dense string or int64 tensor of the shape of `x`.

    Returns:
      A float32 tensor of the shape of `x`, without missing values. Where the group is missing, or
      has no value in training data, the average of all values is filled in; 0 where all values
      are missing.
    """
    values = _numbers(x)
    filled = _mean_by_category(_words(group), values, 0.0)
    return tf.cast(tf.where(is_missing(values), filled, values), tf.float32)


def _words(x: tf.Tensor) -> tf.Tensor:
    return in_one_word(as_tokens(x))


def _counts(words: tf.Tensor) -> tf.Tensor:
    """Return the vocabulary file with the number of rows of each category; "" is not counted."""
    return tft.vocabulary(words, store_frequency=True)


def _mean_by_category(words: tf.Tensor, values: tf.Tensor, smoothing: float) -> tf.Tensor:
    """Return the average value of the category of each row, else of all rows; float64.

    Args:
      words: Tokens of one word, "" where missing.
      values: The values, float64, NaN where missing.
      smoothing: The number of rows with the average of all to add to each category.
    """
    # A row without a value is no row of its category: "" is in no vocabulary.
    words_with_value = tf.where(is_missing(values), "", words)
    numbers = tf.where(is_missing(values), tf.zeros_like(values), values)
    sums = tft.vocabulary(words_with_value, weights=numbers, store_frequency=True)
    count = number_of_token(words, _counts(words_with_value))
    total = number_of_token(words, sums)
    overall = tft.mean(values)
    average = (total + smoothing * overall) / (count + smoothing)
    return tf.where(count > 0, average, overall)


def _target(label: tf.Tensor, positive: str | None) -> tf.Tensor:
    """Return the label as a number, float64, NaN where missing."""
    if label.dtype != tf.string:
        if positive is not None:
            raise RecipeError(f'positive: the label is a number, got "{positive}"')
        return _numbers(label)
    if not positive:
        raise RecipeError("positive: expected the class of the string label whose share is taken")
    share = tf.cast(tf.equal(label, positive), tf.float64)
    return tf.where(is_missing(label), tf.constant(float("nan"), tf.float64), share)


def _numbers(x: tf.Tensor) -> tf.Tensor:
    """Return the values in float64, NaN where missing."""
    return tf.where(is_missing(x), tf.constant(float("nan"), tf.float64), tf.cast(x, tf.float64))
