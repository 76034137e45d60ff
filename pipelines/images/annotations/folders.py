"""List folders of images, one folder a class: an image's class is the name of its folder.

Every file is listed, whatever its extension: files that are not images are rejected later, by their
content.
"""

from __future__ import annotations

import os
import posixpath

from ...runtime import filesystem as files
from ...runtime.elements import Reject
from .common import reject
from .paths import ListedFile, prefix_of
from .refs import ImageRef

__all__ = ["folder_images"]


def folder_images(
    root: str, listed: list[ListedFile], *, split: str | None
) -> tuple[list[ImageRef], list[Reject]]:
    """Return the images in a folder and below.

    Args:
      root: Path of the folder. Its name is the class of images directly in it.
      listed: Files, relative to the root.
      split: Split that the images are read for; None where content decides.

    Returns:
      The images; and the rejects: links without a target, and files whose name is not UTF-8, which
      a record cannot contain.
    """
    images, rejects = [], []
    prefix, root_name = prefix_of(root), _folder_name(root)
    for file in listed:
        path = prefix + file.name
        if problem := _problem(file, path):
            rejects.append(problem)
        else:
            folder = posixpath.dirname(file.name)
            label = posixpath.basename(folder) if folder else root_name
            images.append(
                ImageRef(path, file.name, file.size_bytes, split, label=label, source=path)
            )
    return images, rejects


def _problem(file: ListedFile, path: str) -> Reject | None:
    shown = path.encode("utf-8", "backslashreplace").decode()
    if shown != path:
        message = "expected a file name in UTF-8, got other bytes"
        return reject(shown, 1, "invalid_utf8", message, raw=shown)
    if not file.is_file:
        message = f'expected a file, got a link to "{os.path.realpath(path)}", which does not exist'
        return reject(path, 1, "missing_image", message, raw=path)
    return None


def _folder_name(folder: str) -> str:
    """Return the name of a folder, whose path may be "." or end in a slash."""
    path = folder.rstrip("/") if files.is_remote(folder) else os.path.abspath(folder)
    return posixpath.basename(path)
