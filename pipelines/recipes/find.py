"""`find_recipe`: a recipe by the name that a user gives."""

from __future__ import annotations

from difflib import get_close_matches

from ...schemas.errors import RecipeError
from ..config.recipe import Recipe
from .built_in import built_in
from .file import read_recipe
from .functions import load_file, load_module
from .packaged import SAMPLES

__all__ = ["find_recipe"]

_YAML = (".yaml", ".yml")
"""What the name of a recipe's file ends with."""


def find_recipe(name: str) -> Recipe:
    """Find a recipe by its name.

    Args:
      name: A YAML file, a built-in ("census"), or where a recipe of Python stands:
        "package.module:NAME" or "path/file.py:NAME".

    Raises:
      RecipeError: There is no such recipe, or something is wrong with it; the message gives the
        nearest name.
    """
    if name.endswith(_YAML):
        return read_recipe(name)
    if ":" in name:
        return _of_python(name)
    if name not in SAMPLES:
        near = get_close_matches(name, SAMPLES, n=1)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        raise RecipeError(
            f'no recipe "{name}".{hint} Give a YAML file, a built-in ({", ".join(SAMPLES)}), '
            "FILE.py:NAME or MODULE:NAME."
        )
    return built_in(name)


def _of_python(name: str) -> Recipe:
    place, _, attribute = name.rpartition(":")
    module = load_file(place) if place.endswith(".py") else load_module(place)
    recipe = getattr(module, attribute, None)
    if not isinstance(recipe, Recipe):
        found = [key for key, value in vars(module).items() if isinstance(value, Recipe)]
        raise RecipeError(
            f'{place} has no recipe "{attribute}"; '
            + (f"it has {', '.join(found)}" if found else "it has none at all")
        )
    return recipe
