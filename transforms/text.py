"""Text to numbers: one tensor in, one tensor out, for any `preprocessing_fn`.

Words are runs of letters, marks, digits and underscores of any script; all between them is
dropped. Scripts without blanks between words, such as Chinese, are not split. Case is preserved:
apply `lower` first to ignore it.

Results are dense, [batch, top_k], which every model reads. For a larger vocabulary store ragged
ids, `vocabulary_ids` or `hash_buckets` of `ngrams`, and embed those.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf
import tensorflow_transform as tft

from ..schemas.errors import RecipeError
from ._ops.vocabulary_files import in_one_word, index_of_token, number_of_line
from .multivalued import count_ids

__all__ = ["bag_of_words", "lower", "ngrams", "tf_idf"]

_BETWEEN_WORDS = r"[^\p{L}\p{M}\p{N}_]+"


def lower(x: tf.Tensor | tf.RaggedTensor) -> tf.Tensor | tf.RaggedTensor:
    """Convert text to lower case, letters of all scripts.

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
    """Return the sequences of neighbouring words, of each length from `minimum` to `maximum`.

    Args:
      x: A dense string tensor [batch] of text, which is split into words, or a ragged one
        [batch, None] of words.
      minimum: The number of words of the shortest sequences; at least 1.
      maximum: The number of words of the longest sequences; at least `minimum`.
      separator: The text between the words of a sequence.

    Returns:
      A ragged string tensor [batch, None], shorter sequences first. Rows have no sequences
      longer than their text, and a missing text has none.

    Raises:
      RecipeError: `minimum` and `maximum` are no range, or `x` has another number of dimensions.

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
    """Count the words of a vocabulary in each row.

    The vocabulary has the words that occur in the most training rows, in descending order of the
    number of these rows.

    Args:
      x: A dense string tensor [batch] of text, which is split into words, or a ragged one
        [batch, None] of words or of other tokens, such as `ngrams` or `split_values`.
      top_k: The size of the vocabulary, and the length of the result; at least 1.
      min_count: The least number of rows with a word for it to enter the vocabulary; None for 1.

    Returns:
      A float32 tensor [batch, top_k] of counts. Words outside the vocabulary are ignored; where
      it has fewer than `top_k` words, the last columns are 0. A missing text is all 0.

    Raises:
      RecipeError: `top_k` is below 1, or `x` has another number of dimensions.
    """
    return _bag(x, top_k, min_count).counts


def tf_idf(
    x: tf.Tensor | tf.RaggedTensor, *, top_k: int, min_count: int | None = None
) -> tf.Tensor:
    """Weight the words of a vocabulary by TF-IDF: the share of a word in its row, times its rarity.

    The weight is count / words of the row * (1 + log((1 + rows) / (1 + rows with the word))), the
    formula of `tft.tfidf`; words outside the vocabulary count among the words of a row.

    Args:
      x: A dense string tensor [batch] of text, which is split into words, or a ragged one
        [batch, None] of words or of other tokens, as in `bag_of_words`.
      top_k: The size of the vocabulary, and the length of the result; at least 1.
      min_count: The least number of rows with a word for it to enter the vocabulary; None for 1.

    Returns:
      A float32 tensor [batch, top_k]. Where the vocabulary has fewer than `top_k` words, the last
      columns are 0. A missing text is all 0.

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
    """Word counts of a batch, and their vocabulary.

    Attributes:
      counts: Counts of the vocabulary's words, float32 [batch, top_k].
      lengths: Number of words of each row, also those outside the vocabulary; int64 [batch].
      file: Vocabulary file with the number of rows of each word.
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
    ids = words.with_values(index_of_token(words.values, file))
    return _Bag(count_ids(ids, depth=top_k), words.row_lengths(), file)


def _once_a_row(words: tf.RaggedTensor) -> tf.Tensor:
    """Return the words of all rows, [n], without repetitions within a row."""
    # A pair (row, word) as one number, since tf.unique takes vectors only.
    distinct, ids = tf.unique(words.values, out_idx=tf.int64)
    size = tf.maximum(tf.size(distinct, tf.int64), 1)
    pairs, _ = tf.unique(words.value_rowids() * size + ids)
    return tf.gather(distinct, pairs % size)


def _words(x: tf.Tensor | tf.RaggedTensor) -> tf.RaggedTensor:
    """Return the words of each row, [batch, None]; ragged words stay unchanged."""
    if isinstance(x, tf.RaggedTensor) and x.shape.rank == 2:
        return x
    if isinstance(x, tf.RaggedTensor) or x.shape.rank != 1:
        raise RecipeError(
            f"expected one text a row, [batch], or ragged words, [batch, None], got the shape "
            f"{x.shape}"
        )
    return tf.strings.split(tf.strings.regex_replace(x, _BETWEEN_WORDS, " "))
