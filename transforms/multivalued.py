"""Columns of several values, such as "action|comedy": one tensor in, one tensor out.

`split_values` turns text into a ragged tensor [batch, None], which `vocabulary_ids` and
`hash_buckets` take like a dense one. Ragged ids are stored with the length of each row, and read
back as a `tf.RaggedTensor`; `multi_hot` turns them into vectors of a fixed length.
"""

from __future__ import annotations

import tensorflow as tf

from ..schemas.errors import RecipeError

__all__ = ["count_ids", "multi_hot", "split_values"]


def split_values(x: tf.Tensor, *, separator: str = "|") -> tf.RaggedTensor:
    """Split each text into its values.

    Args:
      x: A dense string tensor [batch].
      separator: The text between values; not empty.

    Returns:
      A ragged string tensor [batch, None], in the order of the text, duplicates included. Blanks
      around values are stripped and empty values are dropped, so a missing text has no values.

    Raises:
      RecipeError: `separator` is empty, or `x` does not have one dimension.

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
    """Return a vector for each row, 1 at its ids and 0 elsewhere.

    Args:
      ids: An int64 tensor [batch, None], ragged or dense.
      depth: The length of the vectors; at least 1.

    Returns:
      A float32 tensor [batch, depth]; all 0 for a row without ids. Ids outside [0, depth), such
      as -1, are ignored.

    Raises:
      RecipeError: `depth` is below 1, or `ids` does not have two dimensions.

    >>> multi_hot(tf.ragged.constant([[2, 0, 2], []]), depth=3).numpy().tolist()
    [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    """
    return tf.minimum(count_ids(ids, depth=depth), 1.0)


def count_ids(ids: tf.Tensor | tf.RaggedTensor, *, depth: int) -> tf.Tensor:
    """Count each id in its row.

    Args:
      ids: An int64 tensor [batch, None], ragged or dense.
      depth: The length of the vectors; at least 1.

    Returns:
      A float32 tensor [batch, depth] of counts; all 0 for a row without ids. Ids outside
      [0, depth), such as -1, are ignored.

    Raises:
      RecipeError: `depth` is below 1, or `ids` does not have two dimensions.

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
    indices = tf.stack([tf.cast(rows, tf.int64), flat], axis=1)
    inside = tf.boolean_mask(indices, tf.logical_and(flat >= 0, flat < depth))
    shape = tf.stack([tf.cast(batch, tf.int64), depth])
    counts = tf.scatter_nd(inside, tf.ones_like(inside[:, 0], tf.float32), shape)
    return tf.ensure_shape(counts, [None, depth])
