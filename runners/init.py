"""What `recordmill init` and `recipe-schema` print: a recipe to edit, and what it may be."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from ..schemas.errors import RecipeError

__all__ = ["init", "recipe_schema", "show_summary"]


def init(patterns: Sequence[str], *, label: str | None = None, source: str | None = None) -> int:
    """Print a recipe, and on standard error what was read and what looks wrong with it.

    Args:
      patterns: The files to infer it from; none with `source`.
      label: The name of the label; None to guess it.
      source: The name of a built-in recipe to print instead.

    Raises:
      DataError: A file cannot be read, or too little of it was understood; nothing was printed.
      RecipeError: Neither files nor a built-in are given, or both; or there is no such label or
        built-in.
    """
    if bool(patterns) == (source is not None):
        raise RecipeError(
            "init: expected files to infer a recipe from, or --from NAME of a built-in one"
        )
    if source is not None:
        if label is not None:
            raise RecipeError("init: --label is for files; a built-in recipe has its label")
        from ..pipelines.recipes.packaged import built_in_text

        print(built_in_text(source), end="")
        return 0
    from ..pipelines.inference.infer import infer_recipe

    inferred = infer_recipe(patterns, label=label)
    show_summary(inferred.summary)
    print(inferred.text, end="")
    return 0


def show_summary(lines: Iterable[str]) -> None:
    """Print lines on standard error; what would drive the terminal, being from data, as blanks."""
    for line in lines:
        plain = "".join(one if one.isprintable() else " " for one in line)
        print(plain, file=sys.stderr)


def recipe_schema() -> int:
    """Print the JSON Schema of recipes."""
    import json

    from .logging_setup import start_tensorflow

    start_tensorflow()
    from ..pipelines.recipes.file import json_schema

    print(json.dumps(json_schema(), indent=2))
    return 0
