"""A dataset stands complete at its place, or not at all.

A run writes into a hidden folder beside the output, `.census.recordmill-<random>`, so that
putting it in place is one rename on one filesystem. A dataset in the way is exchanged for the new
one in one system call and deleted after that; whoever looks sees the old one or the new one.
While a run lasts it holds a lock, which its death releases; so a hidden folder found under the
lock belongs to a run that was killed, and is removed.

Only what a run wrote is ever deleted. A folder with other files in it is not replaced, and one that
got them while the run lasted is put beside the new one.

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
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


@dataclass(frozen=True)
class Staging:
    """Where a run writes until its dataset is published.

    Attributes:
      output: Where the dataset will stand.
      folder: Where it is written; the paths in its manifest are relative to this folder.
      replaces: Whether a dataset stands at `output` and is to be replaced.
    """

    output: str
    folder: str
    replaces: bool = False

    @property
    def scratch(self) -> str:
        """A folder on the same filesystem for what is no part of the dataset."""
        return files.join(self.folder, _SCRATCH)


@contextmanager
def stage(
    output: str, *, overwrite: bool = False, contents_at: ContentsAt = dataset_at
) -> Iterator[Staging]:
    """A folder to write a dataset into, until `commit` puts it in place.

    To be entered before any data is read: what can be found wrong with the output is found here.
    When the block ends, however it does, what was not committed is removed.

    Args:
      output: Where the dataset will stand: nothing, an empty folder, or, with `overwrite`, a
        prepared dataset. The folders above it are made.
      overwrite: Whether a dataset there is replaced.
      contents_at: Gives what a run published in a folder that may be replaced.

    Raises:
      RecipeError: The output holds something else, or files that are no part of the dataset there,
        or it cannot be written, or is the output of another run that is under way.
    """
    if files.is_remote(output):
        with _stage_remotely(output) as staging:
            yield staging
        return
    place = os.path.realpath(output)
    folder = f"{_hidden(place)}-{secrets.token_hex(8)}"
    with _locked(place):
        with _explained(place):
            _sweep(place, contents_at)
            replaces = _check_free(place, overwrite=overwrite, contents=contents_at(place))
            os.mkdir(folder)
        try:
            yield Staging(place, folder, replaces)
        finally:
            _sweep(place, contents_at)


def commit(staging: Staging, manifest: Manifest) -> Manifest:
    """Publish what was written into the staging folder; the manifest is written last.

    A process that dies in here leaves what stood at the output before, or the new dataset. Where
    the filesystem cannot exchange two folders, there is a moment without either; the old dataset
    is then put back by the next run.

    Args:
      staging: As `stage` gave it; of no use afterwards.
      manifest: Of the dataset, but for its `files`.

    Returns:
      The manifest with the `files`, as it was published.

    Raises:
      DataError: The disk is full, or something appeared at the output meanwhile.
    """
    files.remove_tree(staging.scratch)
    files.sync_tree(staging.folder)
    shards = [shard for split in manifest.splits.values() for shard in split.shards]
    hashed = [StoredFile(shard.path, shard.bytes, shard.sha256) for shard in shards]
    manifest = replace(manifest, files=list_stored_files(staging.folder, hashed))
    files.write_bytes(files.join(staging.folder, MANIFEST), manifest.to_json().encode())
    if not files.is_remote(staging.folder):
        put_in_place(staging)
    return manifest


def put_in_place(staging: Staging) -> None:
    """Put what was staged where the output is, in exchange for what stood there.

    Raises:
      DataError: Something appeared at the output meanwhile.
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
    """Swap two folders, at once where the filesystem can."""
    if _renameat2_exchange(folder, output):
        return
    os.rename(output, f"{folder}.old")
    os.rename(folder, output)


def _renameat2_exchange(one: str, other: str) -> bool:
    """Whether Linux swapped two paths (renameat2(2)); False where it cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    failed = libc.renameat2(
        _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE
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
    """Delete what a failed run wrote to a remote folder, which was empty when it began."""
    paths = files.list_files(output)
    files.remove_remote(output, filter(was_written_by_a_run, paths))
    if others := [path for path in paths if not was_written_by_a_run(path)]:
        _LOGGER.warning(
            "%s: the run failed, and left alone what it did not write: %s",
            output,
            name_first(others),
        )


def _check_free(output: str, *, overwrite: bool, contents: Contents | None) -> bool:
    """Whether the output is of ours and to be replaced; RecipeError where it must stay."""
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
        f"{output}: is there already and is no prepared dataset, so it is left alone. "
        "Choose another output."
    )


def _hidden(output: str) -> str:
    """What the names of a run's hidden files beside the output begin with."""
    parent, name = os.path.split(output)
    return os.path.join(parent, f".{name}.recordmill")


def _sweep(output: str, contents_at: ContentsAt) -> None:
    """Remove what runs left beside the output; to be called with the lock held.

    An old dataset that was moved aside, and no new one put in its place, is put back. One that got
    other files after it was looked at is kept.
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
    """Find what a replaced folder holds that no run wrote; nothing in one never finished."""
    return find_strays(folder, contents.paths) if contents else []


def _keep(folder: str, output: str, strays: list[str]) -> None:
    """Give a replaced folder a name beside the output that no run removes."""
    token = folder.removesuffix(".old").rpartition("-")[2]
    replaced = f"{output}.replaced-{token}"
    os.rename(folder, replaced)
    _LOGGER.warning(
        "%s: what stood there was replaced, and files that no run wrote had been put into it "
        "meanwhile: %s. It is kept in %s: delete that once they are elsewhere",
        output,
        name_first(strays),
        replaced,
    )


@contextmanager
def _explained(output: str) -> Iterator[None]:
    """OSErrors as the RecipeError of an output that cannot be written."""
    try:
        yield
    except OSError as error:
        raise RecipeError(
            f"{output}: cannot be written ({error.strerror}). Choose another output."
        ) from error


@contextmanager
def _locked(output: str) -> Iterator[None]:
    """Hold the lock on an output; the death of the process releases it."""
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
        if _is_at(path, handle):
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
            return handle
        os.close(handle)


def _is_at(path: str, handle: int) -> bool:
    """Whether the open file is still the one at the path: its last holder deletes it."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False
