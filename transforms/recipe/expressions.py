"""Expressions over columns as TensorFlow operations, the same in training and in serving.

`recordmill.pipelines.recipes.conditions` computes the same trees on Arrow rows, with equal results.
"""

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
    """Compute an expression; `schemas.expressions.parse` describes the language.

    Args:
      text: The expression, such as "capital_gain - capital_loss".
      tensors: Dense string, int64, float32 or float64 tensors of one shape, by their name in the
        expression: cleaned columns, or values computed from them.
      schema: The columns among them, by which text that a column cannot contain is refused; other
        columns are ignored.

    Returns:
      A tensor of the shape of the named tensors. Of a condition int64: 1 where it is true, 0 where
      it is false or unknown. Of integers without a division int64, where missing values, and
      results of arithmetic beyond 2^53, are `MISSING_INT64`. Of other numbers float32, where
      missing values, and results beyond the range of float32, are NaN. Of text string, "" where
      missing.

    Raises:
      RecipeError: The text is no expression, names no tensor of `tensors`, or types do not fit;
        the message shows the position.

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


class _Operand(NamedTuple):
    """Values of an operand, with a mask of the missing ones."""

    values: Any
    missing: Any


class _Truth(NamedTuple):
    """Masks of where a condition is true and where it is false; unknown where it is neither."""

    true: tf.Tensor
    false: tf.Tensor


def _finished(tree: Node, evaluation: _Evaluation) -> tf.Tensor:
    if tree.type == "condition":
        return tf.cast(evaluation.truth(tree).true, tf.int64)
    value, missing = evaluation.operand(tree, exactly=exact(tree))
    # float64 holds every integer up to 2^53; beyond, a result of arithmetic may be rounded.
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
      tensors: Tensors by name.
    """

    tensors: Mapping[str, tf.Tensor]

    def truth(self, node: Node) -> _Truth:
        """Compute a condition by Kleene's three-valued logic."""
        if isinstance(node, Not):
            return _Truth(*reversed(self.truth(node.of)))
        if isinstance(node, Logic):
            return reduce(_LOGIC[node.operator], map(self.truth, node.of))
        if isinstance(node, Missing):
            missing = self.operand(node.of, exactly=exact(node.of)).missing
            return _Truth(missing, tf.logical_not(missing))
        if isinstance(node, Comparison):
            return self._comparison(node)
        assert isinstance(node, Membership)
        return self._membership(node)

    def operand(self, node: Node, *, exactly: bool) -> _Operand:
        """Compute a text, or a number: as int64 if `exactly`, else as finite float64."""
        if node.type == "string" or exactly:
            return self._plain(node)
        values, missing = self._number(node)
        if not isinstance(node, Constant):
            missing = tf.logical_or(missing, is_missing(values))
        return _Operand(values, missing)

    def _plain(self, node: Node) -> _Operand:
        if isinstance(node, Name):
            x = self.tensors[node.column.name]
            return _Operand(x, is_missing(x))
        assert isinstance(node, Constant)
        return _Operand(tf.constant(node.value, node.type), tf.constant(False))

    def _comparison(self, node: Comparison) -> _Truth:
        sides = node.left, node.right
        left, right = (self.operand(side, exactly=exact(*sides)) for side in sides)
        valid = tf.logical_not(tf.logical_or(left.missing, right.missing))
        compare = _COMPARISONS[node.operator]
        if node.left.type != "string" or node.operator in ("==", "!="):
            return _truth(compare(left.values, right.values), valid)
        # TensorFlow does not order strings, and the parser allows it only beside a constant.
        if isinstance(node.right, Constant):
            return _truth(compare(_order(left.values, str(node.right.value)), 0), valid)
        assert isinstance(node.left, Constant)
        return _truth(compare(0, _order(right.values, str(node.left.value))), valid)

    def _membership(self, node: Membership) -> _Truth:
        exactly = exact(node.of, *node.values)
        operand = self.operand(node.of, exactly=exactly)
        listed = tf.constant([value.value for value in node.values], operand.values.dtype)
        contained = tf.reduce_any(tf.equal(operand.values[..., tf.newaxis], listed), axis=-1)
        return _truth(contained, tf.logical_not(operand.missing))

    def _number(self, node: Node) -> _Operand:
        """Compute a number as float64; an infinity becomes missing only at the end, as in Arrow."""
        if isinstance(node, Constant):
            return _Operand(tf.constant(float(node.value), tf.float64), tf.constant(False))
        if isinstance(node, Name):
            values, missing = self._plain(node)
            return _Operand(tf.cast(values, tf.float64), missing)
        if isinstance(node, Negative):
            values, missing = self._number(node.of)
            return _Operand(tf.negative(values), missing)
        if isinstance(node, Call):
            return self._call(node)
        assert isinstance(node, Arithmetic)
        return _computed(node.operator, self._number(node.left), self._number(node.right))

    def _call(self, node: Call) -> _Operand:
        if node.function == "len":
            values, missing = self._plain(node.arguments[0])
            lengths = tf.strings.length(values, unit="UTF8_CHAR")
            return _Operand(tf.cast(lengths, tf.float64), missing)
        numbers = [self._number(argument) for argument in node.arguments]
        if node.function == "abs":
            return _Operand(tf.abs(numbers[0].values), numbers[0].missing)
        pick = tf.less_equal if node.function == "min" else tf.greater_equal
        return reduce(lambda left, right: _picked(pick, left, right), numbers)


