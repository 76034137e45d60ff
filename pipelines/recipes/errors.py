"""What is wrong with a recipe, all of it in one report: a line each, with its place in the file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from ...schemas.errors import RecipeError
from .pydantic_models import Place
from .yaml import Node

__all__ = ["Report", "take_as_written"]

_MOST_LINES = 50
_LONGEST = 40

_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "keys and values",
    "int_type": "a whole number",
    "list_type": "a list, such as [a, b]",
    "model_type": "keys and values",
    "number_type": "a number",
    "string_type": "text",
}


class Report:
    """Collects problems.

    Args:
      source: What the file is called.
      root: Its tree.
      schema: The JSON Schema of a recipe, which knows the valid names of each place.
    """

    def __init__(self, source: str, root: Node, schema: Mapping[str, Any]) -> None:
        self._source = source
        self._root = root
        self._schema = schema
        self._problems: dict[tuple[int, str], None] = {}
        self.places: list[Place] = []

    def add(self, place: Place, problem: str) -> None:
        """Note a problem at a place; parts of it that are not in the file are passed over."""
        self.places.append(place)
        path, line = [], self._root.line
        for part, node in self._root.along(place):
            line = node.line
            path.append(part)
        shown = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")
        self._problems[line, f"{shown}: {problem}" if shown else problem] = None

    def add_all(self, error: ValidationError) -> None:
        """Note what pydantic found."""
        found = error.errors(include_url=False)
        unknown = {one["loc"] for one in found if one["type"] == "extra_forbidden"}
        for one in found:
            place, kind = one["loc"], one["type"]
            if kind == "extra_forbidden":
                self.add(place, self._no_such(place))
            elif kind == "missing":
                if not any(
                    other[:-1] == place[:-1] and self._nearest(other) == place[-1]
                    for other in unknown
                ):
                    self.add(place, self._missing(place))
            else:
                self.add(place, _said(one))

    def raise_if_any(self) -> None:
        """Raise a RecipeError with a line a problem, in the order of the file."""
        lines = [f"{self._source}:{line}: {text}" for line, text in sorted(self._problems)]
        if len(lines) == 1:
            raise RecipeError(lines[0])
        if lines:
            more = len(lines) - _MOST_LINES
            shown = [*lines[:_MOST_LINES], *([f"and {more:,} more"] if more > 0 else [])]
            text = "\n".join([f"{self._source}: {len(lines):,} problems:", *shown])
            raise RecipeError(text.replace("\n", "\n  "))

    def _missing(self, place: Place) -> str:
        """What is missing, and in what, where that is written without anything to stand in."""
        written = [part for part, _ in self._root.along(place)]
        inside = place[-2] if len(place) > 1 else None
        known = inside in written or not isinstance(inside, str)
        return f'"{place[-1]}" is missing' if known else f'{inside}: "{place[-1]}" is missing'

    def _no_such(self, place: Place) -> str:
        names, title = self._names(place[:-1])
        near = self._nearest(place)
        what = "no such key" if title == "key" else f'no {title} "{place[-1]}"'
        if near:
            return f'{what}; did you mean "{near}"?'
        return f"{what}; expected {', '.join(names)}" if names else f"{what}; it takes none"

    def _nearest(self, place: Place) -> str | None:
        names, _ = self._names(place[:-1])
        near = get_close_matches(str(place[-1]), names, n=1)
        return near[0] if near else None

    def _names(self, place: Place) -> tuple[list[str], str]:
        """The valid names at a place, and what they are called; shorthands have no places."""
        found = [one for one in _below(self._schema, place, self._schema) if "properties" in one]
        if not found:
            return [], "key"
        return list(found[-1]["properties"]), found[-1]["title"] if place else "key"


def _said(one: Any) -> str:
    """What is wrong with a value, by pydantic's kinds of errors."""
    kind, got = one["type"], _shown(one["input"])
    if kind == "literal_error":
        expected = one["ctx"]["expected"].replace("'", '"')
        near = get_close_matches(str(one["input"]), re.findall('"(.*?)"', expected), n=1)
        return f"expected {expected}, got {got}" + (f'; did you mean "{near[0]}"?' if near else "")
    if kind in ("too_short", "too_long"):
        count = one["ctx"].get("min_length", one["ctx"].get("max_length"))
        return f"expected {count} items, got {got}"
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, got {got}"
    return str(one["msg"])


def _shown(value: Any) -> str:
    """A value for a message, in a few words.

    >>> _shown("a" * 99), _shown(None), _shown({"a": 1})
    ('"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…"', 'nothing', 'the keys a')
    """
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return f"the keys {', '.join(value)}"[:_LONGEST] if value else "{}"
    if isinstance(value, str):
        return f'"{value if len(value) < _LONGEST else value[: _LONGEST - 3] + "…"}"'
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) < _LONGEST else text[: _LONGEST - 3] + "…"


def _below(schema: Mapping[str, Any], place: Place, root: Mapping[str, Any]) -> Iterator[Any]:
    """The JSON Schemas of a place, all alternatives."""
    for one in _alternatives(schema, root):
        if not place:
            yield one
        elif isinstance(place[0], int):
            yield from _below(one["items"], place[1:], root) if "items" in one else ()
        else:
            part = one.get("properties", {}).get(place[0], one.get("additionalProperties"))
            yield from _below(part, place[1:], root) if isinstance(part, dict) else ()


def _alternatives(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Any]:
    if "$ref" in schema:
        yield from _alternatives(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    elif "anyOf" in schema:
        for one in schema["anyOf"]:
            yield from _alternatives(one, root)
    else:
        yield schema


def take_as_written(root: Node, error: ValidationError) -> bool:
    """Make text of what YAML took for something else where text was expected.

    Args:
      root: The tree; changed in place.
      error: What pydantic found.

    Returns:
      Whether something was changed, so that it is worth trying again.
    """
    changed = False
    for one in error.errors(include_url=False, include_context=False):
        nodes = [node for _, node in root.along(one["loc"])]
        node = nodes[-1] if nodes else root
        text = node.written
        if one["type"] == "string_type" and text is not None and node.value is not None:
            changed |= node.value != text
            node.value = text
    return changed
