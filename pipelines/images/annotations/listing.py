"""List the images of an input: a folder of images, or annotations in one of three formats.

    folder, folder/**, *.jpg      one folder a class                    folders
    *.xml                         Pascal VOC, one image a file          voc
    *.json                        COCO instances                        coco
    *.csv                         one row an image, or one row a box    csv

The names of the files decide: where all are XML, JSON or CSV they are annotations. Image files are
not read here, only checked to exist. An image that is annotated twice counts with its first
annotation.
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
from .common import Annotation, AnnotationFile, reject
from .csv import read_csv
from .folders import folder_images
from .paths import ListedFile, files_in, find_files, is_hidden, leads_out, prefix_of, relative_name
from .refs import ImageRef, Listing
from .voc import read_voc

__all__ = ["IMAGE_SUFFIXES", "image_root", "is_annotation", "list_images"]

IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp"),
    *(".tif", ".tiff", ".webp"),
)
"""Extensions, in lower case, of the image files among those without an annotation."""

Kind = Literal["images", "VOC", "COCO", "CSV"]

_SUFFIXES: dict[str, Kind] = {".xml": "VOC", ".json": "COCO", ".csv": "CSV"}
_COMPRESSED = (".gz", ".gzip", ".bz2")
_THREADS = 16
_FILES_AT_ONCE = 1000
"""Number of files to read ahead: it bounds the annotations in memory."""


def list_images(input_: Input, image_format: ImageFormat, *, input_index: int = 0) -> Listing:
    """List the images of an input.

    Args:
      input_: Input whose pattern is a folder, a file, or a glob of images or annotation files.
      image_format: Format of the annotations.
      input_index: Index of the input among all inputs, from 0.

    Raises:
      DataError: The pattern matches nothing; a path or a symbolic link leaves the root; a CSV or
        COCO file is not one, or its header lacks a column.
      RecipeError: The format names columns, and the input is not CSV.
    """
    root, listed = find_files(input_.pattern)
    kind = _kind(listed)
    if kind != "CSV" and (image_format.group_column or image_format.further):
        raise RecipeError(
            f'group_column and further name columns of a CSV, and "{input_.pattern}" names {kind}'
            f"{'' if kind == 'images' else ' annotations'}: leave them out"
        )
    if kind == "images":
        return _list_folder(input_, root, listed, input_index)
    return _list_annotated(input_, root, listed, kind, image_format, input_index)


def _kind(listed: list[ListedFile]) -> Kind:
    kinds = {_SUFFIXES.get(_suffix(file.name), "images") for file in listed}
    return kinds.pop() if len(kinds) == 1 else "images"


def is_annotation(matches: list[ListedFile]) -> bool:
    """Return whether the files that match a pattern are annotations, not images."""
    return _kind(matches) != "images"


def _suffix(name: str) -> str:
    stem, suffix = posixpath.splitext(name.lower())
    return posixpath.splitext(stem)[1] if suffix in _COMPRESSED else suffix


def _list_folder(input_: Input, root: str, listed: list[ListedFile], input_index: int) -> Listing:
    images, rejects = folder_images(root, listed, split=input_.split)
    sizes = (
        (file.name.encode("utf-8", "backslashreplace").decode(), str(file.size_bytes).encode())
        for file in listed
    )
    source = SourceFile(
        path=input_.pattern,
        split=input_.split,
        bytes=sum(file.size_bytes for file in listed),
        sha256=tree_sha256(sizes),
        records=len(listed),
    )
    return Listing(input_index, tuple(images), tuple(rejects), 0, 0, source)


def _list_annotated(
    input_: Input,
    root: str,
    listed: list[ListedFile],
    kind: Kind,
    image_format: ImageFormat,
    input_index: int,
) -> Listing:
    images = _AnnotatedImages(image_root(root, image_format.root), input_.split)
    size, crowd, digests = 0, 0, []
    prefix = prefix_of(root)
    paths = [prefix + file.name for file in listed]
    for file, content in zip(listed, _read(kind, paths, image_format), strict=True):
        size += content.size_bytes
        digests.append((file.name, content.sha256))
        for annotation in content.annotations:
            crowd += annotation.crowd
            folder = "" if image_format.root else posixpath.dirname(file.name)
            images.add(annotation, folder, content.box_format)
    digest = digests[0][1] if len(digests) == 1 else None
    source = SourceFile(
        path=input_.pattern,
        split=input_.split,
        bytes=size,
        sha256=digest or tree_sha256((name, text.encode()) for name, text in digests),
        records=len(images.refs) + len(images.rejects),
    )
    refs = tuple(sorted(images.refs, key=lambda ref: ref.name))
    return Listing(input_index, refs, tuple(images.rejects), images.unannotated(), crowd, source)


def image_root(folder: str, root: str) -> str:
    """Return the root of images; a relative one starts from the folder of the annotations."""
    if not root or files.is_remote(root) or posixpath.isabs(root):
        return root or folder
    scheme, separator, path = folder.rpartition("://")
    return scheme + separator + posixpath.normpath(posixpath.join(path, root))


def _read(kind: Kind, paths: list[str], image_format: ImageFormat) -> Iterator[AnnotationFile]:
    """Yield the annotations of each file, in order."""
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


class _AnnotatedImages:
    """Images under a root that annotations name, and annotations that name no image.

    Each folder is listed once, when an annotation first names a file in it: on a remote filesystem
    a request for each image would take far longer.

    Attributes:
      refs: Images, in the order of the annotations.
      rejects: Annotations that name no image to read, in order.
    """

    def __init__(self, root: str, split: str | None) -> None:
        self._root = root
        self._prefix = prefix_of(root)
        self._split = split
        self._folders: dict[str, dict[str, ListedFile]] = {}
        self._targets: dict[str, str | None] = {}  # of folders that lead out of the root
        self._seen: dict[str, tuple[str, int]] = {}
        self.refs: list[ImageRef] = []
        self.rejects: list[Reject] = []

    def add(self, annotation: Annotation, folder: str, box_format: BoxFormat) -> None:
        """Add an annotation to `refs` or to `rejects`.

        Args:
          annotation: Annotation to add.
          folder: Folder under the root that its path is relative to.
          box_format: Convention of its boxes.

        Raises:
          DataError: Its path or a symbolic link leaves the root, or a folder cannot be read.
        """
        name = self._name(annotation, folder) if annotation.image else ""
        file = self._file(annotation, name) if name else None
        if problem := annotation.problem or self._repeated(annotation, name):
            self.rejects.append(problem)
        elif file:
            self.refs.append(
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
        """Return the number of images without an annotation, in the folders of annotated ones."""
        return sum(
            name.lower().endswith(IMAGE_SUFFIXES)
            and not is_hidden(name)
            and posixpath.join(folder, name) not in self._seen
            for folder, names in self._folders.items()
            for name in names
        )

    def _name(self, annotation: Annotation, folder: str) -> str:
        """Return the image's path relative to the root; raise DataError where it leaves it."""
        try:
            return posixpath.join(folder, relative_name(annotation.image))
        except ValueError as error:
            raise self._unsafe(annotation, f"which {error}", folder) from error

    def _unsafe(self, annotation: Annotation, reason: str, folder: str = "") -> DataError:
        root = self._prefix + folder if folder else self._root
        return DataError(
            f'{annotation.source}:{annotation.line}: expected the path of an image under "'
            f'{root or "."}", got "{annotation.image}", {reason}. Write it relative to that '
            "folder, or set another root."
        )

    def _repeated(self, annotation: Annotation, name: str) -> Reject | None:
        if name not in self._seen:
            return None
        source, line = self._seen[name]
        message = f'expected one annotation of "{name}", got another: see {source}:{line}'
        return _rejected(annotation, "annotated_twice", message)

    def _file(self, annotation: Annotation, name: str) -> ListedFile | None:
        """Return the image's file; None where there is none."""
        folder, base = posixpath.split(name)
        if folder not in self._folders:
            path = self._prefix + folder if folder else self._root
            is_local = not files.is_remote(path)
            self._targets[folder] = leads_out(path, self._root) if is_local else None
            content = () if self._targets[folder] else files_in(path)
            self._folders[folder] = {file.name: file for file in content}
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