def _both(left: _Truth, right: _Truth) -> _Truth:
    return _Truth(tf.logical_and(left.true, right.true), tf.logical_or(left.false, right.false))


def _either(left: _Truth, right: _Truth) -> _Truth:
    return _Truth(tf.logical_or(left.true, right.true), tf.logical_and(left.false, right.false))


_LOGIC = {"and": _both, "or": _either}


def _truth(result: tf.Tensor, valid: tf.Tensor) -> _Truth:
    false = tf.logical_not(result)
    return _Truth(tf.logical_and(valid, result), tf.logical_and(valid, false))


def _computed(operator: str, left: _Operand, right: _Operand) -> _Operand:
    missing = tf.logical_or(left.missing, right.missing)
    if operator in _ARITHMETIC:
        return _Operand(_ARITHMETIC[operator](left.values, right.values), missing)
    # Division by zero is missing; 1 as divisor there keeps the quotient finite.
    zero = tf.equal(right.values, 0.0)
    quotient = left.values / tf.where(zero, tf.ones_like(right.values), right.values)
    if operator == "%":
        quotient = left.values - tf.floor(quotient) * right.values
    return _Operand(quotient, tf.logical_or(missing, zero))


def _picked(pick: Callable[[Any, Any], tf.Tensor], left: _Operand, right: _Operand) -> _Operand:
    """Return the smaller or larger number; of a NaN and a number the number, as in Arrow."""
    is_left = tf.logical_or(tf.math.is_nan(right.values), pick(left.values, right.values))
    values = tf.where(is_left, left.values, right.values)
    return _Operand(values, tf.logical_or(left.missing, right.missing))


def _order(x: tf.Tensor, text: str) -> tf.Tensor:
    """Compare texts with another by bytes: negative for before, 0 for equal, positive for after."""
    # Signs of byte differences; the first that is not 0 decides, where the running sum of their
    # absolute values is 1. Where all are equal, the longer text is after.
    other = text.encode()
    bytes_ = tf.cast(tf.io.decode_raw(x, tf.uint8, fixed_length=len(other)), tf.int32)
    signs = tf.sign(bytes_ - tf.constant(list(other), tf.int32))
    first = tf.equal(tf.cumsum(tf.abs(signs), axis=-1), 1)
    unequal = tf.reduce_sum(tf.where(first, signs, 0), axis=-1)
    longer = tf.strings.length(x) - len(other)
    return tf.where(tf.reduce_all(tf.equal(signs, 0), axis=-1), longer, unequal)
