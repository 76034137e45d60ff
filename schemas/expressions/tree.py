"""Syntax tree of an expression over columns; `schemas.expressions.parse` makes it from text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..column import Column

__all__ = [
    "Arithmetic",
    "Call",
    "Comparison",
    "Constant",
    "Logic",
    "Membership",
    "Missing",
    "Name",
    "Negative",
    "Node",
    "Not",
    "Type",
    "exact",
    "size",
]

Type = Literal["int64", "float32", "string", "condition"]


@dataclass(frozen=True)
class Name:
    """Reference to a column."""

    column: Column

    @property
    def type(self) -> Type:
        """The type of the column."""
        return self.column.type


@dataclass(frozen=True)
class Constant:
    """Literal number or text."""

    value: int | float | str

    @property
    def type(self) -> Type:
        """The type of the literal."""
        return _CONSTANT_TYPES[type(self.value)]


@dataclass(frozen=True)
class Arithmetic:
    """Operation on two numbers: one of + - * / %."""

    operator: str
    left: Node
    right: Node

    @property
    def type(self) -> Type:
        """int64 of two integers, except for a quotient; else float32."""
        return "float32" if self.operator == "/" else _common(self.left, self.right)


@dataclass(frozen=True)
class Negative:
    """Negation of a number."""

    of: Node

    @property
    def type(self) -> Type:
        """The type of the operand."""
        return self.of.type


@dataclass(frozen=True)
class Call:
    """Call of a function: one of abs, min, max and len."""

    function: str
    arguments: tuple[Node, ...]

    @property
    def type(self) -> Type:
        """int64 of `len` and of integers alone; else float32."""
        return "int64" if self.function == "len" else _common(*self.arguments)


@dataclass(frozen=True)
class Comparison:
    """Comparison of two numbers or texts by == != < <= > >=; texts are ordered with a constant."""

    operator: str
    left: Node
    right: Node
    type: Type = "condition"


@dataclass(frozen=True)
class Membership:
    """Test for a number or text among constants."""

    of: Node
    values: tuple[Constant, ...]
    type: Type = "condition"


@dataclass(frozen=True)
class Missing:
    """Test for a missing value."""

    of: Node
    type: Type = "condition"


@dataclass(frozen=True)
class Logic:
    """Conjunction or disjunction of conditions: "and" or "or"."""

    operator: str
    of: tuple[Node, ...]
    type: Type = "condition"


@dataclass(frozen=True)
class Not:
    """Negation of a condition."""

    of: Node
    type: Type = "condition"


Node: TypeAlias = (
    "Name | Constant | Arithmetic | Negative | Call | Comparison | Membership | Missing | Logic"
    " | Not"
)

_CONSTANT_TYPES: Mapping[type, Type] = {int: "int64", float: "float32", str: "string"}


def exact(*nodes: Node) -> bool:
    """Return whether all nodes are int64 columns or constants, which compare as integers."""
    return all(isinstance(node, Name | Constant) and node.type == "int64" for node in nodes)


def _common(*nodes: Node) -> Type:
    return "int64" if all(node.type == "int64" for node in nodes) else "float32"


def size(node: Node) -> int:
    """Return the number of operations in Arrow, which computes each use of an operand anew."""
    if isinstance(node, Arithmetic):
        times = {"/": (1, 2), "%": (2, 3)}.get(node.operator, (1, 1))
        return 1 + times[0] * size(node.left) + times[1] * size(node.right)
    if isinstance(node, Comparison):
        return 1 + size(node.left) + size(node.right)
    if isinstance(node, Negative | Missing | Not | Membership):
        return 1 + size(node.of)
    if isinstance(node, Logic | Call):
        parts = node.of if isinstance(node, Logic) else node.arguments
        return 1 + sum(map(size, parts))
    return 1
