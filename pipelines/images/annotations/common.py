"""Annotations of any format as `Annotation`, and checks of their numbers.

Numbers are not shifted. Some tools count pixels from 1 and some from 0, no file says which, and the
difference is below the accuracy of a hand-drawn box.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...config.image_format import BoxForm
from ...runtime.elements import Reject
from .box_format import XYXY, BoxFormat, edges_of
from .refs import Box

__all__ = [
    "EDGES",
    "Annotation",
    "AnnotationFile",
    "BadAnnotation",
    "box_of",
    "reject",
    "size_of",
]

EDGES = ("xmin", "ymin", "xmax", "ymax")
"""Names of the numbers of a box in VOC and CSV files, in order."""

_RAW_CHARACTERS = 10_000


@dataclass(frozen=True, slots=True)
class Annotation:
    """Annotation of one image.

    Attributes:
      image: Path of the image as written in the file, stripped; "" where it is missing or bad.
      source: Path of the annotation file.
      line: Line of the annotation in its file, from 1.
      label, boxes, classes, stated_size, group, values: As in `ImageRef`.
      crowd: Number of boxes left out because each is around a crowd.
      problem: Reject that leaves out the image; None where it is good.
    """

    image: str
    source: str
    line: int
    label: str | None = None
    boxes: tuple[Box, ...] = ()
    classes: tuple[str, ...] = ()
    stated_size: tuple[int, int] | None = None
    group: str = ""
    values: tuple[str, ...] = ()
    crowd: int = 0
    problem: Reject | None = None


@dataclass(frozen=True)
class AnnotationFile:
    """Annotation file and its annotations.

    Attributes:
      path: Path of the file.
      size_bytes: Size of the file as stored.
      sha256: Digest of its stored bytes, in hex.
      annotations: One annotation an image, in file order; can be iterated over once.
      box_format: Convention of its boxes.
    """

    path: str
    size_bytes: int
    sha256: str
    annotations: Iterable[Annotation]
    box_format: BoxFormat = XYXY


class BadAnnotation(Exception):
    """Raised for a bad value in an annotation; becomes a `Reject`.

    Attributes:
      message: Expected and actual value, in words.
      reason: Slug that the ledger counts by.
      column: Name of the bad value, or None.
    """

    def __init__(
        self, message: str, *, reason: str = "bad_annotation", column: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.column = column

    def reject(self, source: str, line: int, *, raw: str) -> Reject:
        """Return the error as a `Reject` of a line of a file."""
        return reject(source, line, self.reason, self.message, raw=raw, column=self.column)


def reject(
    source: str, line: int, reason: str, message: str, *, raw: str, column: str | None = None
) -> Reject:
    """Return a `Reject` of a line of a file, with the raw text cut to its limit."""
    return Reject(source, line, column, reason, message, raw[:_RAW_CHARACTERS])


def box_of(edges: Mapping[str, object], *, form: BoxForm = "xyxy") -> Box:
    """Return a box of its four numbers, which may be texts.

    Args:
      edges: The four numbers by the names in `EDGES`, whatever the form.
      form: Meaning of the four numbers.

    Raises:
      BadAnnotation: With the reason "bad_box": a number is not finite, or the box is empty or
        reversed.

    >>> box_of({"xmin": "81", "ymin": "88", "xmax": "522.5", "ymax": "408"})
    (88.0, 81.0, 408.0, 522.5)
    """
    numbers = [_number(edges.get(name), name) for name in EDGES]
    xmin, ymin, xmax, ymax = edges_of(form, *numbers)
    if not (xmin < xmax and ymin < ymax and math.isfinite(xmax - xmin + ymax - ymin)):
        raise BadAnnotation(_bad_size(form, numbers), reason="bad_box")
    return ymin, xmin, ymax, xmax


def _bad_size(form: BoxForm, numbers: list[float]) -> str:
    """Return the message for a box that is empty or reversed."""
    if form == "xyxy":
        got = ", ".join(f"{name} {x:.15g}" for name, x in zip(EDGES, numbers, strict=True))
        return f"expected xmin < xmax and ymin < ymax, got {got}"
    got = ", ".join(f"{number:.15g}" for number in numbers)
    return f"expected a width and a height above 0, got {got} ({form})"


def size_of(width: object, height: object) -> tuple[int, int] | None:
    """Return the (width, height) of an image of texts or numbers; None if any is absent or 0.

    Raises:
      BadAnnotation: Width or height is not a whole number of at least 0.

    >>> size_of("650", "417"), size_of("0", "417"), size_of("", None)
    ((650, 417), None, None)
    """
    size = _pixels(width, "width"), _pixels(height, "height")
    return size if all(size) else None


def _pixels(value: object, name: str) -> int:
    if value is None or value == "":
        return 0
    number = _finite(value)
    if not number.is_integer() or number < 0:
        raise BadAnnotation(f"expected a number of pixels, got {_shown(value)}", column=name)
    return int(number)


def _number(value: object, name: str) -> float:
    number = _finite(value)
    if math.isnan(number):
        message = f"expected a number, got {_shown(value)}"
        raise BadAnnotation(message, reason="bad_box", column=name)
    return number


def _finite(value: object) -> float:
    """Return a number, or the number of a text; NaN where there is none or it is not finite."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or "_" in str(value):
        return math.nan
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def _shown(value: object) -> str:
    """Return a value for messages."""
    if value is None:
        return "nothing"
    return f'"{value}"' if isinstance(value, str) else str(value)
