"""Read COCO instances: a JSON file with the lists `images`, `annotations` and `categories`.

A box is [x, y, width, height] in pixels, with x and y of its upper left corner, unless the recipe
states another convention. An image without annotations has no boxes. Boxes around a crowd
(`iscrowd`) are left out and counted, since they do not stand for a single object. Masks are dropped
while the file is parsed, but the rest of it stays in memory.

The format: https://cocodataset.org/#format-data
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from typing import Any

from ....schemas.errors import DataError
from ...config.image_format import BoxForm
from ...runtime import filesystem as files
from .box_format import XYWH, BoxFormat
from .common import EDGES, Annotation, AnnotationFile, BadAnnotation, box_of, reject, size_of
from .refs import Box

__all__ = ["parse_coco", "read_coco"]

_LISTS = ("images", "annotations", "categories")

_EXPECTED: dict[BoxForm, str] = {
    "xywh": "x, y, and a width and a height above 0",
    "xyxy": "xmin, ymin, and a larger xmax and ymax",
    "cxcywh": "x and y of the centre, and a width and a height above 0",
}
"""Expected numbers of a box, for messages."""

Entry = dict[str, Any]


def read_coco(path: str, *, box_format: BoxFormat = XYWH) -> AnnotationFile:
    """Read the annotations of a COCO file.

    Args:
      path: Path of the file.
      box_format: Convention of its boxes.

    Raises:
      DataError: The file cannot be read, or as in `parse_coco`.
    """
    data = files.read_bytes(path)
    digest = hashlib.sha256(data).hexdigest()
    annotations = parse_coco(data, path=path, form=box_format.form)
    return AnnotationFile(path, len(data), digest, annotations, box_format)


def parse_coco(data: bytes, *, path: str, form: BoxForm = "xywh") -> list[Annotation]:
    """Parse the bytes of a COCO file to one annotation an image, in the order of `images`.

    An entry of `annotations` whose image is not among `images` comes last, with a `problem`.

    Args:
      data: JSON.
      path: Path of the file, for messages.
      form: Meaning of the four numbers of a box.

    Raises:
      DataError: The bytes are not JSON or not a COCO file, or two images or two categories have
        the same id.
    """
    document = _document(data, path)
    categories = {
        id_: str(entry["name"]).strip()
        for id_, entry in _by_id(document["categories"], "category", path).items()
        if _is_text(entry.get("name"))
    }
    images = _by_id(document["images"], "image", path)
    boxes: defaultdict[Any, list[Entry]] = defaultdict(list)
    strays = []
    for entry in _entries(document["annotations"], "annotation", path):
        image = _key(entry.get("image_id"))
        if image in images:
            boxes[image].append(entry)
        else:
            strays.append(_stray(entry, path))
    annotations = [_annotation(images[id_], boxes[id_], categories, path, form) for id_ in images]
    return annotations + strays


def _document(data: bytes, path: str) -> Entry:
    try:
        document = json.loads(data, object_hook=_without_mask)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected a COCO file, got no JSON: {error}") from error
    missing = [
        name
        for name in _LISTS
        if not isinstance(document, dict) or not isinstance(document.get(name), list)
    ]
    if missing:
        raise DataError(
            f"{path}: expected a COCO file, a JSON object with the lists {', '.join(_LISTS)}; "
            f"missing {', '.join(missing)}"
        )
    result: Entry = document
    return result


def _without_mask(entry: Entry) -> Entry:
    entry.pop("segmentation", None)
    return entry


def _entries(entries: list[Any], noun: str, path: str) -> list[Entry]:
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise DataError(
                f"{path}: {noun} {index} of the list: expected a JSON object, got "
                f"{json.dumps(entry)[:80]}"
            )
    return entries


def _by_id(entries: list[Any], noun: str, path: str) -> dict[Any, Entry]:
    """Return entries by their id, in file order."""
    result: dict[Any, Entry] = {}
    for entry in _entries(entries, noun, path):
        id_ = _key(entry.get("id"))
        if id_ is None:
            raise DataError(f"{path}: {noun} without an id: {json.dumps(entry)[:80]}")
        if result.setdefault(id_, entry) is not entry:
            raise DataError(f"{path}: two entries for {noun} {id_}: expected one")
    return result


def _key(id_: object) -> int | str | None:
    """Return an id if it can be a key; None for values that are neither number nor text."""
    return id_ if isinstance(id_, (int, str)) else None


def _annotation(
    image: Entry,
    boxes: list[Entry],
    categories: dict[Any, str],
    path: str,
    form: BoxForm,
) -> Annotation:
    """Combine the entries of one image to an annotation; a bad entry rejects the image."""
    single = [entry for entry in boxes if not entry.get("iscrowd")]
    crowd = len(boxes) - len(single)
    name, entry = "", image
    try:
        name = _name(image)
        size = size_of(image.get("width"), image.get("height"))
        objects: list[tuple[Box, str]] = []
        for entry in single:  # `entry` is what the reject below shows
            objects.append((_box(entry, form), _category(entry, categories)))
    except BadAnnotation as bad:
        problem = bad.reject(path, 1, raw=json.dumps(entry, ensure_ascii=False))
        return Annotation(name, path, 1, crowd=crowd, problem=problem)
    return Annotation(
        name,
        path,
        1,
        boxes=tuple(box for box, _ in objects),
        classes=tuple(category for _, category in objects),
        stated_size=size,
        crowd=crowd,
    )


def _name(image: Entry) -> str:
    name = image.get("file_name")
    if not _is_text(name):
        raise BadAnnotation(f"image {image['id']}: expected a file_name, got {json.dumps(name)}")
    return str(name).strip()


def _is_text(value: object) -> bool:
    """Return whether a JSON value is text that a record can contain, and not only blanks."""
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        return bool(value.encode().strip())
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def _box(entry: Entry, form: BoxForm) -> Box:
    bbox = entry.get("bbox")
    try:
        numbers = [_number(value) for value in bbox or ()]
        return box_of(dict(zip(EDGES, numbers, strict=True)), form=form)
    except (ValueError, TypeError, OverflowError, BadAnnotation) as error:
        raise BadAnnotation(
            f"annotation {entry.get('id')}: expected a bbox of four numbers, {_EXPECTED[form]}, "
            f"got {json.dumps(bbox)}",
            reason="bad_box",
        ) from error


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError
    return float(value)


def _category(entry: Entry, categories: dict[Any, str]) -> str:
    category = _key(entry.get("category_id"))
    if name := categories.get(category):
        return name
    raise BadAnnotation(
        f"annotation {entry.get('id')}: expected a category_id of a category with a name, got "
        f"{json.dumps(entry.get('category_id'))}"
    )


def _stray(entry: Entry, path: str) -> Annotation:
    message = (
        f"annotation {entry.get('id')}: expected an image_id that is among the images, got "
        f"{json.dumps(entry.get('image_id'))}"
    )
    raw = json.dumps(entry, ensure_ascii=False)
    return Annotation("", path, 1, problem=reject(path, 1, "missing_image", message, raw=raw))
