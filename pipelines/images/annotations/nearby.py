"""Find annotation files near pictures, for the advice to read them in place of the pictures.

The search covers the folders of the pictures, the parent folder, and folders named `annotations` or
`labels` in either. A file matches if one of the first images that it names is among the pictures.
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
from itertools import chain, islice

from ....schemas.errors import DataError
from ...runtime import filesystem as files
from .csv import BOX_COLUMNS
from .paths import ListedFile, files_in, find_files, prefix_of, relative_name
from .voc import parse_voc

__all__ = ["NearbyAnnotations", "nearby_annotations"]

_FOLDERS = ("annotations", "Annotations", "labels", "Labels")
_MAX_RESULTS = 3
_FILES = 20
"""Number of files of one kind in a folder, and of rows in a CSV, to look into."""

_HEAD = 1 << 20
_FILE_NAME = re.compile(rb'"file_name"\s*:\s*("(?:[^"\\]|\\.)*")')


@dataclass(frozen=True)
class NearbyAnnotations:
    """Annotation files that can be an input.

    Attributes:
      pattern: Pattern of the input.
      root: Matching `images.format.root`; "." for the folder of the annotations.
      format_name: Name of the format for messages.
    """

    pattern: str
    root: str
    format_name: str


def nearby_annotations(pattern: str) -> list[NearbyAnnotations]:
    """Find annotations near pictures.

    Args:
      pattern: Input pattern of the pictures.

    Returns:
      Up to 3 inputs to use instead, the nearest first; none where nothing matches, or a folder may
      not be read.
    """
    try:
        root, listed = find_files(pattern)
        pictures = _Pictures(root, listed)
        matches = chain.from_iterable(map(pictures.annotations, pictures.folders()))
        return list(islice(matches, _MAX_RESULTS))
    except DataError:
        return []


class _Pictures:
    """Pictures of an input, whose annotations are searched by their names."""

    def __init__(self, root: str, listed: list[ListedFile]) -> None:
        self._root = root
        self._files = listed
        prefix = prefix_of(root)
        self._paths: dict[str, str] = {}
        for file in listed:
            self._paths.setdefault(posixpath.basename(file.name), prefix + file.name)

    def folders(self) -> Iterator[str]:
        """Yield the folders to search, the nearest first, each once."""
        prefix = prefix_of(self._root)
        inside = [self._root, *(prefix + posixpath.dirname(file.name) for file in self._files)]
        beside = [
            files.join(folder, name) if folder else name
            for folder in (self._root, _parent(self._root))
            for name in _FOLDERS
        ]
        yield from dict.fromkeys(map(_normal, [*inside, *beside, _parent(self._root)]))

    def annotations(self, folder: str) -> Iterator[NearbyAnnotations]:
        """Yield the files of a folder that annotate the pictures."""
        names = sorted(file.name for file in files_in(folder) if not file.name.startswith("."))
        prefix = "" if folder == "." else prefix_of(folder)
        xml = list(self._matching(names, ".xml", prefix, _images_of_voc))
        for name, root in xml[:1]:
            escaped = files.WILDCARD.sub(r"[\g<0>]", prefix)
            yield NearbyAnnotations(f"{escaped}*{name[-4:]}", root, "Pascal VOC")
        for name, root in self._matching(names, ".json", prefix, _images_of_coco):
            yield NearbyAnnotations(prefix + name, root, "COCO")
        for name, root in self._matching(names, ".csv", prefix, _images_of_csv):
            yield NearbyAnnotations(prefix + name, root, "CSV")

    def _matching(
        self, names: list[str], suffix: str, prefix: str, images_of: Callable[[str], Iterator[str]]
    ) -> Iterator[tuple[str, str]]:
        """Yield the files that name any of the pictures, each with its root."""
        for name in [name for name in names if name.lower().endswith(suffix)][:_FILES]:
            base = None
            with suppress(DataError, csv.Error):
                base = self._base(images_of(prefix + name))
            if base is not None:
                yield name, _relative(base, _normal(posixpath.dirname(prefix + name)))

    def _base(self, names: Iterator[str]) -> str | None:
        """Return the folder that the names are relative to, if any is the name of a picture."""
        for text in names:
            try:
                name = relative_name(text.strip())
            except ValueError:
                continue
            path = self._paths.get(posixpath.basename(name), "")
            if path == name or path.endswith("/" + name):
                return path[: -len(name)].rstrip("/") or "."
        return None


def _images_of_voc(path: str) -> Iterator[str]:
    if image := parse_voc(files.read_bytes(path), path=path).image:
        yield image


def _images_of_coco(path: str) -> Iterator[str]:
    """Yield the names in the beginning of the file, which can be large."""
    for literal in _FILE_NAME.findall(_head(path)):
        with suppress(ValueError):
            yield json.loads(literal)


def _images_of_csv(path: str) -> Iterator[str]:
    rows = csv.reader(io.StringIO(_head(path).decode("utf-8-sig", "replace")))
    header = [name.strip() for name in next(rows, [])]
    if set(BOX_COLUMNS) <= set(header):
        index = header.index("filename")
        yield from (row[index] for row in islice(rows, _FILES) if index < len(row))


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
    """Return the relative path from a folder to a base, both local or on the same filesystem."""
    scheme, _, path = folder.rpartition("://")
    return posixpath.relpath(base.removeprefix(f"{scheme}://") if scheme else base, path or ".")
