"""The examples in docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

FOLDERS = ("schemas", "transforms", "pipelines", "runners")
MODULES = sorted(
    f"recordmill.{folder}.{module.name}"
    for folder in FOLDERS
    for module in pkgutil.iter_modules(importlib.import_module(f"recordmill.{folder}").__path__)
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_all_names_what_is_there(name: str) -> None:
    module = importlib.import_module(name)
    assert set(module.__all__) <= set(vars(module))
