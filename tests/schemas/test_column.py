from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from recordmill.schemas.column import MISSING_INT64, Column
from recordmill.schemas.errors import RecipeError


def test_a_column_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Column("a", "string").name = "b"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ""}, "expected a name, got an empty one"),
        (
            {"name": "__recordmill_line"},
            "names that begin with __key_ or __recordmill_ are reserved; rename it in the file",
        ),
        (
            {"name": "__key_hi"},
            "names that begin with __key_ or __recordmill_ are reserved; rename it in the file",
        ),
        ({"type": "int32"}, 'expected a type of int64, float32, string, got "int32"'),
        ({"bad_value": "drop"}, 'expected bad_value of reject, clip, missing, got "drop"'),
        ({"role": "target"}, 'expected a role of feature, label, weight, unused, got "target"'),
        ({"shape": (2, 0)}, "expected sizes of at least 1, got (2, 0)"),
        ({"type": "string", "minimum": 1}, "a string column has no minimum or maximum"),
        ({"minimum": 3, "maximum": 2}, "minimum 3 is above maximum 2"),
        ({"domain": ("1",)}, "domain and spelling are for string columns, and the type is int64"),
        ({"bad_value": "clip"}, 'bad_value "clip" needs a minimum or a maximum'),
        (
            {"required": True, "bad_value": "missing"},
            'a required column cannot have bad_value "missing"',
        ),
        ({"minimum": 0.5}, "minimum 0.5 is not a whole number, and the type is int64"),
        ({"minimum": math.nan}, "minimum nan is not a finite int64"),
        ({"maximum": 2**63}, "maximum 9223372036854775808 is not a finite int64"),
        ({"type": "float32", "maximum": 1e39}, "maximum 1e+39 is not a finite float32"),
        ({"type": "float32", "minimum": -math.inf}, "minimum -inf is not a finite float32"),
    ],
)
def test_contradictions_of_a_number(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as error:
        Column(**{"name": "a", "type": "int64", **fields})
    assert str(error.value) == f'column "{fields.get("name", "a")}": {message}'


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"domain": ("x", "y", "x")}, 'domain has "x" 2 times'),
        ({"spelling": (("x", "y"), ("x", "z"))}, 'spelling has "x" 2 times'),
        (
            {"missing": (" ?",)},
            '" ?" has blanks around it, which are stripped before it is compared',
        ),
        ({"domain": ("",)}, '"" cannot be a good value, because it means "no value"'),
        (
            {"missing": ("?",), "domain": ("?", "x")},
            '"?" cannot be a good value, because it means "no value"',
        ),
        (
            {"missing": ("?",), "spelling": (("x", "?"),)},
            '"?" cannot be a good value, because it means "no value"',
        ),
        (
            {"spelling": (("a", "b"), ("b", "c"))},
            '"b" cannot be a good value, because spelling rewrites it',
        ),
        (
            {"domain": ("x",), "spelling": (("y", "z"),)},
            'spelling writes "z", which is not in the domain',
        ),
    ],
)
def test_contradictions_of_a_text(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as error:
        Column("a", "string", **fields)
    assert str(error.value) == f'column "a": {message}'


def test_the_first_of_several_contradictions_is_named() -> None:
    with pytest.raises(RecipeError, match="minimum 3 is above maximum 2"):
        Column("a", "float32", minimum=3, maximum=2, domain=("x",))


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (Column("a", "int64", minimum=17, maximum=90), "an integer in [17, 90]"),
        (Column("a", "int64", minimum=17.0), "an integer of at least 17"),
        (Column("a", "int64", maximum=2**63 - 1), "an integer of at most 9223372036854775807"),
        (Column("a", "int64"), "an integer"),
        (Column("a", "float32"), "a finite number"),
        (Column("a", "float32", minimum=0, maximum=0.1), "a finite number in [0, 0.1]"),
        (Column("a", "string"), "text"),
        (Column("a", "string", domain=("x", "y")), 'one of "x", "y"'),
        (
            Column("a", "string", domain=tuple("abcdefghijklmn")),
            'one of "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" or 4 more',
        ),
    ],
)
def test_expectation(column: Column, words: str) -> None:
    assert column.expectation() == words


def test_missing_value() -> None:
    assert Column("a", "string").missing_value == ""
    assert Column("a", "int64").missing_value == MISSING_INT64 == -(2**63)
    assert math.isnan(float(Column("a", "float32").missing_value))
