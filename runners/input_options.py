"""Inputs that `--input` names, or the recipe's own."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..schemas.errors import RecipeError
from ..schemas.split_names import check_split_name

if TYPE_CHECKING:
    from ..pipelines.config.input import Input
    from ..pipelines.config.recipe import Recipe

__all__ = ["inputs_of", "parse_input"]

_PART_OF_A_PATH = re.compile(r"[/\\*?\[{]")


@contextmanager
def inputs_of(recipe: Recipe, options: Sequence[str]) -> Iterator[list[Input]]:
    """Yield the inputs of the command line, else of the recipe, else its sample.

    The sample is deleted when the context ends.

    Args:
      recipe: A recipe.
      options: Values of `--input`.

    Raises:
      RecipeError: A split has a bad name, or there are neither inputs nor a sample.
    """
    if options:
        yield [parse_input(option) for option in options]
    elif recipe.inputs or (recipe.reshape and recipe.reshape.tables):
        yield list(recipe.inputs)
    elif recipe.sample is None:
        raise RecipeError(f"recipe {recipe.name} has neither inputs nor a sample: give --input")
    else:
        with tempfile.TemporaryDirectory() as directory:
            yield list(recipe.sample(directory))


def parse_input(option: str) -> Input:
    """Parse a value of `--input`: `train=data/*.csv`, or a pattern alone, which has no split.

    The part before the first "=" is a split unless it is part of a path or of a glob, or of the
    name of an existing file.

    Raises:
      RecipeError: The split has a name that no split may have.

    >>> parse_input("data/year=2026/*.csv").split is None
    True
    """
    from ..pipelines.config.input import Input

    split, equals, pattern = option.partition("=")
    is_path = _PART_OF_A_PATH.search(split) or (not split.isidentifier() and os.path.exists(option))
    if not equals or is_path:
        return Input(None, option)
    try:
        check_split_name(split, key=f"--input {option}")
    except RecipeError as error:
        raise RecipeError(f'{error} For a path with "=" in it, write ./{option}') from error
    return Input(split, pattern)
