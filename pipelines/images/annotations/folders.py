"""Folders of images, a folder a class: the class of an image is the name of the folder it is in.

Every file is listed, whatever its extension: what is no image shows by its content, and is
rejected then.
"""

from __future__ import annotations

import os
import posixpath

from ...runtime import filesystem as files
from ...runtime.elements import Reject
from .common import reject
from .paths import Found, prefix_of
from .refs import ImageRef

__all__ = ["folder_images"]


def folder_images(
    root: str, found: list[Found], *, split: str | None
) -> tuple[list[ImageRef], list[Reject]]:
    """The images in a folder and below.

    Args:
      root: The folder. An image that is in it, and not below, has its name for a class.
      found: The files, relative to the root.
      split: The split they are read for.

    Returns:
      The images, and as rejects the links that lead nowhere and the files whose name is not
      UTF-8, which no record could hold.
    """
    images, rejects = [], []
    prefix, own_name = prefix_of(root), _own_name(root)
    for file in found:
        path = prefix + file.name
        if problem := _problem(file, path):
            rejects.append(problem)
        else:
            folder = posixpath.dirname(file.name)
            label = posixpath.basename(folder) if folder else own_name
            images.append(
                ImageRef(path, file.name, file.size_bytes, split, label=label, source=path)
            )
    return images, rejects


def _problem(file: Found, path: str) -> Reject | None:
    shown = path.encode("utf-8", "backslashreplace").decode()
    if shown != path:
        message = "expected a file name in UTF-8, got other bytes"
        return reject(shown, 1, "invalid_utf8", message, raw=shown)
    if not file.is_file:
        message = f'expected a file, got a link to "{os.path.realpath(path)}", which is not there'
        return reject(path, 1, "missing_image", message, raw=path)
    return None


def _own_name(folder: str) -> str:
    """The name of a folder, which may be given as "." or end in a slash."""
    path = folder.rstrip("/") if files.is_remote(folder) else os.path.abspath(folder)
    return posixpath.basename(path)
