"""`recordmill sample`: writes the small input of a built-in recipe."""

from __future__ import annotations

import os
import shlex
from argparse import ArgumentParser

from ..schemas.errors import RecipeError

__all__ = ["add_arguments", "sample"]


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `recordmill sample`."""
    parser.set_defaults(function=sample)
    parser.add_argument("name", metavar="NAME", help="census, housing, hotdog or planes")
    parser.add_argument("directory", metavar="DIR", help="folder to write, new or empty")


def sample(name: str, directory: str) -> int:
    """Write the small input of a built-in recipe, and print the command that prepares it.

    Args:
      name: Name of the built-in recipe.
      directory: Folder that is empty or does not exist.

    Raises:
      RecipeError: There is no such recipe, it has no sample, or the folder contains a file, which
        the sample could replace.
    """
    from ..pipelines.recipes.find import find_recipe

    recipe = find_recipe(name)
    if recipe.sample is None:
        raise RecipeError(f"recipe {recipe.name} has no sample of its own")
    if os.path.isdir(directory) and os.listdir(directory):
        raise RecipeError(f"{directory}: is not empty. Name a new folder for the sample.")
    inputs = " ".join(
        f"--input {shlex.quote(f'{item.split}={item.pattern}' if item.split else item.pattern)}"
        for item in recipe.sample(directory)
    )
    print(f"recordmill run {name} --output out/{name} {inputs}")
    return 0
