"""Categories to ids: one tensor in, one tensor out, for any `preprocessing_fn`.

Inputs are dense string or int64 tensors of any shape; an int64 category is its decimal digits. A
missing value (see `missing`) is no category, unless `fill_missing` turns it into one before.
`vocabulary_ids` and `hash_buckets` also take ragged tensors, such as those of `split_values`, and
return ragged ids.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_transform as tft

from ..schemas.errors import RecipeError
from ._ops.id_domains import with_domain
from ._ops.lookup_table import class_table
from ._ops.vocabulary_files import as_tokens

__all__ = ["cross", "hash_buckets", "label_ids", "one_hot", "vocabulary_ids"]

_CROSS_SEED = 0xDECAFCAFFE
_CROSS_MULTIPLIER = 0xC6A4A7935BD1E995


def vocabulary_ids(
    x: tf.Tensor,
    *,
    top_k: int | None = None,
    min_count: int | None = None,
    num_oov_buckets: int = 1,
    vocab_filename: str | None = None,
) -> tf.Tensor:
    """Return the index of each value in the vocabulary of the column, the most frequent first.

    Equally frequent values are in reverse lexicographical order. Missing values and values with a
    newline are never in the vocabulary.

    Args:
      x: A dense or ragged string or int64 tensor of any shape.
      top_k: The number of most frequent values to keep; None for all.
      min_count: The least number of occurrences of a value to keep; None for 1.
      num_oov_buckets: The number of ids for values outside the vocabulary, which are hashed to
        them; with 0 their id is -1.
      vocab_filename: The name of the vocabulary's file among the assets of the graph.

    Returns:
      An int64 tensor of the shape of `x`, in [0, size of the vocabulary + num_oov_buckets); a
      missing value has an id of an OOV bucket, or -1. An empty vocabulary contains one token of
      TFT's that occurs nowhere, so its first OOV id is 1.
    """
    return tft.compute_and_apply_vocabulary(
        as_tokens(x),
        top_k=top_k,
        frequency_threshold=min_count,
        num_oov_buckets=num_oov_buckets,
        vocab_filename=vocab_filename,
    )


def hash_buckets(x: tf.Tensor, *, num_buckets: int) -> tf.Tensor:
    """Hash each value to a bucket: FarmHash64 modulo `num_buckets`; nothing to analyze.

    Args:
      x: A dense or ragged string or int64 tensor of any shape.
      num_buckets: The number of buckets; at least 1. Different values can share one.

    Returns:
      An int64 tensor of the shape of `x`, in [0, num_buckets). Missing values share one bucket,
      which other values can fall into too.

    Raises:
      RecipeError: `num_buckets` is below 1.
    """
    _check_buckets(num_buckets)
    return with_domain(tft.hash_strings(as_tokens(x), num_buckets), maximum=num_buckets - 1)


def cross(xs: Sequence[tf.Tensor], *, num_buckets: int) -> tf.Tensor:
    """Hash each combination of values to a bucket; nothing to analyze.

    The buckets equal those of `tf.sparse.cross_hashed` (and so of feature columns' crosses of
    dense columns): the FarmHash64 fingerprint of each string, and each integer itself, folded
    from left to right by FingerprintCat64, modulo `num_buckets`. That op processes rows one at a
    time; a dozen vectorized ops compute the same here.

    Args:
      xs: Two or more dense string or int64 tensors of one shape. Their order matters.
      num_buckets: The number of buckets; at least 1. Different combinations can share one.

    Returns:
      An int64 tensor of the shape of each of `xs`, in [0, num_buckets). A missing value is
      crossed like any other.

    Raises:
      RecipeError: There are fewer than two tensors, or `num_buckets` is below 1.
    """
    if len(xs) < 2:
        raise RecipeError(f"expected two or more columns to cross, got {len(xs)}")
    _check_buckets(num_buckets)
    combined = tf.constant(_CROSS_SEED, tf.uint64)
    for x in xs:
        combined = _fingerprint_cat(combined, _fingerprint(x))
    buckets = tf.math.floormod(combined, tf.constant(num_buckets, tf.uint64))
    return with_domain(tf.cast(buckets, tf.int64), maximum=num_buckets - 1)


def one_hot(ids: tf.Tensor, *, depth: int) -> tf.Tensor:
    """Return a vector for each id, 1 at the index of the id and 0 elsewhere.

    Args:
      ids: A dense int64 tensor of any shape.
      depth: The length of the vectors.

    Returns:
      A float32 tensor of the shape of `ids` and one more dimension of `depth`. The vector of an
      id outside [0, depth), such as -1 or `MISSING_INT64`, is all 0.
    """
    return tf.one_hot(ids, depth, dtype=tf.float32)


def label_ids(x: tf.Tensor, *, classes: Sequence[str]) -> tf.Tensor:
    """Return the index of each value among fixed classes; nothing to analyze.

    Args:
      x: A dense string tensor of any shape.
      classes: The classes, in the order of their ids; each once.

    Returns:
      An int64 tensor of the shape of `x`, in [0, len(classes)); -1 for a missing value, such as
      the label of a served request, and for a value that is no class.

    Raises:
      RecipeError: `classes` is empty, or contains duplicates.
    """
    ids = class_table(classes).lookup(x)
    return with_domain(ids, minimum=-1, maximum=len(classes) - 1)


def _check_buckets(num_buckets: int) -> None:
    if num_buckets < 1:
        raise RecipeError(f"expected num_buckets of at least 1, got {num_buckets}")


def _fingerprint(x: tf.Tensor) -> tf.Tensor:
    """Return 64 bits of each value: the FarmHash64 fingerprint of a string, or the integer."""
    if x.dtype != tf.string:
        return tf.bitcast(x, tf.uint64)
    flat = tf.bitcast(tf.fingerprint(tf.reshape(x, [-1])), tf.uint64)
    return tf.reshape(flat, tf.shape(x))


def _fingerprint_cat(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Combine fingerprints as TensorFlow's FingerprintCat64 does (tsl/platform/fingerprint.h)."""
    multiplier = tf.constant(_CROSS_MULTIPLIER, tf.uint64)
    mixed = tf.bitwise.bitwise_xor(left, multiplier)
    mixed = tf.bitwise.bitwise_xor(mixed, _shift_mix(right * multiplier) * multiplier)
    return _shift_mix(_shift_mix(mixed * multiplier) * multiplier)


def _shift_mix(x: tf.Tensor) -> tf.Tensor:
    """Return x xor (x >> 47)."""
    shift = tf.constant(47, tf.uint64)
    return tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, shift))
