"""`Report`: all problems of a recipe in one error, a line each with its location in the file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from ...schemas.errors import RecipeError
from ...schemas.suggestions import did_you_mean, nearest_name
from .pydantic_models import Location
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
    """Collector of problems.

    Args:
      source: Name of the file in messages.
      root: Tree of the file.
      schema: JSON Schema of a recipe, the source of the valid names at each location.
    """

    def __init__(self, source: str, root: Node, schema: Mapping[str, Any]) -> None:
        self._source = source
        self._root = root
        self._schema = schema
        self._problems: dict[tuple[int, str], None] = {}
        self.locations: list[Location] = []

    def add(self, location: Location, problem: str) -> None:
        """Add a problem at a location; keys that are not in the file are left out of its path."""
        self.locations.append(location)
        path, line = [], self._root.line
        for key, node in self._root.along(location):
            line = node.line
            path.append(key)
        shown = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
        shown = shown.lstrip(".")
        self._problems[line, f"{shown}: {problem}" if shown else problem] = None

    def add_all(self, error: ValidationError) -> None:
        """Add all problems of a pydantic error."""
        details = error.errors(include_url=False)
        unknown = {detail["loc"] for detail in details if detail["type"] == "extra_forbidden"}
        for detail in details:
            location, kind = detail["loc"], detail["type"]
            if kind == "extra_forbidden":
                self.add(location, self._unknown_key(location))
            elif kind == "missing":
                # A required key with a typo is one problem, not two.
                if not any(
                    other[:-1] == location[:-1] and self._nearest(other) == location[-1]
                    for other in unknown
                ):
                    self.add(location, self._missing(location))
            else:
                self.add(location, _value_problem(detail))

    def raise_if_any(self) -> None:
        """Raise a RecipeError with a line for each problem, in the order of the file."""
        lines = [f"{self._source}:{line}: {text}" for line, text in sorted(self._problems)]
        if len(lines) == 1:
            raise RecipeError(lines[0])
        if lines:
            more = len(lines) - _MOST_LINES
            shown = [*lines[:_MOST_LINES], *([f"and {more:,} more"] if more > 0 else [])]
            text = "\n".join([f"{self._source}: {len(lines):,} problems:", *shown])
            raise RecipeError(text.replace("\n", "\n  "))

    def _missing(self, location: Location) -> str:
        """Return the message for a missing key; it names a parent that the file does not have.

        The short form `[RandomHue]` has no key `RandomHue`, so the path of the message lacks it.
        """
        written = [key for key, _ in self._root.along(location)]
        parent = location[-2] if len(location) > 1 else None
        problem = f'"{location[-1]}" is missing'
        is_implied = isinstance(parent, str) and parent not in written
        return f"{parent}: {problem}" if is_implied else problem

    def _unknown_key(self, location: Location) -> str:
        names, title = self._names(location[:-1])
        near = self._nearest(location)
        problem = "no such key" if title == "key" else f'no {title} "{location[-1]}"'
        if near:
            return f'{problem}; did you mean "{near}"?'
        return f"{problem}; expected {', '.join(names)}" if names else f"{problem}; it takes none"

    def _nearest(self, location: Location) -> str | None:
        names, _ = self._names(location[:-1])
        return nearest_name(str(location[-1]), names)

    def _names(self, location: Location) -> tuple[list[str], str]:
        """Return the valid names at a location and the noun for one of them."""
        schemas = list(_schemas_at(self._schema, location, self._schema))
        mappings = [schema for schema in schemas if "properties" in schema]
        if not mappings:
            return [], "key"
        return list(mappings[-1]["properties"]), mappings[-1]["title"] if location else "key"


def _value_problem(detail: Any) -> str:
    """Return the message for a bad value, by the type of pydantic's error."""
    kind, got = detail["type"], _shown(detail["input"])
    if kind == "literal_error":
        expected = detail["ctx"]["expected"].replace("'", '"')
        hint = did_you_mean(str(detail["input"]), re.findall('"(.*?)"', expected))
        return f"expected {expected}, got {got}{hint}"
    if kind in ("too_short", "too_long"):
        count = detail["ctx"].get("min_length", detail["ctx"].get("max_length"))
        return f"expected {count} items, got {got}"
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, got {got}"
    return str(detail["msg"])


def _shown(value: Any) -> str:
    """Return a short description of a value, for a message.

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


def _schemas_at(
    schema: Mapping[str, Any], location: Location, root: Mapping[str, Any]
) -> Iterator[Any]:
    """Yield the JSON Schemas of a location, all alternatives."""
    for alternative in _alternatives(schema, root):
        if not location:
            yield alternative
            continue
        key, rest = location[0], location[1:]
        if isinstance(key, int):
            part = alternative.get("items")
        else:
            part = alternative.get("properties", {}).get(
                key, alternative.get("additionalProperties")
            )
        if isinstance(part, dict):
            yield from _schemas_at(part, rest, root)


def _alternatives(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the alternatives of a JSON Schema, with references resolved."""
    if "$ref" in schema:
        yield from _alternatives(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    elif "anyOf" in schema:
        for alternative in schema["anyOf"]:
            yield from _alternatives(alternative, root)
    else:
        yield schema


def take_as_written(root: Node, error: ValidationError) -> bool:
    """Replace values that YAML did not read as text by their text, where text is expected.

    Args:
      root: Tree of the file; changed in place.
      error: Error of the validation, which names these values.

    Returns:
      True if a value changed, so that another validation makes sense.
    """
    changed = False
    for detail in error.errors(include_url=False, include_context=False):
        nodes = [node for _, node in root.along(detail["loc"])]
        node = nodes[-1] if nodes else root
        text = node.written
        if detail["type"] == "string_type" and text is not None and node.value is not None:
            changed |= node.value != text
            node.value = text
    return changed
