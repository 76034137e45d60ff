"""Files of a run, local or remote: written atomically, through Beam's filesystems.

Beam deletes and lists by glob, which goes wrong in a folder called `out[1]`. So the operating
system handles local paths here, and Beam only remote ones.
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
    """Return whether the path names its filesystem, as `gs://bucket/folder` does."""
    return FileSystems.get_scheme(path) is not None


def join(folder: str, *names: str) -> str:
    """Return the path of a file in a folder; the names may contain forward slashes."""
    return str(FileSystems.join(folder, *names))


@contextmanager
def create(path: str, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Open a new binary file that appears at `path` only when the block ends without an error.

    A local file is written under a temporary name, fsynced and renamed to `path`, where it
    replaces a file. Missing folders are created. Most remote stores show an object only once it
    is closed.

    Args:
      path: Path of the file. A suffix such as `.gz` does not compress it.
      durable: Whether a local file must survive a power failure.

    Raises:
      DataError: The file cannot be written, for example since the disk is full; nothing of it
        remains.
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
        if local and durable:  # until the folder is synced, a power failure undoes the rename
            sync_folder(os.path.dirname(path))
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        if local:
            with suppress(OSError):
                os.remove(unfinished)


@contextmanager
def read(path: str) -> Iterator[BinaryIO]:
    """Open a file for its bytes as they are stored: nothing is decompressed.

    Raises:
      DataError: The file does not exist or cannot be read.
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
    """Read a whole file; DataError where it does not exist or cannot be read."""
    with read(path) as file:
        return bytes(file.read())


def write_bytes(path: str, content: bytes, *, durable: bool = True) -> None:
    """Write a file with that content; arguments and errors as in `create`."""
    with create(path, durable=durable) as file:
        file.write(content)


def concatenate(path: str, sources: Iterable[str]) -> None:
    """Concatenate files into a new one; errors as in `create` and `read`."""
    with create(path) as file:
        for source in sources:
            file.write(read_bytes(source))


def exists(path: str) -> bool:
    """Return whether a file or a folder exists."""
    return bool(FileSystems.exists(path))


WILDCARD = re.compile(r"[*?\[]")
"""The characters that make a path a glob."""


def glob(pattern: str) -> list[tuple[str, int]]:
    """Return (path, size in bytes) of the files that a glob matches; paths begin as the glob does.

    Raises:
      DataError: The glob cannot be expanded.
      RecipeError: Its filesystem is not installed.
    """
    # Beam matches nothing where no folder stands before the first wildcard.
    prefix = "" if posixpath.dirname(WILDCARD.split(pattern)[0]) else "./"
    try:
        (result,) = FileSystems.match([prefix + pattern])
    except ValueError as error:
        raise RecipeError(f"{pattern}: {error}") from error
    except BeamIOError as error:
        raise DataError(f"{pattern}: cannot be looked up: {error}") from error
    return [(file.path.removeprefix(prefix), file.size_in_bytes) for file in result.metadata_list]


def list_files(folder: str) -> list[str]:
    """List the files in a folder and below it: sorted relative paths with forward slashes.

    A folder that does not exist has no files.
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
    """Delete a file, if it exists."""
    if is_remote(path):
        if FileSystems.exists(path):
            FileSystems.delete([path])
    else:
        with suppress(FileNotFoundError):
            os.remove(path)


def remove_tree(folder: str) -> None:
    """Delete a folder with its content, if it exists."""
    if is_remote(folder):
        remove_remote(folder, list_files(folder))
    elif os.path.lexists(folder):
        shutil.rmtree(folder)


def remove_remote(folder: str, names: Iterable[str]) -> None:
    """Delete files of a remote folder in one call; all of them must exist."""
    if paths := [join(folder, name) for name in names]:
        FileSystems.delete(paths)


def sync_tree(folder: str) -> None:
    """Fsync every file and folder below a local folder; do nothing for remote stores.

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
    """Fsync the entries of a local folder, where the filesystem supports it."""
    with suppress(OSError):
        handle = os.open(folder or ".", os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
