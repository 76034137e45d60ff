"""Public names of `recordmill.pipelines`, which are imported at their first use."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from recordmill import pipelines


def test_names_for_tools_are_those_that_are_imported() -> None:
    tree = ast.parse(Path(str(pipelines.__file__)).read_text("utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    modules = {alias.name: node.module for node in imports for alias in node.names}
    assert modules == pipelines._MODULES
    assert sorted(modules) == sorted(pipelines.__all__)


def test_a_name_that_there_is_not() -> None:
    with pytest.raises(AttributeError, match=r"'recordmill\.pipelines' has no attribute 'recipe_'"):
        _ = pipelines.recipe_
