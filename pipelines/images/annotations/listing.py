"""Which images an input names: a folder of them, or annotations in one of three formats.

    folder, folder/**, *.jpg      a folder a class                  annotations_folders
    *.xml                         Pascal VOC, one image a file      annotations_voc
    *.json                        COCO instances                    annotations_coco
    *.csv                         a row an image, or a row a box    annotations_csv

What the files are called decides: where all of them are XML, JSON or CSV they are annotations.
Nothing of an image is read here, not even whether it is one; only that it is there. An image that
is annotated twice counts with its first annotation.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal

from ....schemas.errors import DataError, RecipeError
from ....schemas.manifest import SourceFile, tree_sha256
from ...config.image_format import ImageFormat
from ...config.input import Input
from ...runtime import filesystem as files
from ...runtime.elements import Reject
from .box_format import XYWH, XYXY, BoxFormat, box_format_of
from .coco import read_coco
from .common import Annotated, Annotation, reject
from .csv import read_csv
from .folders import folder_images
from .paths import Found, files_in, find, is_hidden, leads_out, prefix_of, relative_name
from .refs import ImageRef, Listing
from .voc import read_voc

__all__ = ["IMAGE_SUFFIXES", "image_root", "is_annotation", "list_images"]

IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp"),
    *(".tif", ".tiff", ".webp"),
)
"""The extensions, in lower case, by which an image without an annotation is known."""

Kind = Literal["images", "VOC", "COCO", "CSV"]

_SUFFIXES: dict[str, Kind] = {".xml": "VOC", ".json": "COCO", ".csv": "CSV"}
_COMPRESSED = (".gz", ".gzip", ".bz2")
_THREADS = 16
_FILES_AT_ONCE = 1000


def list_images(one: Input, image_format: ImageFormat, *, input_index: int = 0) -> Listing:
    """The images that one input names.

    Args:
      one: Its pattern is a folder, a file, or a glob of images or of annotation files.
      image_format: How annotations name images.
      input_index: The input's place among the inputs.

    Raises:
      DataError: The pattern matches nothing; a path or a symbolic link leaves the root; a CSV or
        COCO file is not what it should be as a whole.
      RecipeError: Columns are asked for, and the input is no CSV.
    """
    root, found = find(one.pattern)
    kind = _kind(found)
    if kind != "CSV" and (image_format.group_column or image_format.further):
        raise RecipeError(
            f'group_column and further name columns of a CSV, and "{one.pattern}" names {kind}'
            f"{'' if kind == 'images' else ' annotations'}: leave them out"
        )
    if kind == "images":
        return _folder(one, root, found, input_index)
    return _annotated(one, root, found, kind, image_format, input_index)


def _kind(found: list[Found]) -> Kind:
    kinds = {_SUFFIXES.get(_suffix(file.name), "images") for file in found}
    return kinds.pop() if len(kinds) == 1 else "images"


def is_annotation(matches: list[Found]) -> bool:
    """Tells whether the files that a pattern names are annotations of images, and not images."""
    return _kind(matches) != "images"


def _suffix(name: str) -> str:
    stem, suffix = posixpath.splitext(name.lower())
    return posixpath.splitext(stem)[1] if suffix in _COMPRESSED else suffix


def _folder(one: Input, root: str, found: list[Found], input_index: int) -> Listing:
    images, rejects = folder_images(root, found, split=one.split)
    sizes = (
        (file.name.encode("utf-8", "backslashreplace").decode(), str(file.size_bytes).encode())
        for file in found
    )
    source = SourceFile(
        path=one.pattern,
        split=one.split,
        bytes=sum(file.size_bytes for file in found),
        sha256=tree_sha256(sizes),
        records=len(found),
    )
    return Listing(input_index, tuple(images), tuple(rejects), 0, 0, source)


def _annotated(
    one: Input,
    root: str,
    found: list[Found],
    kind: Kind,
    image_format: ImageFormat,
    input_index: int,
) -> Listing:
    shelf = _Shelf(image_root(root, image_format.root), one.split)
    size, crowd, digests = 0, 0, []
    prefix = prefix_of(root)
    paths = [prefix + file.name for file in found]
    for file, annotated in zip(found, _read(kind, paths, image_format), strict=True):
        size += annotated.size_bytes
        digests.append((file.name, annotated.sha256))
        for annotation in annotated.annotations:
            crowd += annotation.crowd
            folder = "" if image_format.root else posixpath.dirname(file.name)
            shelf.add(annotation, folder, annotated.box_format)
    one_digest = digests[0][1] if len(digests) == 1 else None
    source = SourceFile(
        path=one.pattern,
        split=one.split,
        bytes=size,
        sha256=one_digest or tree_sha256((name, text.encode()) for name, text in digests),
        records=len(shelf.images) + len(shelf.rejects),
    )
    images = tuple(sorted(shelf.images, key=lambda image: image.name))
    return Listing(input_index, images, tuple(shelf.rejects), shelf.unannotated(), crowd, source)


def image_root(folder: str, root: str) -> str:
    """Where images are: the root as it stands, or from the folder of the annotations."""
    if not root or files.is_remote(root) or posixpath.isabs(root):
        return root or folder
    scheme, separator, path = folder.rpartition("://")
    return scheme + separator + posixpath.normpath(posixpath.join(path, root))


def _read(kind: Kind, paths: list[str], image_format: ImageFormat) -> Iterator[Annotated]:
    """The annotations of each file, in order."""
    if kind == "CSV":
        yield from (read_csv(path, image_format) for path in paths)
    elif kind == "COCO":
        coco = box_format_of(image_format, XYWH)
        yield from (read_coco(path, box_format=coco) for path in paths)
    else:
        read = partial(read_voc, box_format=box_format_of(image_format, XYXY))
        with ThreadPoolExecutor(_THREADS) as pool:
            for first in range(0, len(paths), _FILES_AT_ONCE):
                yield from pool.map(read, paths[first : first + _FILES_AT_ONCE])


class _Shelf:
    """The images under a root that annotations name, and what they name in vain.

    Attributes:
      images: In the order of the annotations.
      rejects: The annotations that name no image to read, in their order.
    """

    def __init__(self, root: str, split: str | None) -> None:
        self._root = root
        self._prefix = prefix_of(root)
        self._split = split
        self._folders: dict[str, dict[str, Found]] = {}
        self._targets: dict[str, str | None] = {}
        self._seen: dict[str, tuple[str, int]] = {}
        self.images: list[ImageRef] = []
        self.rejects: list[Reject] = []

    def add(self, annotation: Annotation, folder: str, box_format: BoxFormat) -> None:
        """Add what an annotation says to `images` or to `rejects`.

        Args:
          annotation: The annotation.
          folder: The folder under the root that its path is relative to.
          box_format: How it writes boxes.
        """
        name = self._name(annotation, folder) if annotation.image else ""
        file = self._file(annotation, name) if name else None
        if problem := annotation.problem or self._repeated(annotation, name):
            self.rejects.append(problem)
        elif file:
            self.images.append(
                ImageRef(
                    path=self._prefix + name,
                    name=name,
                    size_bytes=file.size_bytes,
                    split=self._split,
                    label=annotation.label,
                    boxes=annotation.boxes,
                    classes=annotation.classes,
                    stated_size=annotation.stated_size,
                    group=annotation.group,
                    values=annotation.values,
                    source=annotation.source,
                    line=annotation.line,
                    box_format=box_format,
                )
            )
        else:
            self.rejects.append(self._missing(annotation, name))
        if name:
            self._seen.setdefault(name, (annotation.source, annotation.line))

    def unannotated(self) -> int:
        """The images that nothing named, in the folders where named ones should be."""
        return sum(
            name.lower().endswith(IMAGE_SUFFIXES)
            and not is_hidden(name)
            and posixpath.join(folder, name) not in self._seen
            for folder, listed in self._folders.items()
            for name in listed
        )

    def _name(self, annotation: Annotation, folder: str) -> str:
        """The image's path relative to the root, once it is safe."""
        try:
            return posixpath.join(folder, relative_name(annotation.image))
        except ValueError as error:
            raise self._unsafe(annotation, f"which {error}", folder) from error

    def _unsafe(self, annotation: Annotation, why: str, folder: str = "") -> DataError:
        root = self._prefix + folder if folder else self._root
        return DataError(
            f'{annotation.source}:{annotation.line}: expected the path of an image under "'
            f'{root or "."}", got "{annotation.image}", {why}. Write it relative to that folder, '
            "or set another root."
        )

    def _repeated(self, annotation: Annotation, name: str) -> Reject | None:
        if name not in self._seen:
            return None
        source, line = self._seen[name]
        message = f'expected one annotation of "{name}", got another: see {source}:{line}'
        return _rejected(annotation, "annotated_twice", message)

    def _file(self, annotation: Annotation, name: str) -> Found | None:
        """The image's file; None where there is none."""
        folder, base = posixpath.split(name)
        if folder not in self._folders:
            path = self._prefix + folder if folder else self._root
            is_local = not files.is_remote(path)
            self._targets[folder] = leads_out(path, self._root) if is_local else None
            listed = () if self._targets[folder] else files_in(path)
            self._folders[folder] = {file.name: file for file in listed}
        file = self._folders[folder].get(base)
        target = self._targets[folder]
        if file and file.is_link:
            target = leads_out(self._prefix + name, self._root)
        if target:
            raise self._unsafe(annotation, f'which a symbolic link leads to "{target}"')
        return file

    def _missing(self, annotation: Annotation, name: str) -> Reject:
        message = (
            f'expected an image at "{self._prefix + name}", got nothing: the paths of '
            f'images are relative to the root "{self._root or "."}"'
        )
        return _rejected(annotation, "missing_image", message)


def _rejected(annotation: Annotation, reason: str, message: str) -> Reject:
    return reject(annotation.source, annotation.line, reason, message, raw=annotation.image)
