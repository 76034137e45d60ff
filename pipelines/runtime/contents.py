"""Files of a published folder: their digests, and the user's own files among them.

A folder is replaced or removed as a whole, so files that a user put into it would be lost. Every
file that no run is known to write counts as the user's.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ...schemas.errors import DataError
from ...schemas.manifest import MANIFEST, Manifest, StoredFile, tree_sha256
from . import filesystem as files
from .visible import visible

__all__ = [
    "Contents",
    "ContentsAt",
    "dataset_at",
    "find_strays",
    "list_stored_files",
    "name_first",
    "stored_file",
    "was_written_by_a_run",
]

_SHOWN = 3
_CHUNK = 1 << 20

_GRAPH = "transform_fn"
_ASSET_MAP = "transformed_metadata/asset_map"
_ALWAYS = (
    MANIFEST,
    "report.html",
    "schema/schema.pbtxt",
    "transformed_metadata/schema.pbtxt",
    _ASSET_MAP,
)
_OF_ANY_GRAPH = (
    "saved_model.pb",
    "fingerprint.pb",
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
)

_WRITTEN_BY_A_RUN = re.compile(
    r"\.(scratch|analysis)/.*|(transform_fn|transformed_metadata)/.*"
    r"|schema/schema\.pbtxt|stats/[^/]+\.pb|rejects/[^/]+\.jsonl|report\.html|label_map\.pbtxt"
    r"|[^/]+/data-\d{5,}-of-\d{5,}\.tfrecord(\.gz)?",
    re.DOTALL,
)


@dataclass(frozen=True)
class Contents:
    """Files that a run published in a folder.

    Attributes:
      kind: "dataset" or "profile".
      paths: Paths of its files, relative to the folder, with forward slashes.
    """

    kind: str
    paths: Collection[str]


ContentsAt: TypeAlias = Callable[[str], Contents | None]
"""Returns the files that a run published in a local folder; None where no run did."""


def list_stored_files(folder: str, hashed: Iterable[StoredFile] = ()) -> tuple[StoredFile, ...]:
    """List every file in a folder and below it, sorted by path.

    Args:
      folder: Path of the folder, local or remote.
      hashed: Files with digests that are already computed, which are not read again.

    Raises:
      DataError: A file cannot be read.
    """
    by_path = {file.path: file for file in hashed}
    return tuple(
        by_path.get(path) or stored_file(folder, path) for path in files.list_files(folder)
    )


def stored_file(folder: str, path: str) -> StoredFile:
    """Read a file of a folder for its size and digest; DataError where it cannot be read."""
    digest, size = hashlib.sha256(), 0
    with files.read(files.join(folder, path)) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return StoredFile(path, size, digest.hexdigest())


def dataset_at(folder: str) -> Contents | None:
    """Return the files of the dataset in a local folder; None where there is no dataset."""
    path = os.path.join(folder, MANIFEST)
    try:
        with open(path, encoding="utf-8") as file:
            manifest = Manifest.from_json(file.read(), path=path)
    except (OSError, UnicodeDecodeError, DataError):
        return None
    if manifest.files:
        return Contents("dataset", {MANIFEST, *(file.path for file in manifest.files)})
    return Contents("dataset", set(_paths_of_0_1(folder, manifest)))


def _paths_of_0_1(folder: str, manifest: Manifest) -> Iterator[str]:
    """Yield the files of recordmill 0.1.0, whose manifest lists the shards alone."""
    yield from _ALWAYS
    for name, split in manifest.splits.items():
        yield from (shard.path for shard in split.shards)
        yield from (f"stats/{name}.pb", f"stats/transformed-{name}.pb")
    yield from (f"rejects/{name}.jsonl" for name in manifest.ledger)
    yield from (f"rejects/reshape-{name}.jsonl" for name in manifest.reshape.get("sources", ()))
    if manifest.images.get("kind") == "detection":
        yield "label_map.pbtxt"
    yield from (f"{_GRAPH}/{path}" for path in _graph_paths(folder, manifest.transform_fn))


def _graph_paths(folder: str, transform_fn: Mapping[str, str]) -> Iterator[str]:
    """Yield the files of the graph: all files of its folder, if the manifest has their digest.

    A different digest means that a file was added or changed. Then only the files that every
    graph has, and the vocabularies that the metadata name, count as the graph's.
    """
    graph = os.path.join(folder, _GRAPH)
    paths = [path for path in files.list_files(graph) if os.path.isfile(os.path.join(graph, path))]
    content = ((path, files.read_bytes(os.path.join(graph, path))) for path in paths)
    if tree_sha256(content) == transform_fn.get("sha256"):
        yield from paths
    else:
        yield from _OF_ANY_GRAPH
        yield from (f"assets/{name}" for name in _asset_names(folder))


def _asset_names(folder: str) -> Iterator[str]:
    try:
        with open(os.path.join(folder, _ASSET_MAP), encoding="utf-8") as file:
            yield from json.load(file).values()
    except (OSError, ValueError, AttributeError):
        return


def find_strays(folder: str, paths: Collection[str]) -> list[str]:
    """Find the files, links and special files in a local folder that belong to no run.

    An empty folder does not count: deleting it loses nothing.

    Args:
      folder: Path of the folder; links in it are not followed.
      paths: Paths of the files that belong to a run, relative to the folder.

    Returns:
      The paths of the other files, relative to the folder, sorted.

    Raises:
      OSError: A folder in it cannot be listed.
    """
    strays = []
    for root, folders, names in os.walk(folder, onerror=_fail):
        links = (name for name in folders if os.path.islink(os.path.join(root, name)))
        relative = os.path.relpath(root, folder).replace(os.sep, "/")
        entries = (posixpath.normpath(posixpath.join(relative, name)) for name in (*links, *names))
        strays += [path for path in entries if path not in paths]
    return sorted(strays)


def _fail(error: OSError) -> None:
    raise error


def was_written_by_a_run(path: str) -> bool:
    """Return whether a run writes to a path, which is relative to the folder of a dataset.

    >>> was_written_by_a_run("train/data-00000-of-00001.tfrecord"), was_written_by_a_run("a.txt")
    (True, False)
    """
    return _WRITTEN_BY_A_RUN.fullmatch(path) is not None


def name_first(paths: Collection[str]) -> str:
    """Return the first three paths, and the number of the others, as text.

    >>> name_first(["a", "b", "c"]), name_first(["a", "b", "c", "d", "e"])
    ('a, b, c', 'a, b, c and 2 more')
    """
    shown = ", ".join(visible(path) for path in list(paths)[:_SHOWN])
    more = len(paths) - _SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown
