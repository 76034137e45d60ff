"""Parser of the text of a recipe: a tree of plain values, each with its line.

It accepts a subset of the input of `yaml.safe_load`: it refuses tags such as `!!python/object`,
duplicate keys, and nesting and aliases that would exhaust the memory or the stack. A key is always
text as written. Words to which YAML 1.1 gives a meaning that no recipe intends stay text: `1:30`
and `012` (numbers in another base), `2026-01-01` (a date). And `1e3`, in YAML 1.1 text, is a
number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from ...schemas.errors import RecipeError

__all__ = ["LONGEST", "Node", "parse"]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

LONGEST = 16_000_000
"""Upper limit for the characters of a recipe."""

_DEEPEST = 50
_MOST_VALUES = 200_000

_TAG = "tag:yaml.org,2002:"
_TAGS = {f"{_TAG}{name}" for name in ("bool", "float", "int", "map", "null", "seq", "str")}
_NUMBER = {f"{_TAG}int", f"{_TAG}float"}
_EXPONENT = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+")
_QUESTION = re.compile(r"[\[{,:]\s*\?")
_OTHER_BASE = re.compile(r".*:.*|[-+]?0\d.*")
_RESOLVER = yaml.resolver.Resolver()
_CONSTRUCTOR = yaml.constructor.SafeConstructor()

_CONSTRUCT = {
    f"{_TAG}bool": _CONSTRUCTOR.construct_yaml_bool,
    f"{_TAG}float": _CONSTRUCTOR.construct_yaml_float,
    f"{_TAG}int": _CONSTRUCTOR.construct_yaml_int,
    f"{_TAG}null": _CONSTRUCTOR.construct_yaml_null,
}


@dataclass
class Node:
    """Value in the file, with its line.

    Attributes:
      line: Line from 1: of the key, or of the value if it has no key.
      value: A scalar (str, int, float, bool or None), a dict of nodes by key, or a list of nodes.
      written: Text of a scalar as written; None for a dict or a list.
      size: Number of values in it, itself included.
    """

    line: int
    value: Any
    written: str | None = None
    size: int = 1

    def plain(self) -> Any:
        """Return the value without lines, with all values in it."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def along(self, path: tuple[int | str, ...]) -> Iterator[tuple[int | str, Node]]:
        """Yield the keys of a path that are in the tree, with their nodes; skip the others.

        Paths have keys that the file lacks where it uses a short form.
        """
        node = self
        for key in path:
            children: Mapping[Any, Node] = (
                node.value
                if isinstance(node.value, dict)
                else dict(enumerate(node.value))
                if isinstance(node.value, list)
                else {}
            )
            if key in children:
                node = children[key]
                yield key, node


@dataclass
class _Frame:
    """Mapping or list that is not closed yet."""

    node: Node
    anchor: str | None
    key: str | None = None
    key_line: int = 0
    merges: bool = False
    merged: dict[str, Node] = field(default_factory=dict)


