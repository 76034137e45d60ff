"""Expressions over columns, such as `age >= 18 and workclass != 'Private'`.

Python's parser reads the text, and its tree is translated into the small one of
`recordmill.schemas.expressions.tree`; nothing is ever evaluated as Python.
`recordmill.pipelines.recipes.conditions` computes the tree on Arrow rows and
`recordmill.transforms.recipe.expressions` on tensors, with equal results. The language:

    age, `capital-gain`         columns; backticks quote a name that is no Python name
    18, 0.5, 'Private'          numbers and text
    + - * / %                   of numbers; % has the sign of the divisor, as in Python
    abs(x) min(x, y) max(x, y)  of numbers
    len(text)                   the number of characters
    == != < <= > >=             of numbers, or of text, by its bytes; 17 <= age < 65 is a chain
    x in ('a', 'b'), not in     membership in a list of numbers or texts
    x is missing, is not        presence of a value
    and, or, not                of conditions

Missing values: arithmetic with a missing value, a division by zero and a result that is not finite
are missing. A comparison with a missing value, or `in`, is neither true nor false but unknown, and
`not` of unknown is unknown: both `age > 40` and `not age > 40` drop a row without an age. `and` of
unknown and false is false, `or` of unknown and true is true, else they are unknown (Kleene's
logic, as in SQL). A row passes a condition that is true.

Arithmetic is in double precision, so integers are exact up to 2^53; comparisons of integer columns
and literals alone are exact. A number that is compared with a float32 column is first rounded to
float32: `height == 1.6` is true where the file has 1.6.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from ctypes import c_float
from math import isfinite
from typing import NoReturn

from ..column import BLANKS, Column
from ..errors import RecipeError
from ..suggestions import did_you_mean
from .tree import (
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
    size,
)

__all__ = ["parse"]

_NOUNS = {"int64": "a number", "float32": "a number", "string": "text", "condition": "a condition"}
_ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%"}
_COMPARISONS: Mapping[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_FUNCTIONS = {"abs": (1, 1), "min": (2, 100), "max": (2, 100), "len": (1, 1)}
_LANGUAGE = (
    "there are columns, numbers, 'text', + - * / %, comparisons, in (…), is missing, and, or, not, "
    f"{', '.join(_FUNCTIONS)}"
)
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`([^`]*)`")
_LONGEST = 10_000
_LARGEST = 10_000
_MOST_INT64 = 2**63 - 1


def parse(text: str, columns: Iterable[Column]) -> Node:
    """Parse an expression over columns.

    Args:
      text: The expression.
      columns: The columns that it may name.

    Raises:
      RecipeError: The text is no expression, names no column or an unknown one, or types do not
        fit; the message marks the position in the text.

    >>> parse("age + 1 > 18", [Column("age", "int64")]).operator
    '>'
    """
    text = re.sub(r"\s", " ", text)
    tree = _Reader(text, {column.name: column for column in columns}).read_all()
    if size(tree) > _LARGEST:
        raise RecipeError(f"the expression is too large to be computed: {text[:100]}…")
    return tree


class _Reader:
    """Translator of Python's syntax tree that marks errors in the text.

    Each `_read` of a Python node returns a `Node` or raises RecipeError with the span of the
    node underlined.
    """

    def __init__(self, text: str, columns: Mapping[str, Column]) -> None:
        self._text = text
        self._columns = columns
        self._names: set[str] = set()
        self._source = _QUOTED.sub(_placeholder, text)
        self._handlers: Mapping[type, Callable[..., Node]] = {
            ast.BinOp: self._binary,
            ast.BoolOp: self._logic,
            ast.Call: self._call,
            ast.Compare: self._comparisons,
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.UnaryOp: self._unary,
        }

    def read_all(self) -> Node:
        """Return the tree of the text; raise RecipeError where it names no column."""
        tree = self._read(self._parsed().body)
        if not self._names:
            raise RecipeError(f"expected an expression over columns, got {self._text.strip()!r}")
        return tree

    def _parsed(self) -> ast.Expression:
        if len(self._text) > _LONGEST:
            raise RecipeError(
                f"expected an expression of up to {_LONGEST:,} characters, got {len(self._text):,}"
            )
        # Python refuses an indented expression; spans are counted from the first character.
        stripped = self._source.lstrip(" ")
        self._indent = len(self._source) - len(stripped)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about escapes in text
                return ast.parse(stripped, mode="eval")
        except SyntaxError as error:
            self._bad_syntax(error)
        except (MemoryError, RecursionError, ValueError) as error:
            raise RecipeError(f"the expression cannot be read: {error or 'too deep'}") from error

    def _bad_syntax(self, error: SyntaxError) -> NoReturn:
        start = self._indent + max((error.offset or 1) - 1, 0)
        reason = "expected an expression"
        if self._source[start : start + 1] == "=":
            reason += ', got "="; equal is "=="'
        elif "`" in self._source:
            reason += ", got a backtick without its other one"
        self._fail(reason, start, start + 1)

    def _read(self, node: ast.AST) -> Node:
        handler = self._handlers.get(type(node))
        if handler is None:
            self._fail(f"this is not possible here; {_LANGUAGE}", *self._span(node))
        try:
            return handler(node)
        except RecursionError:
            raise RecipeError("the expression is nested too deep") from None

    def _number(self, node: ast.AST) -> Node:
        return self._of_kind(node, "a number")

    def _condition(self, node: ast.AST) -> Node:
        return self._of_kind(node, "a condition")

    def _of_kind(self, node: ast.AST, expected: str) -> Node:
        tree = self._read(node)
        if _NOUNS[tree.type] != expected:
            example = ', such as "age >= 18"' if expected == "a condition" else ""
            self._fail(f"expected {expected}{example}, got {_describe(tree)}", *self._span(node))
        return tree

    def _name(self, node: ast.Name) -> Node:
        start, end = self._span(node)
        name = self._text[start:end].strip("`")
        if name not in self._columns:
            hint = did_you_mean(name, self._columns) or f"; there are {self._column_list()}"
            if name == "missing":
                hint = '; write "is missing" or "is not missing"'
            self._fail(f'no column "{name}"{hint}', start, end)
        self._names.add(name)
        return Name(self._columns[name])

    def _column_list(self) -> str:
        names = list(self._columns)
        return ", ".join(names[:10]) + (f" and {len(names) - 10:,} more" if names[10:] else "")

    def _constant(self, node: ast.Constant) -> Node:
        value = node.value
        if value is None:
            self._fail('write "is missing" or "is not missing"', *self._span(node))
        if type(value) not in (int, float, str):
            self._fail(f"this is not possible here; {_LANGUAGE}", *self._span(node))
        assert isinstance(value, int | float | str)
        if not isinstance(value, str) and not (abs(value) <= _MOST_INT64 or _is_double(value)):
            self._fail("expected a finite number that fits in int64", *self._span(node))
        return Constant(value)

    def _unary(self, node: ast.UnaryOp) -> Node:
        if isinstance(node.op, ast.Not):
            return Not(self._condition(node.operand))
        if not isinstance(node.op, ast.USub | ast.UAdd):
            self._fail('there is no "~"; write "not"', *self._span(node))
        number = self._number(node.operand)
        if isinstance(node.op, ast.UAdd):
            return number
        if isinstance(number, Constant) and not isinstance(number.value, str):
            return Constant(-number.value)
        return Negative(number)

    def _binary(self, node: ast.BinOp) -> Node:
        operator = _ARITHMETIC.get(type(node.op))
        if operator is None:
            words = {ast.BitAnd: '"and"', ast.BitOr: '"or"'}.get(type(node.op), "+ - * / %")
            (_, start), (end, _) = self._span(node.left), self._span(node.right)
            sign = self._text[start:end].strip(" ()")
            start = self._text.index(sign, start)
            self._fail(f"no such operator; there is {words}", start, start + len(sign))
        return Arithmetic(operator, self._number(node.left), self._number(node.right))

    def _logic(self, node: ast.BoolOp) -> Node:
        operator = "and" if isinstance(node.op, ast.And) else "or"
        return Logic(operator, tuple(self._condition(value) for value in node.values))

    def _call(self, node: ast.Call) -> Node:
        start, end = self._span(node.func)
        name = self._text[start:end]
        if name not in _FUNCTIONS or node.keywords:
            hint = did_you_mean(name, _FUNCTIONS) or f"; there are {', '.join(_FUNCTIONS)}"
            self._fail(f'no function "{name}"{hint}', start, end)
        least, most = _FUNCTIONS[name]
        if not least <= len(node.args) <= most:
            count = "1 argument" if most == 1 else f"{least} to {most} arguments"
            self._fail(f"{name}: expected {count}, got {len(node.args)}", *self._span(node))
        kind = "text" if name == "len" else "a number"
        return Call(name, tuple(self._of_kind(argument, kind) for argument in node.args))

    def _comparisons(self, node: ast.Compare) -> Node:
        lefts = [node.left, *node.comparators]
        pairs = zip(lefts, node.ops, node.comparators, strict=False)
        comparisons = [self._comparison(left, op, right) for left, op, right in pairs]
        return comparisons[0] if len(comparisons) == 1 else Logic("and", tuple(comparisons))

    def _comparison(self, left: ast.AST, op: ast.cmpop, right: ast.AST) -> Node:
        if isinstance(op, ast.Is | ast.IsNot):
            return self._missing(left, right, opposite=isinstance(op, ast.IsNot))
        if isinstance(op, ast.In | ast.NotIn):
            member = self._membership(left, right)
            return Not(member) if isinstance(op, ast.NotIn) else member
        first, second = self._read(left), self._read(right)
        self._check_kinds(first, second, left, right)
        operator = _COMPARISONS[type(op)]
        ordered_texts = first.type == "string" and operator not in ("==", "!=")
        if ordered_texts and not isinstance(first, Constant) and not isinstance(second, Constant):
            self._fail(
                f'expected a text in quotes, since "{operator}" does not compare two text columns',
                *self._span(right),
            )
        return Comparison(
            operator, self._adapt(first, second, left), self._adapt(second, first, right)
        )

    def _missing(self, left: ast.AST, right: ast.AST, *, opposite: bool) -> Node:
        start, end = self._span(right)
        if self._text[start:end] not in ("missing", "None"):
            self._fail('after "is" expected missing or not missing', start, end)
        operand = self._read(left)
        if operand.type == "condition":
            self._fail("expected a column or a number, got a condition", *self._span(left))
        return Not(Missing(operand)) if opposite else Missing(operand)

    def _membership(self, left: ast.AST, right: ast.AST) -> Node:
        operand = self._read(left)
        elements = right.elts if isinstance(right, ast.Tuple | ast.List | ast.Set) else [right]
        values = []
        for element in elements:
            value = self._read(element)
            if not isinstance(value, Constant):
                self._fail("expected numbers or texts in quotes", *self._span(element))
            self._check_kinds(operand, value, left, element)
            values.append(self._adapt(value, operand, element))
        if not values:
            self._fail("expected at least one value", *self._span(right))
        return Membership(operand, tuple(value for value in values if isinstance(value, Constant)))

    def _check_kinds(self, first: Node, second: Node, left: ast.AST, right: ast.AST) -> None:
        if first.type == "condition":
            self._fail("expected a number or text, got a condition", *self._span(left))
        if _NOUNS[first.type] != _NOUNS[second.type]:
            expected = f"{_NOUNS[first.type]} to compare with {_describe(first)}"
            self._fail(f"expected {expected}, got {_describe(second)}", *self._span(right))

    def _adapt(self, value: Node, other: Node, node: ast.AST) -> Node:
        """Give a constant the precision of the column that it is compared with."""
        if not isinstance(value, Constant) or not isinstance(other, Name):
            return value
        if isinstance(value.value, str):
            self._check_text(value.value, other.column, node)
            return value
        return Constant(c_float(value.value).value) if other.type == "float32" else value

    def _check_text(self, text: str, column: Column, node: ast.AST) -> None:
        """Raise RecipeError where no clean value of a column can be the text."""
        if text == "" or text in column.missing:
            problem = f'"{text}" means "no value" in column "{column.name}"; write "is missing"'
        elif text in dict(column.spelling):
            meant = dict(column.spelling)[text]
            problem = f'column "{column.name}" has "{meant}" instead of "{text}"'
        elif text != text.strip(BLANKS):
            problem = f'blanks around values are stripped, so none is "{text}"'
        elif column.domain and text not in column.domain:
            hint = did_you_mean(text, column.domain) or f"; it has {column.expectation()}"
            problem = f'column "{column.name}" has no "{text}"{hint}'
        else:
            return
        self._fail(problem, *self._span(node))

    def _span(self, node: ast.AST) -> tuple[int, int]:
        """Return the first character of a node in the text, and the one after its last."""
        # Python counts columns in bytes of UTF-8.
        assert isinstance(node, ast.expr) and node.end_col_offset is not None
        line = self._source[self._indent :].encode()
        return (
            self._indent + len(line[: node.col_offset].decode()),
            self._indent + len(line[: node.end_col_offset].decode()),
        )

    def _fail(self, problem: str, start: int, end: int) -> NoReturn:
        marks = " " * start + "^" * max(end - start, 1)
        raise RecipeError(f"{problem}\n  {self._text}\n  {marks}")


def _placeholder(match: re.Match[str]) -> str:
    """Replace a name in backticks by a Python name of equal length; keep texts in quotes."""
    return match[0] if match[1] is None else "_" * len(match[0])


def _is_double(value: int | float) -> bool:
    return isinstance(value, float) and isfinite(value)


def _describe(node: Node) -> str:
    if isinstance(node, Name):
        return f'the {node.type} column "{node.column.name}"'
    return _NOUNS[node.type]
