"""Checks that no input lies in the folder that a run replaces, where it would be deleted."""

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
from ..readers.csv_stages import match
from ..runtime import filesystem as files
from ..runtime.contents import name_first
from ..runtime.publish import Staging

__all__ = ["check_cache_outside", "check_inputs_outside"]


def check_inputs_outside(staging: Staging, recipe: Recipe, inputs: Iterable[Input]) -> None:
    """Check that a run does not delete its own inputs when it replaces the output.

    Links are resolved: the stored file counts, not the link.

    Args:
      staging: Staging folder of the run. A run that replaces nothing deletes nothing, and no
        pattern is expanded.
      recipe: Recipe of the run.
      inputs: Inputs with patterns of files, without dates.

    Raises:
      DataError: A pattern matches nothing, or cannot be expanded.
      RecipeError: A file or a folder that the run reads lies in the output.
    """
    if not staging.replaces:
        return
    # Thousands of files in a few folders: the links above a regular file are resolved once.
    folders: dict[str, bool] = {}
    endangered = []
    for path in _paths(recipe, [entry for entry in inputs if not files.is_remote(entry.pattern)]):
        folder = os.path.dirname(path)
        if folder not in folders:
            folders[folder] = leads_out(folder, staging.output) is None
        is_regular = not os.path.islink(path) and not os.path.isdir(path)
        if folders[folder] if is_regular else leads_out(path, staging.output) is None:
            endangered.append(path)
    if endangered:
        singular = ("an input of the run lies", "it")
        noun, they = singular if len(endangered) == 1 else ("inputs of the run lie", "them")
        raise RecipeError(
            f"{staging.output}: {noun} in it: {name_first(endangered)}. --overwrite would delete "
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
    """Yield the local files that a run reads, and the folders of images that annotations name."""
    if not isinstance(recipe.schema, ImageSchema):
        yield from (file.path for file in match(Input(None, entry.pattern) for entry in inputs))
        return
    for entry in inputs:
        root, matches = find_files(entry.pattern)
        prefix = prefix_of(root)
        yield from (prefix + file.name for file in matches)
        if is_annotation(matches):
            yield image_root(root, (recipe.images or Images()).format.root) or "."