def parse(text: str, *, source: str) -> Node:
    """Parse a YAML text to a tree.

    Args:
      text: A single document.
      source: Name of the text in messages.

    Raises:
      RecipeError: The text is not YAML, or has constructs that recipes may not have; the message
        names the line.

    >>> parse("answers: [no, 1e3]", source="a.yaml").plain()
    {'answers': [False, 1000.0]}
    """
    if len(text) > LONGEST:
        raise RecipeError(
            f"{source}: expected a recipe of at most {LONGEST:,} characters, got {len(text):,}"
        )
    try:
        return _Builder(source).build(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RecipeError(
            f"{source}:{line}: not YAML: {error.problem}{_hint(error, text)}"
        ) from error
    except yaml.YAMLError as error:
        raise RecipeError(f"{source}: not YAML: {error}") from error


def _hint(error: yaml.MarkedYAMLError, text: str) -> str:
    lines = text.splitlines()[error.problem_mark.line :] if error.problem_mark else []
    line = lines[0] if lines else ""
    if _QUESTION.search(line):
        return '; put a question mark in quotes: "?"'
    if "\t" in line:
        return "; the line has a tab: indent with spaces"
    if "cannot start any token" in str(error.problem):
        return '; put text that begins with a special character in quotes: "…"'
    return f" ({error.context})" if error.context else ""


class _Builder:
    """Builder of the tree from parser events, without recursion: depth has an explicit limit."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._frames: list[_Frame] = []
        self._anchors: dict[str, Node] = {}
        self._root: Node | None = None

    def build(self, text: str) -> Node:
        """Return the root of the tree."""
        events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        for event in events:
            line = event.start_mark.line + 1
            match event:
                case yaml.DocumentStartEvent() if self._root:
                    raise self._error(line, "expected one document, got another after ---")
                case yaml.ScalarEvent():
                    self._scalar(event, line)
                case yaml.AliasEvent():
                    self._alias(event.anchor or "", line)
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    self._open(event, line)
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    self._close()
        return self._root or Node(1, None, "")

    def _error(self, line: int, problem: str) -> RecipeError:
        return RecipeError(f"{self._source}:{line}: {problem}")

    def _check_tag(self, tag: str | None, line: int) -> None:
        if tag not in {None, "!", *_TAGS}:
            shown = str(tag).replace(_TAG, "!!")
            raise self._error(line, f'the tag "{shown}" is refused: a recipe is plain data')

    def _scalar(self, event: Any, line: int) -> None:
        self._check_tag(event.tag, line)
        plain = event.tag is None and event.implicit[0]
        if self._expects_key():
            self._key(event.value, line, merges=plain and event.value == "<<")
            return
        value = _plain_value(event.value) if plain else _value(event.tag or "", event.value)
        node = Node(line, value, event.value)
        self._add(node, event.anchor)

    def _expects_key(self) -> bool:
        top = self._frames[-1] if self._frames else None
        return top is not None and isinstance(top.node.value, dict) and top.key is None

    def _key(self, key: str, line: int, *, merges: bool) -> None:
        top = self._frames[-1]
        if key in top.node.value:
            first = top.node.value[key].line
            raise self._error(line, f'the key "{key}" stands twice, first in line {first}')
        top.key, top.key_line, top.merges = key, line, merges

    def _alias(self, anchor: str, line: int) -> None:
        if self._expects_key():
            raise self._error(line, "expected a key, got an alias")
        if anchor not in self._anchors:
            problem = f'there is no "&{anchor}" that ends before this alias "*{anchor}"'
            raise self._error(line, problem)
        self._add(replace(self._anchors[anchor], line=line), None)

    def _open(self, event: Any, line: int) -> None:
        self._check_tag(event.tag, line)
        if self._expects_key():
            raise self._error(line, "expected text for a key, got a list or a mapping")
        if len(self._frames) == _DEEPEST:
            raise self._error(line, f"expected at most {_DEEPEST} levels, got more")
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._frames.append(_Frame(Node(line, value), event.anchor))

    def _close(self) -> None:
        frame = self._frames.pop()
        for key, node in frame.merged.items():
            frame.node.value.setdefault(key, node)
        self._add(frame.node, frame.anchor)

    def _add(self, node: Node, anchor: str | None) -> None:
        """Put a complete value into the innermost open mapping or list."""
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._frames:
            self._root = node
            return
        top = self._frames[-1]
        top.node.size += node.size
        if top.node.size > _MOST_VALUES:
            problem = f"expected at most {_MOST_VALUES:,} values, got more"
            raise self._error(node.line, f"{problem}, with all that aliases stand for")
        if isinstance(top.node.value, list):
            top.node.value.append(node)
        elif top.merges:
            self._merge(top, node)
        elif top.key is not None:
            top.node.value[top.key] = replace(node, line=top.key_line)
        top.key = None

    def _merge(self, frame: _Frame, node: Node) -> None:
        # Values of the first mapping win, and keys of the mapping itself win over all (see _close).
        for mapping in node.value if isinstance(node.value, list) else [node]:
            if not isinstance(mapping.value, dict):
                raise self._error(frame.key_line, '"<<" takes a mapping, or a list of them')
            frame.merged = mapping.value | frame.merged


def _plain_value(text: str) -> Any:
    """Return the value of a word without quotes and tag."""
    if _EXPONENT.fullmatch(text):
        return float(text)
    tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return text if tag in _NUMBER and _OTHER_BASE.fullmatch(text) else _value(tag, text)


def _value(tag: str, text: str) -> Any:
    """Return the value of a scalar; its text if the tag is none of a recipe."""
    try:
        return _CONSTRUCT[tag](yaml.ScalarNode(tag, text))
    except (KeyError, ValueError):
        return text
