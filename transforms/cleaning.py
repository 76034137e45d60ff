"""Cleaning of columns by TensorFlow operations, the same in training and in serving.

A served request passes no pipeline, so the graph itself applies the rules of `Column` for
stripping, missing tokens, spelling, ranges and domains. `clean` is idempotent: rows that the
pipeline has cleaned pass unchanged, so training and serving share one graph. A graph cannot
reject a row: values that a `Column` rejects stay unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from ..schemas.column import Column
from ..schemas.schema import Schema
from ._ops.lookup_table import static_table
from .missing import is_missing
from .numeric import clip

__all__ = ["clean"]

_FEW = 3
"""Number of rules up to which comparing with each is cheaper than a table."""


def clean(inputs: Mapping[str, tf.Tensor], schema: Schema) -> dict[str, tf.Tensor]:
    """Clean columns by the rules of their `Column`.

    Strings: surrounding ASCII blanks are stripped, missing tokens become "", spellings are
    replaced by their meaning, and with the bad_value "missing" a value outside the domain
    becomes "". Numbers: a value that is not finite becomes missing, and so does a number that a
    missing token spells ("-999"); out of its range, a number is clipped with the bad_value "clip"
    and becomes missing with "missing".

    Args:
      inputs: Dense string, int64 and float32 tensors of any shape, by the name of their column.
      schema: A schema with at least these columns.

    Returns:
      Tensors of the same names, shapes and dtypes; missing is "", `MISSING_INT64` or NaN.

    Raises:
      RecipeError: The schema has no column of the name of an input.
    """
    return {name: _clean(x, schema[name]) for name, x in inputs.items()}


def _clean(x: tf.Tensor, column: Column) -> tf.Tensor:
    return _clean_text(x, column) if column.type == "string" else _clean_number(x, column)


def _clean_text(x: tf.Tensor, column: Column) -> tf.Tensor:
    text = tf.strings.strip(x)
    changes = dict(column.spelling) | dict.fromkeys(column.missing, "")
    changes.pop("", None)  # the empty text stays empty, whatever spelling says
    if column.domain and column.bad_value == "missing":
        return static_table({value: value for value in column.domain} | changes, "").lookup(text)
    return _replace(text, changes)


def _replace(text: tf.Tensor, changes: Mapping[str, str]) -> tf.Tensor:
    """Replace each string that is a key of `changes`; others stay."""
    if len(changes) <= _FEW:
        result = text
        for old, new in changes.items():
            result = tf.where(tf.equal(text, old), new, result)
        return result
    indices = static_table({old: index for index, old in enumerate(changes)}, -1).lookup(text)
    news = tf.gather(tf.constant(list(changes.values())), tf.maximum(indices, 0))
    return tf.where(indices < 0, text, news)


def _clean_number(x: tf.Tensor, column: Column) -> tf.Tensor:
    missing = tf.constant(column.missing_value, x.dtype)
    number = tf.where(is_missing(x), missing, x) if x.dtype.is_floating else x
    for value in column.missing_numbers:
        number = tf.where(tf.equal(number, tf.constant(value, x.dtype)), missing, number)
    if column.bad_value == "reject" or (column.minimum is None and column.maximum is None):
        return number
    clipped = clip(number, minimum=column.minimum, maximum=column.maximum)
    if column.bad_value == "clip":
        return clipped
    return tf.where(tf.equal(clipped, number), number, missing)
