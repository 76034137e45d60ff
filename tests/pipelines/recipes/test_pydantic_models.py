"""Pydantic types of type hints and dataclasses; `test_errors` shows them in complete recipes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import pytest
from pydantic import TypeAdapter, ValidationError

from recordmill.pipelines.recipes.pydantic_models import (
    Key,
    build,
    choice_type,
    dataclass_type,
    descriptions,
    model,
    one_or_more,
    pydantic_type,
    validation_error,
    values_by_key,
)
from recordmill.schemas import RecipeError


@dataclass(frozen=True)
class Point:
    """A point.

    Attributes:
      x: From the left,
        in pixels.
      y: From the top.
      name: What it is called.
    """

    x: int
    y: float = 0.0
    name: str | None = None
    tags: tuple[str, ...] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        if self.x < 0:
            raise RecipeError(f"expected at least 0, got {self.x}", subject="Point", field="x")
        if self.y < 0:
            raise RecipeError(f"expected at least 0, got {self.y}", field="y")
        if len(self.tags) > len(set(self.tags)):
            raise RecipeError("expected different tags", field="tags")
        if self.x > 99:
            raise RecipeError("the point is far away", subject="Point")


def check(kind: Any, value: Any) -> Any:
    return TypeAdapter(kind).validate_python(value, strict=True)


def problems(kind: Any, value: Any) -> list[tuple[tuple[int | str, ...], str]]:
    with pytest.raises(ValidationError) as error:
        check(kind, value)
    return [(detail["loc"], detail["msg"]) for detail in error.value.errors()]


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (int, 3, 3),
        (float, 3, 3),
        (str, "a", "a"),
        (bool, True, True),
        (Literal["a", "b"], "b", "b"),
        (tuple[int, ...], [1, 2], (1, 2)),
        (tuple[int, int], [1, 2], (1, 2)),
        (Sequence[str], ["a"], ("a",)),
        (Mapping[str, int], {"a": 1}, {"a": 1}),
        (int | None, None, None),
        (str | int, 3, 3),
        (tuple[tuple[str, str], ...], {"a": "b"}, (("a", "b"),)),
        (Point, {"x": 1, "y": 2}, Point(1, 2)),
    ],
)
def test_the_type_of_a_hint(hint: Any, value: Any, expected: Any) -> None:
    assert check(pydantic_type(hint), value) == expected


@pytest.mark.parametrize(
    ("hint", "value"),
    [(int, "3"), (float, True), (str | int, [1]), (tuple[int, int], [1]), (Literal["a"], "b")],
)
def test_values_of_another_type(hint: Any, value: Any) -> None:
    assert problems(pydantic_type(hint), value)


@pytest.mark.parametrize("hint", [set[int], int | bytes, complex])
def test_hints_without_a_rule(hint: Any) -> None:
    with pytest.raises(TypeError, match="a recipe has no rule for"):
        pydantic_type(hint)


def test_a_hint_with_a_type_of_its_own() -> None:
    assert check(pydantic_type(complex, special={complex: int}), 3) == 3


def test_unknown_and_missing_keys() -> None:
    kind = dataclass_type(Point)
    assert problems(kind, {"x": 1, "z": 2})[0][0] == ("z",)
    assert problems(kind, {})[0][0] == ("x",)
    assert check(kind, {"x": 1, "name": None}) == Point(1)


def test_each_field_that_is_refused_is_told() -> None:
    both = {"x": 1, "y": -2, "tags": ["a", "a"]}
    assert problems(dataclass_type(Point), both) == [
        (("y",), "expected at least 0, got -2"),
        (("tags",), "expected different tags"),
    ]
    assert problems(dataclass_type(Point), {"x": -1}) == [(("x",), "expected at least 0, got -1")]
    assert problems(dataclass_type(Point), {"x": 100}) == [((), "the point is far away")]


def test_a_problem_of_a_field_that_the_recipe_does_not_give() -> None:
    with pytest.raises(ValidationError) as error:
        build(partial(Point, x=-1), {"y": 2.0})
    assert [(detail["loc"], detail["msg"]) for detail in error.value.errors()] == [
        ((), "x: expected at least 0, got -1")
    ]


def test_a_dataclass_of_values() -> None:
    assert build(Point, {"x": 1, "tags": ("a",)}) == Point(1, tags=("a",))
    with pytest.raises(TypeError, match="required"):
        build(Point, {"y": 1.0})


def test_the_descriptions_of_a_docstring() -> None:
    assert descriptions(Point) == {
        "x": "From the left, in pixels.",
        "y": "From the top.",
        "name": "What it is called.",
    }
    assert descriptions(check) == {}


def test_the_json_schema_has_texts_and_defaults() -> None:
    schema = TypeAdapter(dataclass_type(Point)).json_schema()
    assert schema["title"] == "key"
    assert schema["required"] == ["x"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["x"]["description"] == "From the left, in pixels."
    assert schema["properties"]["y"]["default"] == 0.0
    assert "default" not in schema["properties"]["name"]


def test_values_that_were_written() -> None:
    kind = model("thing", {"copy": Key(int), "json": Key(int)})
    assert values_by_key(kind.model_validate({"copy": 3})) == {"copy": 3}


def test_one_or_more() -> None:
    kind = one_or_more(int)
    assert (check(kind, 3), check(kind, [3, 4])) == ((3,), (3, 4))
    assert {"type": "integer"} in TypeAdapter(kind).json_schema()["anyOf"]


def test_one_of_several_by_name() -> None:
    choices = {"flip": dataclass_type(Point), "turn": model("turn", {})}
    kind = choice_type(choices, lambda name, arguments: (name, arguments), title="operation")
    assert check(kind, {"flip": {"x": 3}}) == ("flip", Point(3))
    for written in ("turn", {"turn": None}, {"turn": {}}):
        assert check(kind, written)[0] == "turn"
    assert problems(kind, {"flip": {"x": 3}, "turn": {}}) == [
        ((), "expected one operation, got flip, turn: several are a list, each with -")
    ]
    assert problems(kind, {}) == [
        ((), "expected one operation, got none: several are a list, each with -")
    ]
    assert problems(kind, "spin")[0][0] == ("spin",)


def test_the_error_of_values_at_some_places() -> None:
    error = validation_error({("a", 0): "no such thing", (): "all of it"})
    assert [(detail["loc"], detail["msg"]) for detail in error.errors()] == [
        (("a", 0), "no such thing"),
        ((), "all of it"),
    ]
