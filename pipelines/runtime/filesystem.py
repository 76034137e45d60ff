"""Files of a run, local or remote: whole or not at all, through Beam's filesystems.

Beam deletes and lists by glob, which goes wrong in a folder called `out[1]`; local paths are
taken as they are here.
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO
from uuid import uuid4

from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from ...schemas.errors import DataError, RecipeError

__all__ = [
    "WILDCARD",
    "concatenate",
    "create",
    "exists",
    "glob",
    "is_remote",
    "join",
    "list_files",
    "read",
    "read_bytes",
    "remove",
    "remove_remote",
    "remove_tree",
    "sync_folder",
    "sync_tree",
    "write_bytes",
]


def is_remote(path: str) -> bool:
    """Whether the path names its filesystem, as `gs://bucket/folder` does."""
    return FileSystems.get_scheme(path) is not None


def join(folder: str, *names: str) -> str:
    """The path of a file in a folder; the names may hold forward slashes."""
    return str(FileSystems.join(folder, *names))


@contextmanager
def create(path: str, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A new binary file that stands at `path` when the block ends well, and only then.

    A local file is written under another name, flushed to the disk and renamed, and replaces a
    file of that name. Folders on the way are made. Most remote stores show an object only when
    it is closed.

    Args:
      path: Where the file goes. A suffix such as `.gz` means nothing.
      durable: Whether a local file must outlive a power failure.

    Raises:
      DataError: The file cannot be written, the disk being full, say; nothing is left of it.
    """
    local = not is_remote(path)
    unfinished = f"{path}.{uuid4().hex}.tmp" if local else path
    try:
        with FileSystems.create(unfinished, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            yield file
            if local and durable:
                file.flush()
                os.fsync(file.fileno())
        if local:
            os.replace(unfinished, path)
        if local and durable:
            sync_folder(os.path.dirname(path))
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        if local:
            with suppress(OSError):
                os.remove(unfinished)


@contextmanager
def read(path: str) -> Iterator[BinaryIO]:
    """The bytes of a file as they are stored, whatever its suffix says.

    Raises:
      DataError: The file is not there or cannot be read.
    """
    try:
        with _opened(path) as file:
            yield file
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def _opened(path: str) -> BinaryIO:
    if is_remote(path):
        stored: BinaryIO = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
        return stored
    return open(path, "rb")


def read_bytes(path: str) -> bytes:
    """The whole of a file; DataError where it is not there or cannot be read."""
    with read(path) as file:
        return bytes(file.read())


def write_bytes(path: str, content: bytes, *, durable: bool = True) -> None:
    """A file of that content; arguments and errors as of `create`."""
    with create(path, durable=durable) as file:
        file.write(content)


def concatenate(path: str, parts: Iterable[str]) -> None:
    """A file of what stands in others, one after the other; errors as of `create` and `read`."""
    with create(path) as whole:
        for part in parts:
            whole.write(read_bytes(part))


def exists(path: str) -> bool:
    """Whether a file or a folder is there."""
    return bool(FileSystems.exists(path))


WILDCARD = re.compile(r"[*?\[]")
"""What makes a path a glob."""


def glob(pattern: str) -> list[tuple[str, int]]:
    """The files that a glob of Beam's matches: (path, bytes), as the pattern begins.

    Raises:
      DataError: It cannot be looked up.
      RecipeError: Its filesystem is not installed.
    """
    here = "" if posixpath.dirname(WILDCARD.split(pattern)[0]) else "./"  # else Beam finds nothing
    try:
        (result,) = FileSystems.match([here + pattern])
    except ValueError as error:
        raise RecipeError(f"{pattern}: {error}") from error
    except BeamIOError as error:
        raise DataError(f"{pattern}: cannot be looked up: {error}") from error
    return [(file.path.removeprefix(here), file.size_in_bytes) for file in result.metadata_list]


def list_files(folder: str) -> list[str]:
    """The files in a folder and in those below it, as sorted paths relative to it.

    Forward slashes everywhere; a folder that is not there has none.
    """
    if is_remote(folder):
        prefix = folder.rstrip("/") + "/"
        (match,) = FileSystems.match([prefix + "**"])
        return sorted(file.path.removeprefix(prefix) for file in match.metadata_list)
    return sorted(
        posixpath.join(os.path.relpath(root, folder).replace(os.sep, "/"), name).removeprefix("./")
        for root, _, names in os.walk(folder)
        for name in names
    )


def remove(path: str) -> None:
    """Delete a file; one that is not there is fine."""
    if is_remote(path):
        if FileSystems.exists(path):
            FileSystems.delete([path])
    else:
        with suppress(FileNotFoundError):
            os.remove(path)


def remove_tree(folder: str) -> None:
    """Delete a folder with all that is in it; one that is not there is fine."""
    if is_remote(folder):
        remove_remote(folder, list_files(folder))
    elif os.path.lexists(folder):
        shutil.rmtree(folder)


def remove_remote(folder: str, names: Iterable[str]) -> None:
    """Delete files of a remote folder, which must be there, all at once."""
    if paths := [join(folder, name) for name in names]:
        FileSystems.delete(paths)


def sync_tree(folder: str) -> None:
    """Make all that is in a local folder outlive a power failure; a remote store sees to it.

    Raises:
      DataError: The disk is full, or faulty.
    """
    if is_remote(folder):
        return
    for root, _, names in os.walk(folder):
        for name in names:
            _sync_file(os.path.join(root, name))
        sync_folder(root)


def _sync_file(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        os.close(handle)


def _unwritable(path: str, error: OSError) -> DataError:
    return DataError(
        f"{path}: cannot be written ({error.strerror or error}). "
        "Free some space or choose another output; nothing was published."
    )


def sync_folder(folder: str) -> None:
    """Make the names in a local folder outlive a power failure, where the filesystem can."""
    with suppress(OSError):
        handle = os.open(folder or ".", os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
