"""Conditions as text, compiled to Arrow expressions for `Recipe.filters`."""

from __future__ import annotations

from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.errors import RecipeError
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
from ...schemas.images import ImageSchema
from ...schemas.schema import Schema

__all__ = ["condition"]

_ARITHMETIC = {"+": pc.add, "-": pc.subtract, "*": pc.multiply}
_COMPARISONS = {
    "==": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_LOGIC = {"and": pc.and_kleene, "or": pc.or_kleene}


def condition(text: str, schema: Schema | ImageSchema) -> pc.Expression:
    """Compile a condition on columns; `schemas.expressions.parse` describes the language.

    Args:
      text: The condition, such as "age >= 18 and workclass != 'Private'".
      schema: The columns.

    Returns:
      An expression over rows of `schema.arrow_schema()`: true, false, or null for unknown.

    Raises:
      RecipeError: The text is no condition, names a missing column, or types do not fit; the
        message shows the position.
    """
    tree = parse(text, schema)
    if tree.type != "condition":
        raise RecipeError(f'expected a condition, such as "age >= 18", got a value: {text}')
    return _condition(tree)


def _condition(node: Node) -> pc.Expression:
    if isinstance(node, Logic):
        return reduce(_LOGIC[node.operator], map(_condition, node.of))
    if isinstance(node, Not):
        return pc.invert(_condition(node.of))
    if isinstance(node, Comparison):
        return _comparison(node)
    if isinstance(node, Membership):
        return _membership(node)
    assert isinstance(node, Missing)
    return pc.invert(pc.coalesce(_has_value(node.of), pc.scalar(False)))


def _has_value(node: Node) -> pc.Expression:
    """Return a test that is true for a value; false or null for a missing one."""
    if node.type == "string" or exact(node):
        return pc.is_valid(_operand(node, exactly=True))
    return pc.is_finite(_number(node))


def _comparison(node: Comparison) -> pc.Expression:
    exactly = exact(node.left, node.right)
    left, right = (_operand(side, exactly=exactly) for side in (node.left, node.right))
    result = _COMPARISONS[node.operator](left, right)
    if exactly or node.left.type == "string":
        return result
    return _where(
        pc.and_kleene(_finite(node.left, left), _finite(node.right, right)), result, pa.bool_()
    )


def _finite(node: Node, number: pc.Expression) -> pc.Expression:
    """Return a test for a finite number; a constant counts as finite, even beyond float32."""
    return pc.scalar(True) if isinstance(node, Constant) else pc.is_finite(number)


def _membership(node: Membership) -> pc.Expression:
    exactly = exact(node.of, *node.values)
    dtype = pa.string() if node.of.type == "string" else pa.int64() if exactly else pa.float64()
    values = pa.array([value.value for value in node.values], dtype)
    operand = _operand(node.of, exactly=exactly)
    return _where(_has_value(node.of), pc.is_in(operand, value_set=values), pa.bool_())


def _where(valid: pc.Expression, result: pc.Expression, dtype: pa.DataType) -> pc.Expression:
    """Return the result where it is valid, else null."""
    return pc.if_else(valid, result, pa.scalar(None, dtype))


def _operand(node: Node, *, exactly: bool) -> pc.Expression:
    """Compute a text, or a number: as int64 if `exactly`, else as float64."""
    if isinstance(node, Constant) and (exactly or isinstance(node.value, str)):
        return pc.scalar(node.value)
    if isinstance(node, Name) and node.type == "string":
        return pc.field(node.column.name).cast(pa.string())
    if isinstance(node, Name) and exactly:
        return pc.field(node.column.name)
    return _number(node)


def _number(node: Node) -> pc.Expression:
    """Compute a number as float64."""
    if isinstance(node, Name):
        return pc.field(node.column.name).cast(pa.float64(), safe=False)
    if isinstance(node, Constant):
        return pc.scalar(float(node.value))
    if isinstance(node, Negative):
        return pc.negate(_number(node.of))
    if isinstance(node, Call):
        return _call(node)
    assert isinstance(node, Arithmetic)
    left, right = _number(node.left), _number(node.right)
    if node.operator in _ARITHMETIC:
        return _ARITHMETIC[node.operator](left, right)
    # Arrow divides by zero to an infinity, and TensorFlow's graph has a missing value there.
    quotient = pc.divide(left, _where(pc.not_equal(right, 0.0), right, pa.float64()))
    if node.operator == "/":
        return quotient
    return pc.subtract(left, pc.multiply(pc.floor(quotient), right))


def _call(node: Call) -> pc.Expression:
    if node.function == "len":
        text = _operand(node.arguments[0], exactly=True)
        return pc.utf8_length(text).cast(pa.float64())
    numbers = [_number(argument) for argument in node.arguments]
    if node.function == "abs":
        return pc.abs(numbers[0])
    pick = pc.min_element_wise if node.function == "min" else pc.max_element_wise
    return pick(*numbers, skip_nulls=False)
