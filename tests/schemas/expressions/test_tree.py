from __future__ import annotations

import pytest

from recordmill.schemas.column import Column
from recordmill.schemas.expressions.tree import (
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
    size,
)

WHOLE, REAL, TEXT = (
    Name(Column("n", "int64")),
    Name(Column("x", "float32")),
    Name(Column("t", "string")),
)
ONE, HALF = Constant(1), Constant(0.5)


@pytest.mark.parametrize(
    ("node", "kind"),
    [
        (WHOLE, "int64"),
        (TEXT, "string"),
        (ONE, "int64"),
        (HALF, "float32"),
        (Constant("a"), "string"),
        (Arithmetic("+", WHOLE, ONE), "int64"),
        (Arithmetic("%", WHOLE, HALF), "float32"),
        (Arithmetic("/", WHOLE, ONE), "float32"),
        (Negative(WHOLE), "int64"),
        (Negative(REAL), "float32"),
        (Call("len", (TEXT,)), "int64"),
        (Call("max", (WHOLE, ONE)), "int64"),
        (Call("max", (WHOLE, REAL)), "float32"),
        (Comparison("<", WHOLE, ONE), "condition"),
        (Not(Missing(WHOLE)), "condition"),
    ],
)
def test_the_type_of_a_node(node: Node, kind: str) -> None:
    assert node.type == kind


def test_only_columns_and_constants_of_integers_are_exact() -> None:
    assert exact(WHOLE, ONE)
    assert not exact(WHOLE, REAL)
    assert not exact(HALF)
    assert not exact(Arithmetic("+", WHOLE, ONE))


@pytest.mark.parametrize(
    ("node", "operations"),
    [
        (WHOLE, 1),
        (Arithmetic("+", WHOLE, ONE), 3),
        (Arithmetic("/", WHOLE, ONE), 1 + 1 + 2),
        (Arithmetic("%", WHOLE, ONE), 1 + 2 + 3),
        (Comparison("==", WHOLE, ONE), 3),
        (Negative(WHOLE), 2),
        (Membership(WHOLE, (ONE, HALF)), 2),
        (Call("min", (WHOLE, REAL, ONE)), 4),
        (Logic("and", (Missing(WHOLE), Not(Missing(REAL)))), 1 + 2 + 3),
    ],
)
def test_the_size_counts_what_arrow_computes_again(node: Node, operations: int) -> None:
    assert size(node) == operations


def test_remainders_of_remainders_grow_fast() -> None:
    node: Node = WHOLE
    for _ in range(10):
        node = Arithmetic("%", node, WHOLE)
    assert size(node) == 2**10 + 4 * (2**10 - 1)
