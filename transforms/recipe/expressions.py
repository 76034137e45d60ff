"""Expressions over columns as TensorFlow operations: values that a served request gets too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

import tensorflow as tf

from ...schemas.column import Column
from ...schemas.expressions.parse import parse
from ...schemas.expressions.tree import (
    Arithmetic,
    Call,
    Comparison,
    Constant,
    Logic,
    Membership,
    Missing,
    Name,
    Negative,
    Node,
    Not,
    exact,
)
from ..missing import is_missing

__all__ = ["evaluate"]

_TYPES = {tf.int64: "int64", tf.float32: "float32", tf.float64: "float32", tf.string: "string"}
_EXACT = 2.0**53
_COMPARISONS: Mapping[str, Callable[[Any, Any], tf.Tensor]] = {
    "==": tf.equal,
    "!=": tf.not_equal,
    "<": tf.less,
    "<=": tf.less_equal,
    ">": tf.greater,
    ">=": tf.greater_equal,
}
_ARITHMETIC: Mapping[str, Callable[[Any, Any], tf.Tensor]] = {
    "+": tf.add,
    "-": tf.subtract,
    "*": tf.multiply,
}


def evaluate(
    text: str, tensors: Mapping[str, tf.Tensor], schema: Iterable[Column] = ()
) -> tf.Tensor:
    """Compute an expression; `schemas.expressions.parse` says what it can be.

    Args:
      text: Such as "capital_gain - capital_loss".
      tensors: Dense string, int64, float32 or float64 tensors of one shape, by the name that the
        expression has for them: cleaned columns, or what was made of them.
      schema: What is known of the columns among them, so that a text that a column cannot have is
        found; more columns do no harm.

    Returns:
      A tensor of the shape of the tensors that are named. Of a condition int64: 1 where it is
      true, 0 where it is false or unknown. Of whole numbers, but for a division, int64, where
      missing is `MISSING_INT64`, as is what is beyond 2^53 after arithmetic. Of other numbers
      float32, where missing is NaN, as is what is beyond float32. Of text string, "" where missing.

    Raises:
      RecipeError: It is no expression, names what is not there, or types do not fit; the message
        shows the place.

    >>> evaluate("age % 10", {"age": tf.constant([25, 39], tf.int64)}).numpy().tolist()
    [5, 9]
    """
    declared = {column.name: column for column in schema}
    columns = [
        declared.get(name) or Column(name, _TYPES[x.dtype])  # type: ignore[arg-type]
        for name, x in tensors.items()
        if isinstance(x, tf.Tensor) and x.dtype in _TYPES
    ]
    return _finished(parse(text, columns), _Evaluation(tensors))


class _Known(NamedTuple):
    """Values, and which of them are none."""

    values: Any
    missing: Any


class _Truth(NamedTuple):
    """Where a condition is true and where it is false; it is unknown where it is neither."""

    true: tf.Tensor
    false: tf.Tensor


def _finished(tree: Node, evaluation: _Evaluation) -> tf.Tensor:
    if tree.type == "condition":
        return tf.cast(evaluation.truth(tree).true, tf.int64)
    value, missing = evaluation.operand(tree, exactly=exact(tree))
    kind = tf.dtypes.as_dtype(tree.type)
    if kind == tf.int64 and not exact(tree):
        missing = tf.logical_or(missing, tf.logical_not(tf.abs(value) <= _EXACT))
    result = tf.cast(value, kind)
    if kind == tf.float32:
        missing = tf.logical_or(missing, is_missing(result))
    return tf.where(missing, tf.constant(Column("value", tree.type).missing_value, kind), result)


@dataclass(frozen=True)
class _Evaluation:
    """Computes the nodes of a tree.

    Attributes:
      tensors: The tensors, by name.
    """

    tensors: Mapping[str, tf.Tensor]

    def truth(self, node: Node) -> _Truth:
        if isinstance(node, Not):
            return _Truth(*reversed(self.truth(node.of)))
        if isinstance(node, Logic):
            return reduce(_BOTH[node.operator], map(self.truth, node.of))
        if isinstance(node, Missing):
            missing = self.operand(node.of, exactly=exact(node.of)).missing
            return _Truth(missing, tf.logical_not(missing))
        if isinstance(node, Comparison):
            return self._comparison(node)
        assert isinstance(node, Membership)
        return self._membership(node)

    def operand(self, node: Node, *, exactly: bool) -> _Known:
        """A text, or a number as int64 where it is `exact`, else as float64 and finite."""
        if node.type == "string" or exactly:
            return self._plain(node)
        values, missing = self._number(node)
        if not isinstance(node, Constant):
            missing = tf.logical_or(missing, is_missing(values))
        return _Known(values, missing)

    def _plain(self, node: Node) -> _Known:
        if isinstance(node, Name):
            x = self.tensors[node.column.name]
            return _Known(x, is_missing(x))
        assert isinstance(node, Constant)
        return _Known(tf.constant(node.value, node.type), tf.constant(False))

    def _comparison(self, node: Comparison) -> _Truth:
        sides = node.left, node.right
        left, right = (self.operand(side, exactly=exact(*sides)) for side in sides)
        known = tf.logical_not(tf.logical_or(left.missing, right.missing))
        compare = _COMPARISONS[node.operator]
        if node.left.type != "string" or node.operator in ("==", "!="):
            return _truth(compare(left.values, right.values), known)
        if isinstance(node.right, Constant):
            return _truth(compare(_order(left.values, str(node.right.value)), 0), known)
        assert isinstance(node.left, Constant)
        return _truth(compare(0, _order(right.values, str(node.left.value))), known)

    def _membership(self, node: Membership) -> _Truth:
        exactly = exact(node.of, *node.values)
        operand = self.operand(node.of, exactly=exactly)
        listed = tf.constant([value.value for value in node.values], operand.values.dtype)
        found = tf.reduce_any(tf.equal(operand.values[..., tf.newaxis], listed), axis=-1)
        return _truth(found, tf.logical_not(operand.missing))

    def _number(self, node: Node) -> _Known:
        """A number as float64; an infinity is left to the end, as Arrow does."""
        if isinstance(node, Constant):
            return _Known(tf.constant(float(node.value), tf.float64), tf.constant(False))
        if isinstance(node, Name):
            values, missing = self._plain(node)
            return _Known(tf.cast(values, tf.float64), missing)
        if isinstance(node, Negative):
            values, missing = self._number(node.of)
            return _Known(tf.negative(values), missing)
        if isinstance(node, Call):
            return self._call(node)
        assert isinstance(node, Arithmetic)
        return _computed(node.operator, self._number(node.left), self._number(node.right))

    def _call(self, node: Call) -> _Known:
        if node.function == "len":
            values, missing = self._plain(node.arguments[0])
            lengths = tf.strings.length(values, unit="UTF8_CHAR")
            return _Known(tf.cast(lengths, tf.float64), missing)
        numbers = [self._number(argument) for argument in node.arguments]
        if node.function == "abs":
            return _Known(tf.abs(numbers[0].values), numbers[0].missing)
        pick = tf.less_equal if node.function == "min" else tf.greater_equal
        return reduce(lambda one, other: _picked(pick, one, other), numbers)


def _both(one: _Truth, other: _Truth) -> _Truth:
    return _Truth(tf.logical_and(one.true, other.true), tf.logical_or(one.false, other.false))


def _either(one: _Truth, other: _Truth) -> _Truth:
    return _Truth(tf.logical_or(one.true, other.true), tf.logical_and(one.false, other.false))


_BOTH = {"and": _both, "or": _either}


def _truth(result: tf.Tensor, known: tf.Tensor) -> _Truth:
    false = tf.logical_not(result)
    return _Truth(tf.logical_and(known, result), tf.logical_and(known, false))


def _computed(operator: str, left: _Known, right: _Known) -> _Known:
    missing = tf.logical_or(left.missing, right.missing)
    if operator in _ARITHMETIC:
        return _Known(_ARITHMETIC[operator](left.values, right.values), missing)
    zero = tf.equal(right.values, 0.0)
    quotient = left.values / tf.where(zero, tf.ones_like(right.values), right.values)
    if operator == "%":
        quotient = left.values - tf.floor(quotient) * right.values
    return _Known(quotient, tf.logical_or(missing, zero))


def _picked(pick: Callable[[Any, Any], tf.Tensor], one: _Known, other: _Known) -> _Known:
    """The smaller or larger number; of a NaN and a number the number, as Arrow does."""
    first = tf.logical_or(tf.math.is_nan(other.values), pick(one.values, other.values))
    values = tf.where(first, one.values, other.values)
    return _Known(values, tf.logical_or(one.missing, other.missing))


def _order(x: tf.Tensor, text: str) -> tf.Tensor:
    """Below, at or above 0 where a text stands before, at or after another, by their bytes."""
    other = text.encode()
    bytes_ = tf.cast(tf.io.decode_raw(x, tf.uint8, fixed_length=len(other)), tf.int32)
    signs = tf.sign(bytes_ - tf.constant(list(other), tf.int32))
    first = tf.equal(tf.cumsum(tf.abs(signs), axis=-1), 1)
    unequal = tf.reduce_sum(tf.where(first, signs, 0), axis=-1)
    longer = tf.strings.length(x) - len(other)
    return tf.where(tf.reduce_all(tf.equal(signs, 0), axis=-1), longer, unequal)
