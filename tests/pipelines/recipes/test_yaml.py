"""Plain data is read as intended; hostile YAML is refused with one clear error."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from recordmill.pipelines.recipes.yaml import parse
from recordmill.schemas import RecipeError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-0.5", -0.5),
        ("0x1F", 31),
        ("1_000", 1000),
        ("1e3", 1000.0),
        ("1.5E-3", 0.0015),
        ('"1e3"', "1e3"),
        ("!!str 1e3", "1e3"),
        ("no", False),
        ("true", True),
        ("~", None),
        ("", None),
        (".inf", float("inf")),
        ("012", "012"),
        ("1:30", "1:30"),
        ("2026-01-01", "2026-01-01"),
        ("=", "="),
        ("!!str 5", "5"),
        ("9" * 5000, "9" * 5000),
        ("<=50K", "<=50K"),
    ],
)
def test_scalars(text: str, value: Any) -> None:
    assert parse(f"a: {text}\n", source="r.yaml").plain() == {"a": value}


def test_keys_are_text_as_it_is_written() -> None:
    assert parse("{no: 1, 1: 2, 1e3: 3}", source="r.yaml").plain() == {"no": 1, "1": 2, "1e3": 3}


def test_lines_are_those_of_keys_and_items() -> None:
    root = parse("a:\n  b:\n    [1,\n     2]\n", source="r.yaml")
    assert [(part, node.line) for part, node in root.along(("a", "b", 1))] == [
        ("a", 1),
        ("b", 2),
        (1, 4),
    ]
    assert [part for part, _ in root.along(("a", "steps", 0, "b"))] == ["a", "b"]


def test_anchors_aliases_and_merges() -> None:
    text = "a: &a {x: 1, y: 2}\nb: *a\nc: {<<: *a, y: 3}\nd: {<<: [*a, {z: 4}]}\n"
    assert parse(text, source="r.yaml").plain() == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 1, "y": 2},
        "c": {"x": 1, "y": 3},
        "d": {"x": 1, "y": 2, "z": 4},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a: !!python/object/apply:os.system [ls]",
            'r.yaml:1: the tag "!!python/object/apply:os.system" is refused: '
            "a recipe is plain data",
        ),
        ("a:\n- !local 3", 'r.yaml:2: the tag "!local" is refused: a recipe is plain data'),
        ("a: !!set {b}", 'r.yaml:1: the tag "!!set" is refused: a recipe is plain data'),
        ("a: 1\nb: 2\na: 3", 'r.yaml:3: the key "a" stands twice, first in line 1'),
        ("a: &a [*a]", 'r.yaml:1: there is no "&a" that ends before this alias "*a"'),
        ("a: *b", 'r.yaml:1: there is no "&b" that ends before this alias "*b"'),
        ("? [a]\n: 3", "r.yaml:1: expected text for a key, got a list or a mapping"),
        ("a: {<<: 3}", 'r.yaml:1: "<<" takes a mapping, or a list of them'),
        ("a: 1\n---\nb: 2", "r.yaml:2: expected one document, got another after ---"),
        ("[" * 100_000, "r.yaml:1: expected at most 50 levels, got more"),
        ("{a: " * 100_000, "r.yaml:1: expected at most 50 levels, got more"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        parse(text, source="r.yaml")
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("a:\n\t- b", 2, "the line has a tab: indent with spaces"),
        ("a: 1\nb: @x", 2, 'put text that begins with a special character in quotes: "…"'),
        ("a: [?, b]", 1, 'put a question mark in quotes: "?"'),
        ("a: [1\nb: 2", 2, "while parsing a flow sequence"),
    ],
)
def test_no_yaml(text: str, line: int, hint: str) -> None:
    with pytest.raises(RecipeError) as error:
        parse(text, source="r.yaml")
    assert str(error.value).startswith(f"r.yaml:{line}: not YAML: ")
    assert hint in str(error.value)


def test_control_characters_are_no_yaml() -> None:
    with pytest.raises(RecipeError, match=r"^r\.yaml: not YAML: unacceptable character #x0000"):
        parse("a\0b", source="r.yaml")


def test_a_billion_laughs_do_not_hang() -> None:
    names = "abcdefghij"
    lines = [f"a: &a [{', '.join(['ha'] * 10)}]"]
    lines += [
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]" for before, name in pairwise(names)
    ]
    began = time.monotonic()
    with pytest.raises(RecipeError) as error:
        parse("\n".join(lines), source="r.yaml")
    assert str(error.value) == (
        "r.yaml:6: expected at most 200,000 values, got more, with all that aliases stand for"
    )
    assert time.monotonic() - began < 5


def test_a_recipe_that_is_no_recipe_but_data() -> None:
    with pytest.raises(RecipeError, match="expected a recipe of at most 16,000,000 characters"):
        parse("a" * 16_000_001, source="r.yaml")


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(_PLAIN)
def test_what_yaml_writes_is_read_back(value: Any) -> None:
    assert parse(yaml.safe_dump(value), source="r.yaml").plain() == yaml.safe_load(
        yaml.safe_dump(value)
    )
