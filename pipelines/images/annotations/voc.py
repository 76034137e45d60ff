"""Pascal VOC: one XML file an image.

Read are `filename`, `size` and, of each `object`, `name` and `bndbox`. The root says where the
image is, so `folder` and `path`, which hold for the annotator's own machine, are passed over, and
so are `difficult`, `truncated` and the parts of an object. A document type is refused: it is what
entity bombs and external entities need, and annotations do not.
"""

from __future__ import annotations

import hashlib
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from ...config.image_format import BoxForm
from ...runtime import filesystem as files
from .box_format import XYXY, BoxFormat
from .common import EDGES, Annotated, Annotation, BadAnnotation, box_of, size_of
from .refs import Box

__all__ = ["parse_voc", "read_voc"]


def read_voc(path: str, *, box_format: BoxFormat = XYXY) -> Annotated:
    """The annotation in a VOC file.

    Args:
      path: The file's path.
      box_format: How it writes boxes.

    Raises:
      DataError: The file cannot be read.
    """
    data = files.read_bytes(path)
    digest = hashlib.sha256(data).hexdigest()
    annotation = parse_voc(data, path=path, form=box_format.form)
    return Annotated(path, len(data), digest, [annotation], box_format)


def parse_voc(data: bytes, *, path: str, form: BoxForm = "xyxy") -> Annotation:
    """The annotation in the bytes of a VOC file; bad ones have a `problem`.

    Args:
      data: XML. A file without an `object` is an image with nothing in it.
      path: The file's path.
      form: Which four numbers a box is.
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
    """The root of an XML document, and the line each element begins on."""
    builder = TreeBuilder()
    lines: dict[Element, int] = {}
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        lines[builder.start(tag, attributes)] = parser.CurrentLineNumber

    def refuse(*_: object) -> None:
        raise BadAnnotation("expected XML without a document type, got one: take it out")

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
    """The path of the image as it is written."""
    if root.tag != "annotation":
        raise BadAnnotation(f"expected the element <annotation>, got <{root.tag}>")
    image = _text(root, "filename")
    if not image:
        raise BadAnnotation("expected the name of the image in <filename>, got nothing")
    return image


def _object(element: Element, form: BoxForm) -> tuple[Box, str]:
    """The box and the class of an object."""
    box = box_of({edge: _text(element, f"bndbox/{edge}") for edge in EDGES}, form=form)
    name = _text(element, "name")
    if not name:
        raise BadAnnotation("expected the class of the box in <name>, got nothing")
    return box, name


def _text(element: Element, path: str) -> str | None:
    """The stripped text of the first element at a path; None where there is none."""
    text = element.findtext(path)
    return None if text is None else text.strip()
