"""Cleaning by tensor ops, for what a served request needs as well as a stored row.

A served request passes no pipeline, so what `Column` says of stripping, missing tokens, spelling,
ranges and domains is done here, inside the graph. `clean` of a cleaned value is that value:
rows that the pipeline has cleaned pass unchanged, and training and serving meet in one graph.
What a `Column` rejects cannot be rejected here and stays as it is.
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
"""Up to so many rules, comparing with each is cheaper than a table."""


def clean(inputs: Mapping[str, tf.Tensor], schema: Schema) -> dict[str, tf.Tensor]:
    """Clean columns as their `Column` says.

    Strings: surrounding ASCII blanks are stripped, missing tokens become "", spellings become
    what they mean, and with the bad_value "missing" what is outside the domain becomes "".
    Numbers: what is not finite is missing, and so is a number that a missing token writes out
    ("-999"); with the bad_value "clip" a number is brought into its range, with "missing" one
    that is out of range becomes missing.

    Args:
      inputs: Dense string, int64 and float32 tensors of any shape, by the name of their column.
      schema: Has at least these columns.

    Returns:
      Tensors of the same names, shapes and dtypes; missing is "", `MISSING_INT64` or NaN.

    Raises:
      RecipeError: An input is no column of the schema.
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
    """What `changes` says of each string; the string itself where it says nothing."""
    if len(changes) <= _FEW:
        result = text
        for old, new in changes.items():
            result = tf.where(tf.equal(text, old), new, result)
        return result
    places = static_table({old: place for place, old in enumerate(changes)}, -1).lookup(text)
    news = tf.gather(tf.constant(list(changes.values())), tf.maximum(places, 0))
    return tf.where(places < 0, text, news)


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
