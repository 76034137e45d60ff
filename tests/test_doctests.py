"""The examples in docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

FOLDERS = ("schemas", "transforms", "pipelines", "runners")
MODULES = sorted(
    module.name
    for folder in FOLDERS
    for module in pkgutil.walk_packages(
        importlib.import_module(f"recordmill.{folder}").__path__, f"recordmill.{folder}."
    )
    if not module.ispkg
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_all_names_what_is_there(name: str) -> None:
    module = importlib.import_module(name)
    assert set(module.__all__) <= set(vars(module))
