"""Numbers by category, in the vocabulary files of tensorflow_transform.

`tft.vocabulary` with `store_frequency` writes a line "number token" for each category, counted
without a Python object for each. This module reads such a file as a table from category to
number. In the file a blank would end the token and a newline the line, so tokens are escaped.
"""

from __future__ import annotations

from contextlib import nullcontext

import tensorflow as tf
import tensorflow_transform as tft

from ..missing import is_missing
from .id_domains import in_graph

__all__ = ["as_tokens", "in_one_word", "index_of_token", "number_of_line", "number_of_token"]

_NUMBER, _TOKEN, _LINE = 0, 1, tf.lookup.TextFileIndex.LINE_NUMBER
_ESCAPES = ((r"\\", r"\\\\"), (" ", r"\\_"), (r"\n", r"\\n"), (r"\r", r"\\r"))


def as_tokens(x: tf.Tensor) -> tf.Tensor:
    """Return categories as strings, "" where missing; an int64 as its decimal digits."""
    if x.dtype == tf.string:
        return x
    return tf.where(is_missing(x), "", tf.strings.as_string(x))


def in_one_word(tokens: tf.Tensor) -> tf.Tensor:
    r"""Escape blanks and newlines in tokens; different tokens stay different, "" stays "".

    >>> in_one_word(tf.constant(["a b", "a_b", "a\\_b"])).numpy().tolist()
    [b'a\\_b', b'a_b', b'a\\\\_b']
    """
    for old, new in _ESCAPES:
        tokens = tf.strings.regex_replace(tokens, old, new)
    return tokens


def number_of_token(words: tf.Tensor, file: tf.Tensor) -> tf.Tensor:
    """Return the number of each token in a vocabulary file; 0 for tokens that are not in it.

    Args:
      words: Dense tokens of `in_one_word`.
      file: The result of `tft.vocabulary` for such tokens, with `store_frequency`.

    Returns:
      A float64 tensor of the shape of `words`.
    """
    return _numbers(words, file, _TOKEN)


def index_of_token(words: tf.Tensor, file: tf.Tensor) -> tf.Tensor:
    """Return the line of each token in a vocabulary file, from 0; -1 for tokens that are not in it.

    Args:
      words: Dense tokens of `in_one_word`.
      file: As in `number_of_token`.

    Returns:
      An int64 tensor of the shape of `words`.
    """

    def look_up(words: tf.Tensor, path: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        table = _table(path, tf.string, _TOKEN, tf.int64, _LINE, -1)
        return table.lookup(words), table.size()

    return in_graph(lambda: tft.apply_vocabulary(words, file, lookup_fn=look_up))


def number_of_line(lines: tf.Tensor, file: tf.Tensor) -> tf.Tensor:
    """Return the number in each line of a vocabulary file, from 0; 0 beyond its end.

    Args:
      lines: Line numbers, int64 of any shape.
      file: As in `number_of_token`.

    Returns:
      A float64 tensor of the shape of `lines`.
    """
    return _numbers(lines, file, _LINE)


def _numbers(keys: tf.Tensor, file: tf.Tensor, key_index: int) -> tf.Tensor:
    """Look up the numbers of lines or tokens: as int64 bits, since TFT looks up only int64."""

    def look_up(keys: tf.Tensor, path: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        table = _table(path, keys.dtype, key_index, tf.float64, _NUMBER, 0.0)
        return tf.bitcast(table.lookup(keys), tf.int64), table.size()

    numbers = in_graph(lambda: tft.apply_vocabulary(keys, file, lookup_fn=look_up))
    return tf.bitcast(numbers, tf.float64)


def _table(
    path: tf.Tensor,
    key_dtype: tf.DType,
    key_index: int,
    value_dtype: tf.DType,
    value_index: int,
    default: float,
) -> tf.lookup.StaticHashTable:
    with tf.init_scope() if not tf.is_symbolic_tensor(path) else nullcontext():
        initializer = tf.lookup.TextFileInitializer(
            path, key_dtype, key_index, value_dtype, value_index, delimiter=" "
        )
        return tf.lookup.StaticHashTable(initializer, default)
