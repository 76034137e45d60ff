"""Constant lookup tables with the lifetime of the graph that uses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import tensorflow as tf

from ...schemas.errors import RecipeError

__all__ = ["class_table", "static_table"]

_Value = TypeVar("_Value", int, str)


def class_table(classes: Sequence[str], *, first: int = 0) -> tf.lookup.StaticHashTable:
    """Create a table from class names to ids, int64; -1 for other strings.

    Args:
      classes: The classes, in the order of their ids; each once.
      first: The id of the first class.

    Raises:
      RecipeError: `classes` is empty, or contains duplicates.
    """
    if not classes or len(set(classes)) != len(classes):
        raise RecipeError(f"expected distinct classes, got {list(classes)}")
    return static_table({name: id_ for id_, name in enumerate(classes, first)}, -1)


def static_table(entries: Mapping[str, _Value], default: _Value) -> tf.lookup.StaticHashTable:
    """Create a table from strings to integers or strings.

    Inside a `tf.function` or a `preprocessing_fn` the table is created once, at tracing, and the
    graph references it: a table without a Python reference is destroyed, and lookups fail.

    Args:
      entries: Entries from string to integer (int64) or to string; at least one.
      default: The value of every other string.

    Returns:
      The table.
    """
    with tf.init_scope():
        dtype = tf.string if isinstance(default, str) else tf.int64
        initializer = tf.lookup.KeyValueTensorInitializer(
            list(entries), list(entries.values()), key_dtype=tf.string, value_dtype=dtype
        )
        table = tf.lookup.StaticHashTable(initializer, default)
    if tf.inside_function():
        tf.compat.v1.get_default_graph().add_to_collection("recordmill/tables", table)
    return table
