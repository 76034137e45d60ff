"""Text to numbers: one tensor in, one tensor out, for any `preprocessing_fn`.

Words are runs of letters, marks, digits and underscores of any script; what is between them goes.
Scripts that do not part words, such as Chinese, are not parted. Case is kept: `lower` first.

What comes out is dense, [batch, top_k], which every model reads. For a vocabulary too large for
that, store ragged ids, `vocabulary_ids` or `hash_buckets` of `ngrams`, and embed those.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf
import tensorflow_transform as tft

from ..schemas.errors import RecipeError
from ._ops.vocabulary_files import in_one_word, number_of_line, place_of_token
from .multivalued import count_ids

__all__ = ["bag_of_words", "lower", "ngrams", "tf_idf"]

_BETWEEN_WORDS = r"[^\p{L}\p{M}\p{N}_]+"


def lower(x: tf.Tensor | tf.RaggedTensor) -> tf.Tensor | tf.RaggedTensor:
    """The text in lower case, letters of all scripts.

    Args:
      x: A string tensor of any shape, dense or ragged.

    Returns:
      A string tensor of the shape of `x`. Bytes that are no UTF-8 become U+FFFD.

    >>> lower(tf.constant(["ÉTÉ"])).numpy()[0].decode()
    'été'
    """
    return tf.strings.lower(x, encoding="utf-8")


def ngrams(
    x: tf.Tensor | tf.RaggedTensor, *, minimum: int = 1, maximum: int = 2, separator: str = " "
) -> tf.RaggedTensor:
    """The sequences of neighbouring words, of each length from `minimum` to `maximum`.

    Args:
      x: A dense string tensor [batch] of text, which is parted into words, or a ragged one
        [batch, None] of words.
      minimum: The words of the shortest sequences; at least 1.
      maximum: The words of the longest.
      separator: What is put between the words of a sequence.

    Returns:
      A ragged string tensor [batch, None], shorter sequences first. A row has none that are
      longer than its text.

    Raises:
      RecipeError: The lengths are no range, or `x` has another number of dimensions.

    >>> ngrams(tf.constant(["to be, or", ""])).to_list()
    [[b'to', b'be', b'or', b'to be', b'be or'], []]
    """
    if not 1 <= minimum <= maximum:
        raise RecipeError(f"expected 1 <= minimum <= maximum, got {minimum}, {maximum}")
    lengths = tuple(range(minimum, maximum + 1))
    return tf.strings.ngrams(_words(x), lengths, separator=separator)


def bag_of_words(
    x: tf.Tensor | tf.RaggedTensor, *, top_k: int, min_count: int | None = None
) -> tf.Tensor:
    """How often each word of a vocabulary occurs in each row.

    The vocabulary is of the words that the most rows have, those with the most first.

    Args:
      x: A dense string tensor [batch] of text, which is parted into words, or a ragged one
        [batch, None] of words or of anything else, such as `ngrams` or `split_values`.
      top_k: The words to keep, and the length of the result; at least 1.
      min_count: The rows that must have a word for it to be kept; None for one.

    Returns:
      A float32 tensor [batch, top_k]. Words that were not kept leave no trace; where fewer than
      `top_k` were, the last columns are 0. A missing text is all 0.

    Raises:
      RecipeError: `top_k` is below 1, or `x` has another number of dimensions.
    """
    return _bag(x, top_k, min_count).counts


def tf_idf(
    x: tf.Tensor | tf.RaggedTensor, *, top_k: int, min_count: int | None = None
) -> tf.Tensor:
    """As `bag_of_words`, weighted: the share of a word in its row, times how rare it is.

    The weight is count / words of the row * (1 + log((1 + rows) / (1 + rows with the word))), as
    that of `tft.tfidf`; words that were not kept count among the words of a row.

    Args:
      x: As in `bag_of_words`.
      top_k: As in `bag_of_words`.
      min_count: As in `bag_of_words`.

    Returns:
      A float32 tensor [batch, top_k]. A missing text is all 0.

    Raises:
      RecipeError: `top_k` is below 1, or `x` has another number of dimensions.
    """
    bag = _bag(x, top_k, min_count)
    rows = tf.cast(tft.sum(tf.ones_like(bag.lengths)), tf.float64)
    rows_with = number_of_line(tf.range(top_k, dtype=tf.int64), bag.file)
    rarity = 1 + tf.math.log((1 + rows) / (1 + rows_with))
    shares = tf.math.divide_no_nan(
        tf.cast(bag.counts, tf.float64), tf.cast(bag.lengths, tf.float64)[:, tf.newaxis]
    )
    return tf.cast(shares * rarity, tf.float32)


class _Bag(NamedTuple):
    """What the words of a batch come to.

    Attributes:
      counts: float32 [batch, top_k].
      lengths: The words of each row, those not kept too; int64 [batch].
      file: The vocabulary, with the number of rows that have each word.
    """

    counts: tf.Tensor
    lengths: tf.Tensor
    file: tf.Tensor


def _bag(x: tf.Tensor | tf.RaggedTensor, top_k: int, min_count: int | None) -> _Bag:
    if top_k < 1:
        raise RecipeError(f"expected a top_k of at least 1, got {top_k}")
    words = _words(x)
    words = words.with_values(in_one_word(words.values))
    file = tft.vocabulary(
        _once_a_row(words), top_k=top_k, frequency_threshold=min_count, store_frequency=True
    )
    ids = words.with_values(place_of_token(words.values, file))
    return _Bag(count_ids(ids, depth=top_k), words.row_lengths(), file)


def _once_a_row(words: tf.RaggedTensor) -> tf.Tensor:
    """The words of all rows, [n], those that a row repeats only once for that row."""
    distinct, ids = tf.unique(words.values, out_idx=tf.int64)
    size = tf.maximum(tf.size(distinct, tf.int64), 1)
    pairs, _ = tf.unique(words.value_rowids() * size + ids)
    return tf.gather(distinct, pairs % size)


def _words(x: tf.Tensor | tf.RaggedTensor) -> tf.RaggedTensor:
    """The words of each row, [batch, None]; those that are given are taken as they are."""
    if isinstance(x, tf.RaggedTensor) and x.shape.rank == 2:
        return x
    if isinstance(x, tf.RaggedTensor) or x.shape.rank != 1:
        raise RecipeError(
            f"expected one text a row, [batch], or ragged words, [batch, None], got the shape "
            f"{x.shape}"
        )
    return tf.strings.split(tf.strings.regex_replace(x, _BETWEEN_WORDS, " "))
