"""Atomic publishing: the output has the complete dataset, or nothing of it.

A run writes into a hidden folder beside the output, `.census.recordmill-<random>`, so publishing
is one rename within one filesystem. An old dataset is exchanged for the new one in one system call
and deleted afterwards, so a reader sees either the old one or the new one. A run holds a lock that
the operating system releases when the process dies. So a hidden folder that exists while another
run holds the lock belongs to a run that was killed, and is removed.

Only files that a run wrote are ever deleted. A folder with other files in it is not replaced, and
one that got other files during the run is moved aside.

A remote store has no such rename: a dataset is written in place there, its manifest last, and
replacing one is refused.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import logging
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ...schemas.errors import DataError, RecipeError
from ...schemas.manifest import MANIFEST, Manifest, StoredFile
from . import filesystem as files
from .contents import (
    Contents,
    ContentsAt,
    dataset_at,
    find_strays,
    list_stored_files,
    name_first,
    was_written_by_a_run,
)

__all__ = ["Staging", "commit", "put_in_place", "stage"]

_LOGGER = logging.getLogger(__name__)
_SCRATCH = ".scratch"
_AT_FDCWD = -100  # of fcntl.h: relative paths are relative to the working directory
_RENAME_EXCHANGE = 2  # of linux/fs.h


@dataclass(frozen=True)
class Staging:
    """Staging folder that a run writes to until its dataset is published.

    Attributes:
      output: Path of the published dataset.
      folder: Path of the staging folder; the paths in the manifest are relative to it.
      replaces: Whether a dataset exists at `output` and will be replaced.
    """

    output: str
    folder: str
    replaces: bool = False

    @property
    def scratch(self) -> str:
        """Path of a folder on the same filesystem for temporary files."""
        return files.join(self.folder, _SCRATCH)


@contextmanager
def stage(
    output: str, *, overwrite: bool = False, contents_at: ContentsAt = dataset_at
) -> Iterator[Staging]:
    """Create a folder to write a dataset into, until `commit` publishes it.

    Enter it before any data is read: it finds every problem with the output first. Whatever was
    not committed is removed when the block ends, with or without an error.

    Args:
      output: Path of the published dataset. It must not exist, be an empty folder, or, with
        `overwrite`, a prepared dataset. Missing parent folders are created.
      overwrite: Whether to replace a dataset at `output`.
      contents_at: Returns the published files of a folder that may be replaced.

    Raises:
      RecipeError: The output is something else, or contains files that are no part of the dataset
        there, or cannot be written, or is the output of another run in progress.
    """
    if files.is_remote(output):
        with _stage_remotely(output) as staging:
            yield staging
        return
    target = os.path.realpath(output)
    folder = f"{_hidden(target)}-{secrets.token_hex(8)}"
    with _locked(target):
        with _explained(target):
            _sweep(target, contents_at)
            replaces = _check_free(target, overwrite=overwrite, contents=contents_at(target))
            os.mkdir(folder)
        try:
            yield Staging(target, folder, replaces)
        finally:
            _sweep(target, contents_at)


def commit(staging: Staging, manifest: Manifest) -> Manifest:
    """Publish the staging folder; the manifest is written last.

    If the process dies in here, the output has either the old content or the new dataset. Where
    the filesystem cannot exchange two folders, there is a moment without either; the next run then
    restores the old dataset.

    Args:
      staging: The result of `stage`; must not be used afterwards.
      manifest: Manifest of the dataset, without its `files`.

    Returns:
      The manifest with the `files`, as published.

    Raises:
      DataError: The disk is full, or something was put at the output during the run.
    """
    files.remove_tree(staging.scratch)
    # All files are on the disk before the manifest that vouches for them, and before the rename.
    files.sync_tree(staging.folder)
    shards = [shard for split in manifest.splits.values() for shard in split.shards]
    hashed = [StoredFile(shard.path, shard.bytes, shard.sha256) for shard in shards]
    manifest = replace(manifest, files=list_stored_files(staging.folder, hashed))
    files.write_bytes(files.join(staging.folder, MANIFEST), manifest.to_json().encode())
    if not files.is_remote(staging.folder):
        put_in_place(staging)
    return manifest


def put_in_place(staging: Staging) -> None:
    """Move the staging folder to the output; a dataset there takes its place.

    Raises:
      DataError: Something was put at the output during the run.
    """
    try:
        if staging.replaces:
            _exchange(staging.folder, staging.output)
        else:
            os.rename(staging.folder, staging.output)
    except OSError as error:
        raise DataError(
            f"{staging.output}: the dataset cannot be put there ({error.strerror}). "
            "Choose another output; nothing was published."
        ) from error
    files.sync_folder(os.path.dirname(staging.output))


def _exchange(folder: str, output: str) -> None:
    """Swap two folders, atomically where the filesystem supports it."""
    if _renameat2_exchange(folder, output):
        return
    # Killed between the two renames, a run leaves no output; `_sweep` of the next one restores it.
    os.rename(output, f"{folder}.old")
    os.rename(folder, output)


def _renameat2_exchange(left: str, right: str) -> bool:
    """Swap two paths with renameat2(2) of Linux; return False where it is not supported."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    failed = libc.renameat2(
        _AT_FDCWD, os.fsencode(left), _AT_FDCWD, os.fsencode(right), _RENAME_EXCHANGE
    )
    code = ctypes.get_errno()
    if failed and code not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
        raise OSError(code, os.strerror(code))
    return not failed


