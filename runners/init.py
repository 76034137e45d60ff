"""`recordmill init`: infers a recipe from files, or prints a built-in one."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence

from ..schemas.errors import RecipeError

__all__ = ["add_arguments", "init", "show_summary"]


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `recordmill init`."""
    parser.set_defaults(function=init)
    parser.add_argument("patterns", metavar="FILE", nargs="*", help="files, or globs in quotes")
    parser.add_argument(
        "--label", metavar="COLUMN", help="column that a model predicts (default: guessed)"
    )
    parser.add_argument(
        "--from", dest="source", metavar="NAME", help="print the recipe of this built-in instead"
    )


def init(patterns: Sequence[str], *, label: str | None = None, source: str | None = None) -> int:
    """Print a recipe; describe on standard error the files, and what looks wrong in them.

    Args:
      patterns: Files to infer the recipe from; none with `source`.
      label: Name of the label; None to guess it.
      source: Name of a built-in recipe to print instead.

    Raises:
      DataError: A file cannot be read, or too few of its rows are understood; nothing was printed.
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
    """Print lines on standard error, with a blank for each control character of the data."""
    for line in lines:
        print("".join(c if c.isprintable() else " " for c in line), file=sys.stderr)
