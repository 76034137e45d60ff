"""Expressions on tensors, on Arrow rows, and as Python would compute them, are all the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyarrow import acero

from recordmill.pipelines.recipes.conditions import condition
from recordmill.schemas.column import MISSING_INT64, Column
from recordmill.schemas.errors import RecipeError
from recordmill.schemas.schema import Schema
from recordmill.transforms.recipe.expressions import evaluate

SCHEMA = Schema(
    (
        Column("i", "int64"),
        Column("j-k", "int64"),
        Column("f", "float32"),
        Column("s", "string"),
        Column("t", "string"),
    )
)
Row = Mapping[str, Any]
Tree = tuple[Any, ...]

_SMALL = st.integers(-30, 30)
_FLOATS = st.floats(-100, 100, width=32, allow_subnormal=False) | st.sampled_from(
    [0.0, 1.6, 0.7, 3e38]
)
_TEXTS = st.text("abé\u4e2d-", min_size=1, max_size=3)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "i": st.none() | _SMALL | st.sampled_from([2**53 + 1, 2**63 - 1, 1 - 2**63]),
            "j-k": st.none() | _SMALL,
            "f": st.none() | _FLOATS.map(lambda x: float(np.float32(x))),
            "s": st.none() | _TEXTS,
            "t": st.none() | _TEXTS,
        }
    ),
    min_size=1,
    max_size=8,
)

NUMBERS: st.SearchStrategy[Tree] = st.recursive(
    st.sampled_from([("column", name) for name in ("i", "j-k", "f")])
    | st.tuples(st.just("number"), _SMALL | st.sampled_from([0.5, 1.6, 2**53 + 1, 1e300]))
    | st.tuples(st.just("len"), st.just(("column", "s"))),
    lambda inner: (
        st.tuples(st.sampled_from(["+", "-", "*", "/", "%", "min", "max"]), inner, inner)
        | st.tuples(st.sampled_from(["neg", "abs"]), inner)
    ),
    max_leaves=5,
)
_TEXT_CONSTANTS = st.tuples(st.just("text"), _TEXTS)
_OPERATORS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_TEXT_COLUMNS = st.sampled_from([("column", "s"), ("column", "t")])
CONDITIONS: st.SearchStrategy[Tree] = st.recursive(
    st.tuples(_OPERATORS, NUMBERS, NUMBERS)
    | st.tuples(_OPERATORS, _TEXT_COLUMNS, _TEXT_CONSTANTS)
    | st.tuples(_OPERATORS, _TEXT_CONSTANTS, _TEXT_COLUMNS)
    | st.tuples(st.sampled_from(["==", "!="]), _TEXT_COLUMNS, _TEXT_COLUMNS)
    | st.tuples(st.just("in"), NUMBERS, st.lists(_SMALL | st.just(1.6), min_size=1, max_size=3))
    | st.tuples(st.just("in"), _TEXT_COLUMNS, st.lists(_TEXTS, min_size=1, max_size=3))
    | st.tuples(st.just("missing"), NUMBERS | _TEXT_COLUMNS),
    lambda inner: (
        st.tuples(st.sampled_from(["and", "or"]), inner, inner) | st.tuples(st.just("not"), inner)
    ),
    max_leaves=4,
)


def text_of(tree: Tree) -> str:
    kind, *parts = tree
    if kind == "column":
        return "`j-k`" if parts[0] == "j-k" else str(parts[0])
    if kind in ("number", "text"):
        return repr(parts[0])
    if kind == "in":
        return f"({text_of(parts[0])} in ({', '.join(map(repr, parts[1]))},))"
    inner = [text_of(part) for part in parts]
    if kind in ("len", "abs", "min", "max"):
        return f"{kind}({', '.join(inner)})"
    unary = {"neg": "(- {})", "not": "(not {})", "missing": "({} is missing)"}
    return unary[kind].format(*inner) if kind in unary else f"({inner[0]} {kind} {inner[1]})"


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def number(tree: Tree, row: Row) -> float | None:
    """Double precision, as IEEE 754 has it; None is missing."""
    kind, *parts = tree
    if kind == "column":
        return None if row[parts[0]] is None else float(row[parts[0]])
    if kind == "number":
        return float(parts[0])
    if kind == "len":
        return None if row["s"] is None else float(len(row["s"]))
    inner = [number(part, row) for part in parts]
    if None in inner:
        return None
    a, b = np.float64(inner[0] or 0.0), np.float64(inner[-1] or 0.0)
    with np.errstate(all="ignore"):
        if kind in "/%":
            if b == 0:
                return None
            return float(a / b if kind == "/" else a - np.floor(a / b) * b)
        simple = {"+": a + b, "-": a - b, "*": a * b, "neg": -a, "abs": abs(a)}
        simple |= {"min": np.fmin(a, b), "max": np.fmax(a, b)}
        return float(simple[kind])


def finite(tree: Tree, row: Row) -> float | None:
    value = number(tree, row)
    constant = tree[0] == "number"
    return value if value is not None and (constant or math.isfinite(value)) else None


def _is_int(tree: Tree) -> bool:
    is_column = tree[0] == "column" and tree[1] in ("i", "j-k")
    return is_column or (tree[0] == "number" and isinstance(tree[1], int))


def operands(left: Tree, right: Tree, row: Row) -> list[Any]:
    if "text" in (left[0], right[0]) or left in (("column", "s"), ("column", "t")):
        values = [tree[1] if tree[0] == "text" else row[tree[1]] for tree in (left, right)]
        return [value if value is None else value.encode() for value in values]
    if _is_int(left) and _is_int(right):
        return [tree[1] if tree[0] == "number" else row[tree[1]] for tree in (left, right)]
    result = [finite(tree, row) for tree in (left, right)]
    for index, (tree, beside) in enumerate(((left, right), (right, left))):
        if tree[0] == "number" and beside == ("column", "f"):
            with np.errstate(over="ignore"):
                result[index] = float(np.float32(tree[1]))
    return result


def truth(tree: Tree, row: Row) -> bool | None:
    kind, *parts = tree
    if kind == "not":
        inner = truth(parts[0], row)
        return None if inner is None else not inner
    if kind in ("and", "or"):
        result = [truth(part, row) for part in parts]
        decides = kind == "or"
        return decides if decides in result else None if None in result else not decides
    if kind == "missing":
        text = parts[0] in (("column", "s"), ("column", "t"))
        return (row[parts[0][1]] if text else finite(parts[0], row)) is None
    if kind == "in":
        listed = [("text" if isinstance(v, str) else "number", v) for v in parts[1]]
        integers = _is_int(parts[0]) and all(isinstance(v, int) for v in parts[1])
        if not integers and parts[0] == ("column", "i"):
            listed = [(k, v if isinstance(v, str) else float(v)) for k, v in listed]
        pairs = [operands(parts[0], value, row) for value in listed]
        return None if pairs[0][0] is None else any(a == b for a, b in pairs)
    a, b = operands(*parts, row)
    return None if a is None or b is None else COMPARE[kind](a, b)


def tensors(rows: list[Row]) -> dict[str, tf.Tensor]:
    return {
        column.name: tf.constant(
            [
                column.missing_value if row[column.name] is None else row[column.name]
                for row in rows
            ],
            column.type,
        )
        for column in SCHEMA
    }


def on_arrow(text: str, rows: list[Row]) -> list[bool]:
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=SCHEMA.arrow_schema())
    plan = [
        acero.Declaration("table_source", acero.TableSourceNodeOptions(table)),
        acero.Declaration("project", acero.ProjectNodeOptions([condition(text, SCHEMA)], ["x"])),
    ]
    return acero.Declaration.from_sequence(plan).to_table(use_threads=False)["x"].to_pylist()


def _has_column(tree: Tree) -> bool:
    parts = [part for part in tree[1:] if isinstance(part, tuple)]
    return tree[0] == "column" or any(map(_has_column, parts))


@settings(max_examples=150)
@given(tree=CONDITIONS, rows=ROWS)
def test_conditions_are_the_same_everywhere(tree: Tree, rows: list[Row]) -> None:
    text = text_of(tree)
    assume(_has_column(tree))
    expected = [truth(tree, row) for row in rows]
    assert on_arrow(text, rows) == expected
    result = tf.broadcast_to(evaluate(text, tensors(rows), SCHEMA), [len(rows)])
    assert result.numpy().tolist() == [int(value is True) for value in expected]
    assert result.dtype == tf.int64


@settings(max_examples=100)
@given(tree=NUMBERS, rows=ROWS)
def test_numbers_are_those_of_python(tree: Tree, rows: list[Row]) -> None:
    assume(_has_column(tree))
    result = evaluate(text_of(tree), tensors(rows), SCHEMA)
    values = tf.broadcast_to(result, [len(rows)]).numpy().tolist()
    for row, value in zip(rows, values, strict=True):
        expected = row[tree[1]] if tree[0] == "column" else finite(tree, row)
        if result.dtype == tf.int64:
            beyond = tree[0] != "column" and expected is not None and abs(expected) > 2**53
            assert value == (MISSING_INT64 if expected is None or beyond else int(expected))
        else:
            with np.errstate(over="ignore"):
                single = np.float32(math.nan if expected is None else expected)
            # TensorFlow takes subnormal results for 0.
            single = np.float32(0) if abs(single) < np.finfo(np.float32).tiny else single
            assert math.isnan(value) if not np.isfinite(single) else value in (single, expected)


def test_a_float32_column_equals_the_number_its_file_has() -> None:
    rows = [{"i": 1, "j-k": 1, "f": float(np.float32(x)), "s": "a", "t": "b"} for x in (1.6, 0.7)]
    assert on_arrow("f == 1.6", rows) == [True, False]
    assert on_arrow("f >= 0.7 and f in (0.7, 8)", rows) == [False, True]
    assert evaluate("f == 1.6", tensors(rows)).numpy().tolist() == [1, 0]


def test_whole_numbers_are_compared_exactly() -> None:
    columns = {"i": tf.constant([2**53, 2**53 + 1], tf.int64)}
    assert evaluate(f"i == {2**53 + 1}", columns).numpy().tolist() == [0, 1]
    assert evaluate("i", columns).numpy().tolist() == [2**53, 2**53 + 1]


@pytest.mark.parametrize(
    ("text", "dtype", "expected"),
    [
        ("i - f", tf.float32, [0.5, math.nan]),
        ("i * 2", tf.int64, [4, MISSING_INT64]),
        ("i / 4", tf.float32, [0.5, math.nan]),
        ("-i % 3", tf.int64, [1, MISSING_INT64]),
        ("s", tf.string, [b"a", b""]),
        ("i > 1", tf.int64, [1, 0]),
        ("not i > 1", tf.int64, [0, 0]),
        ("i is missing or s == 'a'", tf.int64, [1, 1]),
    ],
)
def test_what_comes_out(text: str, dtype: tf.DType, expected: list[Any]) -> None:
    columns = {
        "i": tf.constant([2, MISSING_INT64], tf.int64),
        "f": tf.constant([1.5, 2.5]),
        "s": tf.constant(["a", ""]),
    }
    result = tf.function(lambda **given: evaluate(text, given))(**columns)
    assert result.dtype == dtype
    assert str(result.numpy().tolist()) == str(expected)


def test_texts_are_ordered_by_their_bytes_so_dates_by_time() -> None:
    x = {"d": tf.constant(["2026-01-01", "2025-12-31", "2026-01", "2026-01-01T10:00", ""])}
    assert evaluate("d >= '2026-01-01'", x).numpy().tolist() == [1, 0, 0, 1, 0]
    assert evaluate("'2026-01-01' >= d", x).numpy().tolist() == [1, 1, 1, 0, 0]


def test_what_is_no_column() -> None:
    ragged = {"many": tf.ragged.constant([["a"]]), "one": tf.constant(["a"])}
    with pytest.raises(RecipeError) as error:
        evaluate("many == 'a'", ragged)
    assert str(error.value) == ("no column \"many\"; there are one\n  many == 'a'\n  ^^^^")
