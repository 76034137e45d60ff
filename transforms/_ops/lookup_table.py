"""Constant lookup tables that live as long as the graph that uses them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import tensorflow as tf

__all__ = ["static_table"]

_Value = TypeVar("_Value", int, str)


def static_table(entries: Mapping[str, _Value], default: _Value) -> tf.lookup.StaticHashTable:
    """A table of strings.

    Inside a `tf.function` or a `preprocessing_fn` the table is made once, at tracing, and held
    by the graph: a table that Python forgets is destroyed under the graph that looks it up.

    Args:
      entries: From string to integer (int64) or to string; at least one.
      default: What every other string has.
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