@contextmanager
def _stage_remotely(output: str) -> Iterator[Staging]:
    manifest = files.join(output, MANIFEST)
    if files.exists(manifest):
        raise RecipeError(
            f"{output}: holds a dataset already, and a remote one cannot be replaced yet. "
            "Delete it or choose another output."
        )
    if files.list_files(output):
        raise _occupied(output)
    try:
        yield Staging(output, output)
    finally:
        if not files.exists(manifest):
            _remove_unfinished(output)


def _remove_unfinished(output: str) -> None:
    """Delete the files of a failed run from a remote folder, which was empty when it began."""
    paths = files.list_files(output)
    files.remove_remote(output, filter(was_written_by_a_run, paths))
    if strays := [path for path in paths if not was_written_by_a_run(path)]:
        _LOGGER.warning(
            "%s: the run failed; files there that it did not write were not deleted: %s",
            output,
            name_first(strays),
        )


def _check_free(output: str, *, overwrite: bool, contents: Contents | None) -> bool:
    """Return whether the output is a dataset to replace; RecipeError where it must not be used."""
    if not os.path.lexists(output):
        return False
    if os.path.ismount(output):
        raise RecipeError(f"{output}: is a mount point. Name a folder in it.")
    if os.path.isdir(output) and not os.listdir(output):
        return False
    if contents is None:
        raise _occupied(output)
    kind = contents.kind
    if not overwrite:
        raise RecipeError(f"{output}: holds a {kind} already. Replace it with --overwrite.")
    if strays := find_strays(output, contents.paths):
        count = len(strays)
        noun, they = ("file that is", "it") if count == 1 else ("files that are", "them")
        raise RecipeError(
            f"{output}: holds {count:,} {noun} no part of the {kind} there: {name_first(strays)}. "
            f"--overwrite would delete {they}. Move {they} elsewhere, or choose another output."
        )
    if not os.access(output, os.W_OK | os.X_OK):
        raise RecipeError(f"{output}: is read-only. Choose another output.")
    return True


def _occupied(output: str) -> RecipeError:
    return RecipeError(
        f"{output}: exists and is not a prepared dataset, so it is not replaced. "
        "Choose another output."
    )


def _hidden(output: str) -> str:
    """Return the path prefix of a run's hidden files beside the output."""
    parent, name = os.path.split(output)
    return os.path.join(parent, f".{name}.recordmill")


def _sweep(output: str, contents_at: ContentsAt) -> None:
    """Remove the leftovers of runs beside the output; call it with the lock held.

    An old dataset that was moved aside is restored if the new one did not take its place. A
    replaced dataset that got other files after it was checked is kept.
    """
    parent, prefix = os.path.split(_hidden(output))
    ours = re.compile(re.escape(prefix) + r"-[0-9a-f]{16}(\.old)?")
    for name in sorted(filter(ours.fullmatch, os.listdir(parent))):
        path = os.path.join(parent, name)
        if name.endswith(".old") and not os.path.lexists(output):
            os.rename(path, output)
            continue
        try:
            if strays := _strays(path, contents_at(path)):
                _keep(path, output, strays)
            else:
                files.remove_tree(path)
        except OSError as error:
            _LOGGER.warning("%s: cannot be removed (%s); the next run will try again", path, error)


def _strays(folder: str, contents: Contents | None) -> list[str]:
    """Find the files of a replaced folder that no run wrote; none in an unfinished folder."""
    return find_strays(folder, contents.paths) if contents else []


def _keep(folder: str, output: str, strays: list[str]) -> None:
    """Rename a replaced folder to a name beside the output that no run removes."""
    token = folder.removesuffix(".old").rpartition("-")[2]
    replaced = f"{output}.replaced-{token}"
    os.rename(folder, replaced)
    _LOGGER.warning(
        "%s: was replaced, but during the run files that no run wrote were put into it: %s. "
        "The replaced folder is now %s: delete it once you have moved them",
        output,
        name_first(strays),
        replaced,
    )


@contextmanager
def _explained(output: str) -> Iterator[None]:
    """Raise an OSError as the RecipeError of an output that cannot be written."""
    try:
        yield
    except OSError as error:
        raise RecipeError(
            f"{output}: cannot be written ({error.strerror}). Choose another output."
        ) from error


@contextmanager
def _locked(output: str) -> Iterator[None]:
    """Hold the lock on an output; the operating system releases it when the process dies."""
    path = f"{_hidden(output)}.lock"
    with _explained(output):
        os.makedirs(os.path.dirname(output), exist_ok=True)
        handle = _acquire(path, output)
    try:
        yield
    finally:
        files.remove(path)
        os.close(handle)


def _acquire(path: str, output: str) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 32).decode() or "unknown"
            os.close(handle)
            raise RecipeError(
                f"{output}: another run (process {holder}) is preparing it. "
                "Wait for it or choose another output."
            ) from None
        # The last holder deletes the file before it unlocks it. Then this lock is on a file that
        # has no name any more, and another process can lock a new one: open it again.
        if _is_at(path, handle):
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
            return handle
        os.close(handle)


def _is_at(path: str, handle: int) -> bool:
    """Return whether the open file is still the file at the path."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False
