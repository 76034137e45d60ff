"""Nothing that can hold code is ever loaded: no pickle, and no YAML but plain data."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [
    path
    for folder in ("schemas", "transforms", "pipelines", "runners")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
MODULES = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
NAMES = {"allow_pickle", "full_load", "load_all", "read_pickle", "unsafe_load"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_loads_what_can_hold_code(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").partition(".")[0] not in MODULES
        elif isinstance(node, ast.Attribute):
            whole = ast.unparse(node)
            assert node.attr not in NAMES and whole != "yaml.load"
            assert whole.partition(".")[0] not in MODULES or node.attr == "dumps", whole
        elif isinstance(node, ast.keyword):
            assert node.arg not in NAMES
