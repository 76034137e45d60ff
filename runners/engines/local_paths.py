"""Paths of a run whose workers are other processes, or on other machines."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ...schemas.errors import RecipeError

if TYPE_CHECKING:
    from ...pipelines.config.input import Input

__all__ = ["absolute_inputs", "absolute_path", "check_paths"]


def absolute_path(path: str) -> str:
    """Return a local path from the root; a remote one as it is.

    >>> absolute_path("gs://bucket/census")
    'gs://bucket/census'
    """
    from ...pipelines.runtime import filesystem as files

    if files.is_remote(path):
        return path
    slash = os.sep if path.endswith(os.sep) else ""
    return os.path.abspath(path).rstrip(os.sep) + slash


def absolute_inputs(inputs: Iterable[Input]) -> list[Input]:
    """Return the inputs with absolute local paths: workers have another working directory."""
    return [replace(entry, pattern=absolute_path(entry.pattern)) for entry in inputs]


def check_paths(paths: Iterable[str], environment_type: str) -> None:
    """Refuse local paths, which workers elsewhere would look for on their own disks.

    Raises:
      RecipeError: A path is local.
    """
    from ...pipelines.runtime import filesystem as files

    for path in paths:
        if not files.is_remote(path):
            raise RecipeError(
                f"{path}: a local path, and the workers (--environment_type={environment_type}) "
                "may be on other machines. Give a path that they see, such as gs://…, or "
                "--shared-filesystem if it is the same file for all of them"
            )
