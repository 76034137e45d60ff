"""Where images may be: under one root, and nowhere else.

A path in an annotation is a stranger's. It is taken only if it is relative, and neither its text
nor a symbolic link leads out of the root. Backslashes, as Windows writes them, count as slashes.

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

__all__ = ["Found", "files_in", "find", "is_hidden", "leads_out", "prefix_of", "relative_name"]

_DRIVE_OR_SCHEME = re.compile(r"[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]*:/")
_LEFT_BEHIND = ("Thumbs.db", "desktop.ini")
_NO_FOLDER = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)


@dataclass(frozen=True, slots=True)
class Found:
    """A file in a folder.

    Attributes:
      name: Its path relative to the folder, with forward slashes.
      size_bytes: Its size as stored.
      is_link: Whether it is a symbolic link.
      is_file: Whether it is, or leads to, a regular file.
    """

    name: str
    size_bytes: int
    is_link: bool = False
    is_file: bool = True


def find(pattern: str) -> tuple[str, list[Found]]:
    """The files that a pattern names: a file, a folder, or a glob as in `Input`.

    Files that begin with a dot, or are in a folder that does, and those that file managers leave
    behind (Thumbs.db, desktop.ini) are passed over. So is a link to a folder below the root,
    whose files are found where they lie.

    Returns:
      The root, which is the folder or what stands before the first wildcard, and the files in it
      and below that match, sorted by name. A link that leads nowhere is among them.

    Raises:
      DataError: It matches nothing or cannot be looked up, or a symbolic link leaves the root.
      RecipeError: Its filesystem is not installed.
    """
    root, found = _one_file(pattern) or _folder(pattern) or _glob(pattern)
    kept = [file for file in found if not is_hidden(file.name) and _is_data(file, root)]
    if not kept:
        raise DataError(
            f'no file matches "{pattern}": expected at least one image or annotation file'
        )
    return root, sorted(kept, key=lambda file: file.name)


def is_hidden(name: str) -> bool:
    """Whether a file is no one's data.

    >>> is_hidden("cat/.DS_Store"), is_hidden(".cache/1.jpg"), is_hidden("cat/Thumbs.db")
    (True, True, True)
    """
    parts = name.split("/")
    return parts[-1] in _LEFT_BEHIND or any(part.startswith(".") for part in parts)


def files_in(folder: str) -> Iterator[Found]:
    """The files in a folder, not in those below it; none where there is no such folder.

    Raises:
      DataError: The folder may not be read.
    """
    if files.is_remote(folder):
        prefix = folder.rstrip("/") + "/"
        yield from _relative(prefix, files.glob(_escaped(prefix) + "*"))
    else:
        yield from (_found(entry, "") for entry in _entries(folder) if entry.is_file())


def relative_name(written: str) -> str:
    """A path as an annotation writes it, normalised.

    Raises:
      ValueError: It can lead out of the root; the message says how.

    >>> relative_name("./cat\\\\1.jpg"), relative_name("a/../b.jpg")
    ('cat/1.jpg', 'b.jpg')
    """
    path = written.replace("\\", "/")
    if _DRIVE_OR_SCHEME.match(path):
        raise ValueError("names a drive or a filesystem")
    if path.startswith("/"):
        raise ValueError("is absolute")
    name = posixpath.normpath(path)
    if name.split("/")[0] == "..":
        raise ValueError("leaves it")
    return name


def prefix_of(folder: str) -> str:
    """What makes a path of a name in a folder when put before it; much faster than `join`.

    >>> prefix_of("a") + "1.jpg", prefix_of("") + "1.jpg"
    ('a/1.jpg', '1.jpg')
    """
    return files.join(folder, "") if folder else ""


def leads_out(path: str, root: str) -> str | None:
    """Where a local path really leads, if that is not the root or below it; else None."""
    target, inside = os.path.realpath(path), os.path.realpath(root)
    is_inside = target == inside or target.startswith(inside.rstrip(os.sep) + os.sep)
    return None if is_inside else target


def _is_data(file: Found, root: str) -> bool:
    """Whether a file is to be read: all but links to folders."""
    if not file.is_link:
        return file.is_file
    path = files.join(root, file.name)
    if target := leads_out(path, root):
        raise DataError(
            f'{path}: is a symbolic link to "{target}", which is not in "{root}". Copy what it '
            "leads to, or name that folder as an input."
        )
    return not os.path.isdir(path)


def _one_file(pattern: str) -> tuple[str, Iterable[Found]] | None:
    """A pattern that is the path of a local file, which may be a link to anywhere, else None."""
    if files.is_remote(pattern) or not os.path.isfile(pattern):
        return None
    root, name = os.path.split(pattern)
    return root, [Found(name, os.path.getsize(pattern))]


def _folder(pattern: str) -> tuple[str, Iterable[Found]] | None:
    """A pattern that names a folder, or all that is in it, else None."""
    folder = "." if pattern == "**" else pattern.removesuffix("/**")
    if not files.is_remote(pattern):
        return (folder, _walk(folder)) if os.path.isdir(folder) else None
    if files.WILDCARD.search(folder) or (folder == pattern and files.glob(folder)):
        return None
    prefix = folder.rstrip("/") + "/"
    return prefix, _relative(prefix, files.glob(prefix + "**"))


def _glob(pattern: str) -> tuple[str, Iterable[Found]]:
    root = posixpath.dirname(files.WILDCARD.split(pattern)[0])
    prefix = root.rstrip("/") + "/" if root else ""
    return root, _relative(prefix, files.glob(pattern))


def _escaped(path: str) -> str:
    """A glob that matches one path.

    >>> _escaped("a [1].jpg")
    'a [[]1].jpg'
    """
    return files.WILDCARD.sub(r"[\g<0>]", path)


def _relative(prefix: str, matched: list[tuple[str, int]]) -> Iterator[Found]:
    """What Beam matched, relative to the folder that all of it is in."""
    for path, size in matched:
        is_link = not files.is_remote(prefix) and os.path.islink(path)
        yield Found(path.removeprefix(prefix), size, is_link)


def _walk(folder: str, prefix: str = "") -> Iterator[Found]:
    """The files in a local folder and below, and the links, which are not followed."""
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, f"{prefix}{entry.name}/")
        else:
            yield _found(entry, prefix)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder or ".") as entries:
            return list(entries)
    except OSError as error:
        if error.errno in _NO_FOLDER:
            return []
        raise DataError(f"{folder}: cannot be read ({error.strerror or error})") from error


def _found(entry: os.DirEntry[str], prefix: str) -> Found:
    is_file = entry.is_file()
    size = entry.stat().st_size if is_file else 0
    return Found(prefix + entry.name, size, entry.is_symlink(), is_file)
