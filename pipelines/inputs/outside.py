"""Inputs that lie in the folder that a run replaces, which would be deleted with it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from ...schemas.errors import RecipeError
from ...schemas.images import ImageSchema
from ..config.images import Images
from ..config.input import Input
from ..config.recipe import Recipe
from ..images.annotations.listing import image_root, is_annotation
from ..images.annotations.paths import find_files, leads_out, prefix_of
from ..readers.csv_source import match
from ..runtime import filesystem as files
from ..runtime.contents import name_first
from ..runtime.publish import Staging

__all__ = ["check_cache_outside", "check_inputs_outside"]


def check_inputs_outside(staging: Staging, recipe: Recipe, inputs: Iterable[Input]) -> None:
    """Check that a run does not delete its own inputs when it replaces what is at the output.

    Links are followed: what counts is where a file is stored.

    Args:
      staging: Of the run. Where it replaces nothing, nothing is deleted and nothing looked up.
      recipe: Of the run.
      inputs: Their patterns name files, not days.

    Raises:
      DataError: A pattern matches nothing, or cannot be looked up.
      RecipeError: A file or a folder that the run reads lies in the output.
    """
    if not staging.replaces:
        return
    folders: dict[str, bool] = {}
    inside = []
    for path in _paths(recipe, [entry for entry in inputs if not files.is_remote(entry.pattern)]):
        folder = os.path.dirname(path)
        if folder not in folders:
            folders[folder] = leads_out(folder, staging.output) is None
        is_other = os.path.islink(path) or os.path.isdir(path)
        if leads_out(path, staging.output) is None if is_other else folders[folder]:
            inside.append(path)
    if inside:
        single = ("an input of the run lies", "it")
        noun, they = single if len(inside) == 1 else ("inputs of the run lie", "them")
        raise RecipeError(
            f"{staging.output}: {noun} in it: {name_first(inside)}. --overwrite would delete "
            f"{they}. Move {they} elsewhere, or choose another output."
        )


def check_cache_outside(statistics_cache: str | None, output: str) -> None:
    """Check that a statistics cache does not lie in the output, which is replaced as a whole.

    Raises:
      RecipeError: It does, or is the output itself.
    """
    local = statistics_cache and not files.is_remote(output)
    if local and leads_out(str(statistics_cache), output) is None:
        raise RecipeError(
            f"{statistics_cache}: the statistics cache lies in the output {output}, which a run "
            "replaces as a whole. Choose another --statistics-cache."
        )


def _paths(recipe: Recipe, inputs: Iterable[Input]) -> Iterator[str]:
    """Yield the local files that are read, and the folders of the images that annotations name."""
    if not isinstance(recipe.schema, ImageSchema):
        yield from (file.path for file in match(Input(None, entry.pattern) for entry in inputs))
        return
    for entry in inputs:
        root, matches = find_files(entry.pattern)
        prefix = prefix_of(root)
        yield from (prefix + file.name for file in matches)
        if is_annotation(matches):
            yield image_root(root, (recipe.images or Images()).format.root) or "."
