"""Columns of several values, such as "action|comedy": one tensor in, one tensor out.

`split_values` makes a ragged tensor [batch, None] of the text, which `vocabulary_ids` and
`hash_buckets` take as they take a dense one. Ragged ids are stored as they are, as many as a row
has, and read back as a `tf.RaggedTensor`; `multi_hot` makes a vector of one length of them.
"""

from __future__ import annotations

import tensorflow as tf

from ..schemas.errors import RecipeError

__all__ = ["count_ids", "multi_hot", "split_values"]


def split_values(x: tf.Tensor, *, separator: str = "|") -> tf.RaggedTensor:
    """The values that a text lists.

    Args:
      x: A dense string tensor [batch].
      separator: What stands between values; not empty.

    Returns:
      A ragged string tensor [batch, None]. Blanks around values are stripped and empty values
      are dropped, so a missing text has none. Their order, and repeated ones, stay.

    Raises:
      RecipeError: `separator` is empty, or `x` is not of one dimension.

    >>> split_values(tf.constant(["a| b||a", ""])).to_list()
    [[b'a', b'b', b'a'], []]
    """
    if not separator:
        raise RecipeError('expected a separator such as "|", got an empty one')
    if x.shape.rank != 1:
        raise RecipeError(f"expected one text a row, a tensor [batch], got the shape {x.shape}")
    values = tf.strings.strip(tf.strings.split(x, sep=separator))
    return tf.ragged.boolean_mask(values, tf.not_equal(values, ""))


def multi_hot(ids: tf.Tensor | tf.RaggedTensor, *, depth: int) -> tf.Tensor:
    """A vector for each row, 1 at the places of its ids and 0 elsewhere.

    Args:
      ids: An int64 tensor [batch, None], ragged or dense.
      depth: The length of the vectors; at least 1.

    Returns:
      A float32 tensor [batch, depth]. Ids outside [0, depth), such as -1, leave no trace.

    Raises:
      RecipeError: `depth` is below 1, or `ids` is not of two dimensions.

    >>> multi_hot(tf.ragged.constant([[2, 0, 2], []]), depth=3).numpy().tolist()
    [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    """
    return tf.minimum(count_ids(ids, depth=depth), 1.0)


def count_ids(ids: tf.Tensor | tf.RaggedTensor, *, depth: int) -> tf.Tensor:
    """As `multi_hot`, but how often each id occurs in its row.

    >>> count_ids(tf.ragged.constant([[2, 0, 2], []]), depth=3).numpy().tolist()
    [[1.0, 0.0, 2.0], [0.0, 0.0, 0.0]]
    """
    if depth < 1:
        raise RecipeError(f"expected a depth of at least 1, got {depth}")
    if ids.shape.rank != 2:
        raise RecipeError(
            f"expected ids [batch, None], such as those of split_values, got the shape {ids.shape}"
        )
    if isinstance(ids, tf.RaggedTensor):
        rows, flat, batch = ids.value_rowids(), ids.values, ids.nrows()
    else:
        sizes = tf.shape(ids, tf.int64)
        batch = sizes[0]
        rows, flat = tf.repeat(tf.range(batch), sizes[1]), tf.reshape(ids, [-1])
    flat = tf.cast(flat, tf.int64)
    places = tf.stack([tf.cast(rows, tf.int64), flat], axis=1)
    inside = tf.boolean_mask(places, tf.logical_and(flat >= 0, flat < depth))
    shape = tf.stack([tf.cast(batch, tf.int64), depth])
    counts = tf.scatter_nd(inside, tf.ones_like(inside[:, 0], tf.float32), shape)
    return tf.ensure_shape(counts, [None, depth])
