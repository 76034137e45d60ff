"""Read Pascal VOC: one XML file an image.

The reader uses `filename`, `size` and, of each `object`, `name` and `bndbox`. Images are below the
root, so it ignores `folder` and `path`, which are valid on the annotator's machine only; it also
ignores `difficult`, `truncated` and the parts of an object. A document type is refused: entity
bombs and external entities need one, annotations do not.
"""

from __future__ import annotations

import hashlib
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from ...config.image_format import BoxForm
from ...runtime import filesystem as files
from .box_format import XYXY, BoxFormat
from .common import EDGES, Annotation, AnnotationFile, BadAnnotation, box_of, size_of
from .refs import Box

__all__ = ["parse_voc", "read_voc"]


def read_voc(path: str, *, box_format: BoxFormat = XYXY) -> AnnotationFile:
    """Read the annotation of a VOC file.

    Args:
      path: Path of the file.
      box_format: Convention of its boxes.

    Raises:
      DataError: The file cannot be read.
    """
    data = files.read_bytes(path)
    digest = hashlib.sha256(data).hexdigest()
    annotation = parse_voc(data, path=path, form=box_format.form)
    return AnnotationFile(path, len(data), digest, [annotation], box_format)


def parse_voc(data: bytes, *, path: str, form: BoxForm = "xyxy") -> Annotation:
    """Parse the bytes of a VOC file to an annotation; a bad one has a `problem`.

    Args:
      data: XML. Without an `object` it is an image without boxes.
      path: Path of the file, for messages.
      form: Meaning of the four numbers of a box.
    """
    try:
        root, lines = _tree(data)
        image = _image(root)
    except BadAnnotation as bad:
        return Annotation("", path, 1, problem=bad.reject(path, 1, raw=_shown(data)))
    boxes, classes = [], []
    element = root
    try:
        size = size_of(_text(root, "size/width"), _text(root, "size/height"))
        for element in root.findall("object"):
            box, name = _object(element, form)
            boxes.append(box)
            classes.append(name)
    except BadAnnotation as bad:
        problem = bad.reject(path, lines[element], raw=_shown(data))
        return Annotation(image, path, 1, problem=problem)
    return Annotation(image, path, 1, boxes=tuple(boxes), classes=tuple(classes), stated_size=size)


def _shown(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _tree(data: bytes) -> tuple[Element, dict[Element, int]]:
    """Parse XML; return the root, and the line that each element begins on."""
    builder = TreeBuilder()
    lines: dict[Element, int] = {}
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        lines[builder.start(tag, attributes)] = parser.CurrentLineNumber

    def refuse(*_: object) -> None:
        raise BadAnnotation("expected XML without a document type, got one: remove it")

    parser.StartElementHandler = start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise BadAnnotation(f"expected XML, got an error: {error}") from error
    return builder.close(), lines


def _image(root: Element) -> str:
    """Return the path of the image as written in the file."""
    if root.tag != "annotation":
        raise BadAnnotation(f"expected the element <annotation>, got <{root.tag}>")
    image = _text(root, "filename")
    if not image:
        raise BadAnnotation("expected the name of the image in <filename>, got nothing")
    return image


def _object(element: Element, form: BoxForm) -> tuple[Box, str]:
    """Return the box and the class of an object."""
    box = box_of({edge: _text(element, f"bndbox/{edge}") for edge in EDGES}, form=form)
    name = _text(element, "name")
    if not name:
        raise BadAnnotation("expected the class of the box in <name>, got nothing")
    return box, name


def _text(element: Element, path: str) -> str | None:
    """Return the stripped text of the first element at a path; None where there is none."""
    text = element.findtext(path)
    return None if text is None else text.strip()
