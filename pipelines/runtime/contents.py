"""Files of a published folder: listed with their digests, and told apart from a user's own.

A folder is replaced or removed as a whole, so what else a user keeps in it would be lost. Whatever
is not known to be written by a run counts as the user's.
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
    """What a run published in a folder.

    Attributes:
      kind: "dataset" or "profile".
      paths: The files that belong to it, relative to the folder, with forward slashes.
    """

    kind: str
    paths: Collection[str]


ContentsAt: TypeAlias = Callable[[str], Contents | None]
"""Gives what a run published in a local folder; None where no run did."""


def list_stored_files(folder: str, hashed: Iterable[StoredFile] = ()) -> tuple[StoredFile, ...]:
    """List every file in a folder and below it, sorted by path.

    Args:
      folder: Local or remote.
      hashed: Files whose digests are there already, which are not read again.

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
    """Return what belongs to the dataset in a local folder; None where there is no dataset."""
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
    """Yield the files of the graph: all in its folder, if their digest is that of the manifest.

    Where it is another one, a file was put there or changed, and those that every graph has and
    the vocabularies that the metadata name are the graph's.
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
    """Find what is in a local folder and belongs to no run: files, links and special files.

    An empty folder holds nothing that could be lost, and does not count.

    Args:
      folder: The folder; links in it are not followed.
      paths: The files that belong to a run, relative to the folder.

    Returns:
      The paths of the others, relative to the folder, sorted.

    Raises:
      OSError: A folder in it cannot be listed.
    """
    strays = []
    for root, folders, names in os.walk(folder, onerror=_fail):
        links = (name for name in folders if os.path.islink(os.path.join(root, name)))
        inside = os.path.relpath(root, folder).replace(os.sep, "/")
        entries = (posixpath.normpath(posixpath.join(inside, name)) for name in (*links, *names))
        strays += [path for path in entries if path not in paths]
    return sorted(strays)


def _fail(error: OSError) -> None:
    raise error


def was_written_by_a_run(path: str) -> bool:
    """Tells whether a path, relative to the folder of a dataset, is one that a run writes to.

    >>> was_written_by_a_run("train/data-00000-of-00001.tfrecord"), was_written_by_a_run("a.txt")
    (True, False)
    """
    return _WRITTEN_BY_A_RUN.fullmatch(path) is not None


def name_first(paths: Collection[str]) -> str:
    """Names the first few paths, and says how many more there are.

    >>> name_first(["a", "b", "c"]), name_first(["a", "b", "c", "d", "e"])
    ('a, b, c', 'a, b, c and 2 more')
    """
    shown = ", ".join(visible(path) for path in list(paths)[:_SHOWN])
    more = len(paths) - _SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown
