"""`find_recipe`: a recipe by file, built-in name or Python reference."""

from __future__ import annotations

from ...schemas.errors import RecipeError
from ...schemas.suggestions import nearest_name
from ..config.recipe import Recipe
from .built_in import built_in
from .file import read_recipe
from .functions import load_file, load_module
from .packaged import SAMPLES

__all__ = ["find_recipe"]

_YAML = (".yaml", ".yml")
"""Suffixes of recipe files."""


def find_recipe(name: str) -> Recipe:
    """Find a recipe by its name.

    Args:
      name: A YAML file, a built-in ("census"), or a recipe in Python:
        "package.module:NAME" or "path/file.py:NAME".

    Raises:
      RecipeError: There is no such recipe, or it has problems; the message gives the nearest
        name.
    """
    if name.endswith(_YAML):
        return read_recipe(name)
    if ":" in name:
        return _from_python(name)
    if name not in SAMPLES:
        near = nearest_name(name, SAMPLES)
        hint = f' Did you mean "{near}"?' if near else ""
        raise RecipeError(
            f'no recipe "{name}".{hint} Give a YAML file, a built-in ({", ".join(SAMPLES)}), '
            "FILE.py:NAME or MODULE:NAME."
        )
    return built_in(name)


def _from_python(reference: str) -> Recipe:
    source, _, name = reference.rpartition(":")
    module = load_file(source) if source.endswith(".py") else load_module(source)
    recipe = getattr(module, name, None)
    if not isinstance(recipe, Recipe):
        names = [key for key, value in vars(module).items() if isinstance(value, Recipe)]
        raise RecipeError(
            f'{source} has no recipe "{name}"; '
            + (f"it has {', '.join(names)}" if names else "it has none at all")
        )
    return recipe
