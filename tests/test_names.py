"""What stands in backticks is there: dotted names of the package, and paths of the repository.

A dotted name that begins with `recordmill.`, or with one of its folders, is imported. In the text
of a module, so is one whose beginning that module knows, such as `tf.io.gfile`.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("schemas", "transforms", "pipelines", "runners")
TOP = (*FOLDERS, "docs", "tests", "benchmarks", "examples")
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "benchmarks/README.md"])

GONE = re.compile(r"tf\.estimator\b")
"""What only TensorFlow 2.15 has, which trainers may use."""

_DOTTED = re.compile(r"(?<!`)`([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)(?:\([^`]*\))?`")
_PATH = re.compile(rf"(?<!`)`((?:{'|'.join(TOP)})/[\w./-]*)`")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("recordmill", *(part for part in parts if part != "__init__")))


def child(parent: Any, name: str) -> Any:
    """Return an attribute or a module of a package; None for a field that instances have."""
    try:
        return getattr(parent, name)
    except AttributeError:
        if name in {key for base in getattr(parent, "__mro__", ()) for key in _fields(base)}:
            return None
        return import_module(f"{parent.__name__}.{name}")


def _fields(base: type) -> set[str]:
    return {*vars(base).get("__annotations__", ()), *vars(base).get("__slots__", ())}


def resolves(name: str, scope: dict[str, Any]) -> bool:
    """Return whether a dotted name leads somewhere; True where its beginning is unknown."""
    head, *rest = name.split(".")
    if head == "recordmill":
        parent: Any = import_module(f"recordmill.{rest.pop(0)}")
    elif head in scope:
        parent = scope[head]
    elif head in FOLDERS:
        parent = import_module(f"recordmill.{head}")
    else:
        return True
    for part in rest:
        if parent is None:
            return True  # the types of fields are not followed
        try:
            parent = child(parent, part)
        except (AttributeError, ImportError):
            return False
    return True


def unresolved(text: str, scope: dict[str, Any]) -> list[str]:
    names = [name for name in _DOTTED.findall(text) if not GONE.match(name)]
    return [name for name in names if not resolves(name, scope)]


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_names_in_a_module_resolve(path: Path) -> None:
    scope = vars(import_module(module_name(path)))
    assert unresolved(path.read_text(), scope) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_names_and_paths_on_a_page_exist(page: Path) -> None:
    text = page.read_text()
    assert unresolved(text, {}) == []
    assert [path for path in _PATH.findall(text) if not (ROOT / path).exists()] == []


def test_a_stale_name_is_found() -> None:
    text = "`recordmill.schemas.Column`, `recordmill.schemas.Row`, `schemas.no.such`, `a.b`"
    assert unresolved(text, {}) == ["recordmill.schemas.Row", "schemas.no.such"]
    assert unresolved("`a.upper`, `a.lowest()`", {"a": "text"}) == ["a.lowest"]
