"""`built_in`: the recipes of the package, read from their YAML files."""

from __future__ import annotations

from functools import cache

from ..config.recipe import Recipe
from .file import recipe_of_text
from .packaged import built_in_text

__all__ = ["built_in"]


@cache
def built_in(name: str) -> Recipe:
    """Return a built-in recipe.

    Raises:
      RecipeError: There is no recipe of that name.
    """
    return recipe_of_text(built_in_text(name), name=name, folder="")
