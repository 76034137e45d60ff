"""The tree of an expression over columns; `schemas.expressions.parse` reads text into it."""

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
    """A column."""

    column: Column

    @property
    def type(self) -> Type:
        return self.column.type


@dataclass(frozen=True)
class Constant:
    """A number or a text."""

    value: int | float | str

    @property
    def type(self) -> Type:
        return "int64" if isinstance(self.value, int) else _FOUND[type(self.value)]


@dataclass(frozen=True)
class Arithmetic:
    """Two numbers and one of + - * / %."""

    operator: str
    left: Node
    right: Node

    @property
    def type(self) -> Type:
        return "float32" if self.operator == "/" else _common(self.left, self.right)


@dataclass(frozen=True)
class Negative:
    """A number with the other sign."""

    of: Node

    @property
    def type(self) -> Type:
        return self.of.type


@dataclass(frozen=True)
class Call:
    """A function, one of abs, min, max and len."""

    function: str
    arguments: tuple[Node, ...]

    @property
    def type(self) -> Type:
        return "int64" if self.function == "len" else _common(*self.arguments)


@dataclass(frozen=True)
class Comparison:
    """Two numbers or two texts, and one of == != < <= > >=; one of ordered texts is a constant."""

    operator: str
    left: Node
    right: Node
    type: Type = "condition"


@dataclass(frozen=True)
class Membership:
    """Whether a number or text is one of these."""

    of: Node
    values: tuple[Constant, ...]
    type: Type = "condition"


@dataclass(frozen=True)
class Missing:
    """Whether there is no value."""

    of: Node
    type: Type = "condition"


@dataclass(frozen=True)
class Logic:
    """Conditions joined by "and" or "or"."""

    operator: str
    of: tuple[Node, ...]
    type: Type = "condition"


@dataclass(frozen=True)
class Not:
    """The opposite of a condition."""

    of: Node
    type: Type = "condition"


Node: TypeAlias = (
    "Name | Constant | Arithmetic | Negative | Call | Comparison | Membership | Missing | Logic"
    " | Not"
)

_FOUND: Mapping[type, Type] = {float: "float32", str: "string"}


def exact(*nodes: Node) -> bool:
    """Whether all are int64 columns and constants, which are compared as integers."""
    return all(isinstance(node, Name | Constant) and node.type == "int64" for node in nodes)


def _common(*nodes: Node) -> Type:
    return "int64" if all(node.type == "int64" for node in nodes) else "float32"


def size(node: Node) -> int:
    """How many operations Arrow needs, which computes a part again wherever it is used."""
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
