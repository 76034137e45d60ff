"""List files under one root, and check that paths stay below it.

Paths in annotations are untrusted. One is accepted only if it is relative, and neither its text nor
a symbolic link leads out of the root. Backslashes, as Windows writes them, count as slashes.

Local folders are listed by name, not by glob, so that a folder may be called `images[1]`.
"""

from __future__ import annotations

import errno
import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ....schemas.errors import DataError
from ...runtime import filesystem as files

__all__ = [
    "ListedFile",
    "files_in",
    "find_files",
    "is_hidden",
    "leads_out",
    "prefix_of",
    "relative_name",
]

_DRIVE_OR_SCHEME = re.compile(r"[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]*:/")
_SYSTEM_FILES = ("Thumbs.db", "desktop.ini")
_NO_FOLDER = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)


@dataclass(frozen=True, slots=True)
class ListedFile:
    """File in a folder.

    Attributes:
      name: Path relative to the folder, with forward slashes.
      size_bytes: Size as stored.
      is_link: Whether the entry is a symbolic link.
      is_file: Whether the entry is, or leads to, a regular file.
    """

    name: str
    size_bytes: int
    is_link: bool = False
    is_file: bool = True


def find_files(pattern: str) -> tuple[str, list[ListedFile]]:
    """Return the files that match a pattern: a file, a folder, or a glob as in `Input`.

    Files whose name or folder begins with a dot, and files of file managers (Thumbs.db,
    desktop.ini) are ignored. So is a link to a folder below the root, whose files are listed at
    their own path.

    Returns:
      The root, which is the folder or the path before the first wildcard, and the matching files in
      it and below, sorted by name. A link without a target is among them.

    Raises:
      DataError: Nothing matches, a folder cannot be read, or a symbolic link leaves the root.
      RecipeError: The pattern's filesystem is not installed.
    """
    root, candidates = _single_file(pattern) or _folder(pattern) or _glob(pattern)
    listed = [file for file in candidates if not is_hidden(file.name) and _is_data(file, root)]
    if not listed:
        raise DataError(
            f'no file matches "{pattern}": expected at least one image or annotation file'
        )
    return root, sorted(listed, key=lambda file: file.name)


def is_hidden(name: str) -> bool:
    """Return whether a file is hidden or made by a file manager.

    >>> is_hidden("cat/.DS_Store"), is_hidden(".cache/1.jpg"), is_hidden("cat/Thumbs.db")
    (True, True, True)
    """
    parts = name.split("/")
    return parts[-1] in _SYSTEM_FILES or any(part.startswith(".") for part in parts)


def files_in(folder: str) -> Iterator[ListedFile]:
    """Yield the files in a folder, not in those below it; none where there is no such folder.

    Raises:
      DataError: The folder may not be read.
    """
    if files.is_remote(folder):
        prefix = folder.rstrip("/") + "/"
        yield from _relative(prefix, files.glob(_escaped(prefix) + "*"))
    else:
        yield from (_listed_file(entry, "") for entry in _entries(folder) if entry.is_file())


def relative_name(text: str) -> str:
    r"""Normalize the path of an image in an annotation.

    Raises:
      ValueError: The path may lead out of the root; the message says how.

    >>> relative_name("./cat\\1.jpg"), relative_name("a/../b.jpg")
    ('cat/1.jpg', 'b.jpg')
    """
    path = text.replace("\\", "/")
    if _DRIVE_OR_SCHEME.match(path):
        raise ValueError("names a drive or a filesystem")
    if path.startswith("/"):
        raise ValueError("is absolute")
    name = posixpath.normpath(path)
    if name.split("/")[0] == "..":
        raise ValueError("leaves it")
    return name


def prefix_of(folder: str) -> str:
    """Return the prefix that makes a path of a name in a folder; much faster than `join`.

    >>> prefix_of("a") + "1.jpg", prefix_of("") + "1.jpg"
    ('a/1.jpg', '1.jpg')
    """
    return files.join(folder, "") if folder else ""


def leads_out(path: str, root: str) -> str | None:
    """Return the real path of a local path if it is outside the root, else None."""
    target, inside = os.path.realpath(path), os.path.realpath(root)
    is_inside = target == inside or target.startswith(inside.rstrip(os.sep) + os.sep)
    return None if is_inside else target


def _is_data(file: ListedFile, root: str) -> bool:
    """Return whether a file is data: all are but links to folders and special files."""
    if not file.is_link:
        return file.is_file
    path = files.join(root, file.name)
    if target := leads_out(path, root):
        raise DataError(
            f'{path}: is a symbolic link to "{target}", which is not in "{root}". Copy its '
            "target, or name that folder as an input."
        )
    return not os.path.isdir(path)


def _single_file(pattern: str) -> tuple[str, Iterable[ListedFile]] | None:
    """List a pattern that is the path of a local file, which may link to anywhere, else None."""
    if files.is_remote(pattern) or not os.path.isfile(pattern):
        return None
    root, name = os.path.split(pattern)
    return root, [ListedFile(name, os.path.getsize(pattern))]


def _folder(pattern: str) -> tuple[str, Iterable[ListedFile]] | None:
    """List a pattern that is a folder, or `**` below it, else None."""
    folder = "." if pattern == "**" else pattern.removesuffix("/**")
    if not files.is_remote(pattern):
        return (folder, _walk(folder)) if os.path.isdir(folder) else None
    if files.WILDCARD.search(folder) or (folder == pattern and files.glob(folder)):
        return None
    prefix = folder.rstrip("/") + "/"
    return prefix, _relative(prefix, files.glob(prefix + "**"))


def _glob(pattern: str) -> tuple[str, Iterable[ListedFile]]:
    root = posixpath.dirname(files.WILDCARD.split(pattern)[0])
    prefix = root.rstrip("/") + "/" if root else ""
    return root, _relative(prefix, files.glob(pattern))


def _escaped(path: str) -> str:
    """Return a glob that matches one path.

    >>> _escaped("a [1].jpg")
    'a [[]1].jpg'
    """
    return files.WILDCARD.sub(r"[\g<0>]", path)


def _relative(prefix: str, matches: list[tuple[str, int]]) -> Iterator[ListedFile]:
    """Yield the matches of Beam, (path, size), relative to their folder."""
    for path, size in matches:
        is_link = not files.is_remote(prefix) and os.path.islink(path)
        yield ListedFile(path.removeprefix(prefix), size, is_link)


def _walk(folder: str, prefix: str = "") -> Iterator[ListedFile]:
    """Yield the files in a local folder and below, and links, which are not followed."""
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, f"{prefix}{entry.name}/")
        else:
            yield _listed_file(entry, prefix)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder or ".") as entries:
            return list(entries)
    except OSError as error:
        if error.errno in _NO_FOLDER:
            return []
        raise DataError(f"{folder}: cannot be read ({error.strerror or error})") from error


def _listed_file(entry: os.DirEntry[str], prefix: str) -> ListedFile:
    is_file = entry.is_file()
    size = entry.stat().st_size if is_file else 0
    return ListedFile(prefix + entry.name, size, entry.is_symlink(), is_file)
