"""Finds annotations that lie near pictures, to be read in place of pictures alone.

Looked into are the folder of the pictures and those below it, the folder that it is in, and folders
called `annotations` or `labels` in either. A file counts where one of the first images that it
names is among the pictures.
"""

from __future__ import annotations

import csv
import io
import json
import os
import posixpath
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from ....schemas.errors import DataError
from ...runtime import filesystem as files
from .csv import BOX_COLUMNS
from .paths import Found, files_in, find, prefix_of, relative_name
from .voc import parse_voc

__all__ = ["NearbyAnnotations", "nearby_annotations"]

_FOLDERS = ("annotations", "Annotations", "labels", "Labels")
_MOST = 3
_FILES = 20
"""Files of one kind in a folder that are looked into."""

_HEAD = 1 << 20
_FILE_NAME = re.compile(rb'"file_name"\s*:\s*("(?:[^"\\]|\\.)*")')


@dataclass(frozen=True)
class NearbyAnnotations:
    """Annotation files that can be an input.

    Attributes:
      pattern: What to give as the input.
      root: The `images.format.root` that goes with it; "." for the folder of the annotations.
      what: What the files are, in words.
    """

    pattern: str
    root: str
    what: str


def nearby_annotations(pattern: str) -> list[NearbyAnnotations]:
    """Find annotations of pictures near them: up to 3 inputs to give instead.

    Args:
      pattern: The input that names the pictures.

    Returns:
      The inputs, the nearest first; none where there are none, or a folder may not be read.
    """
    try:
        root, found = find(pattern)
        pictures = _Pictures(root, found)
        near = (one for folder in pictures.folders() for one in pictures.annotations(folder))
        return list(islice(near, _MOST))
    except DataError:
        return []


class _Pictures:
    """Files that an input names; finds what annotates them."""

    def __init__(self, root: str, found: list[Found]) -> None:
        self._root = root
        self._found = found
        prefix = prefix_of(root)
        self._paths: dict[str, str] = {}
        for file in found:
            self._paths.setdefault(posixpath.basename(file.name), prefix + file.name)

    def folders(self) -> Iterator[str]:
        """Yield the folders to look into, the nearest first, each once."""
        prefix = prefix_of(self._root)
        own = [self._root, *(prefix + posixpath.dirname(file.name) for file in self._found)]
        around = [
            files.join(folder, name) if folder else name
            for folder in (self._root, _parent(self._root))
            for name in _FOLDERS
        ]
        yield from dict.fromkeys(map(_normal, [*own, *around, _parent(self._root)]))

    def annotations(self, folder: str) -> Iterator[NearbyAnnotations]:
        """Yield the files of a folder that annotate the pictures."""
        names = sorted(file.name for file in files_in(folder) if not file.name.startswith("."))
        prefix = "" if folder == "." else prefix_of(folder)
        xml = list(self._matching(names, ".xml", prefix, _named_by_voc))
        for name, root in xml[:1]:
            escaped = files.WILDCARD.sub(r"[\g<0>]", prefix)
            yield NearbyAnnotations(f"{escaped}*{name[-4:]}", root, "Pascal VOC")
        for name, root in self._matching(names, ".json", prefix, _named_by_coco):
            yield NearbyAnnotations(prefix + name, root, "COCO")
        for name, root in self._matching(names, ".csv", prefix, _named_by_csv):
            yield NearbyAnnotations(prefix + name, root, "CSV")

    def _matching(
        self, names: list[str], suffix: str, prefix: str, named: Callable[[str], Iterator[str]]
    ) -> Iterator[tuple[str, str]]:
        """Yield the files that name one of the pictures, and the root that goes with each."""
        for name in [name for name in names if name.lower().endswith(suffix)][:_FILES]:
            base = None
            with suppress(DataError, csv.Error):
                base = self._base(named(prefix + name))
            if base is not None:
                yield name, _relative(base, _normal(posixpath.dirname(prefix + name)))

    def _base(self, names: Iterator[str]) -> str | None:
        """Return the folder that the names are relative to, if one of them is a picture's."""
        for written in names:
            try:
                name = relative_name(written.strip())
            except ValueError:
                continue
            path = self._paths.get(posixpath.basename(name), "")
            if path == name or path.endswith("/" + name):
                return path[: -len(name)].rstrip("/") or "."
        return None


def _named_by_voc(path: str) -> Iterator[str]:
    if image := parse_voc(files.read_bytes(path), path=path).image:
        yield image


def _named_by_coco(path: str) -> Iterator[str]:
    """Yield the names in the beginning of the file: the whole of it can be large."""
    for written in _FILE_NAME.findall(_head(path)):
        with suppress(ValueError):
            yield json.loads(written)


def _named_by_csv(path: str) -> Iterator[str]:
    rows = csv.reader(io.StringIO(_head(path).decode("utf-8-sig", "replace")))
    header = [name.strip() for name in next(rows, [])]
    if set(BOX_COLUMNS) <= set(header):
        place = header.index("filename")
        yield from (row[place] for row in islice(rows, _FILES) if place < len(row))


def _head(path: str) -> bytes:
    with files.read(path) as file:
        return bytes(file.read(_HEAD))


def _parent(folder: str) -> str:
    if files.is_remote(folder):
        return posixpath.dirname(folder.rstrip("/"))
    return os.path.normpath(os.path.join(folder, os.pardir))


def _normal(folder: str) -> str:
    return folder.rstrip("/") if files.is_remote(folder) else os.path.normpath(folder or ".")


def _relative(base: str, folder: str) -> str:
    """Return the way from a folder to a base, both local or both of one filesystem."""
    scheme, _, path = folder.rpartition("://")
    return posixpath.relpath(base.removeprefix(f"{scheme}://") if scheme else base, path or ".")
