"""What every kind of annotation comes down to: `Annotation`, and the checks of its numbers.

Numbers are taken as they stand. Some tools count pixels from 1 and some from 0, no file says
which, and the difference is below the accuracy of a hand-drawn box.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...config.image_format import BoxForm
from ...runtime.elements import Reject
from .box_format import XYXY, BoxFormat, edges_of
from .refs import Box

__all__ = ["EDGES", "Annotated", "Annotation", "BadAnnotation", "box_of", "reject", "size_of"]

EDGES = ("xmin", "ymin", "xmax", "ymax")
"""The numbers of a box, in the order in which VOC and CSV files write them."""

_RAW_CHARACTERS = 10_000


@dataclass(frozen=True, slots=True)
class Annotation:
    """What a file says of one image.

    Attributes:
      image: The path of the image as it is written, stripped; "" where that is what is wrong.
      source: The path of the annotation file.
      line: Where it stands in it, from 1.
      label, boxes, classes, stated_size, group, values: As in `ImageRef`.
      crowd: The boxes left out because each is around a crowd.
      problem: Why the image is left out; None where it is not.
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
class Annotated:
    """What was read from one annotation file.

    Attributes:
      path: The file's path.
      size_bytes: Its size as stored.
      sha256: Of its bytes as stored, in hex.
      annotations: One an image, in file order; can be gone through once.
      box_format: How it writes boxes.
    """

    path: str
    size_bytes: int
    sha256: str
    annotations: Iterable[Annotation]
    box_format: BoxFormat = XYXY


class BadAnnotation(Exception):
    """Something in an annotation is not what it should be; becomes a `Reject`.

    Attributes:
      message: What was expected and what was got.
      reason: The slug that the ledger counts by.
      column: The name of the bad value, or None.
    """

    def __init__(
        self, message: str, *, reason: str = "bad_annotation", column: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.column = column

    def reject(self, source: str, line: int, *, raw: str) -> Reject:
        """The same as a `Reject` of what stands at a line of a file."""
        return reject(source, line, self.reason, self.message, raw=raw, column=self.column)


def reject(
    source: str, line: int, reason: str, message: str, *, raw: str, column: str | None = None
) -> Reject:
    """A `Reject` of what stands at a line of a file; the raw text is cut to its limit."""
    return Reject(source, line, column, reason, message, raw[:_RAW_CHARACTERS])


def box_of(edges: Mapping[str, object], *, form: BoxForm = "xyxy") -> Box:
    """A box of its four numbers, which may be texts.

    Args:
      edges: By the names in `EDGES`, the first to the fourth.
      form: Which numbers they are.

    Raises:
      BadAnnotation: With the reason "bad_box": an edge is no finite number, or the box is empty
        or reversed.

    >>> box_of({"xmin": "81", "ymin": "88", "xmax": "522.5", "ymax": "408"})
    (88.0, 81.0, 408.0, 522.5)
    """
    numbers = [_number(edges.get(name), name) for name in EDGES]
    xmin, ymin, xmax, ymax = edges_of(form, *numbers)
    if not (xmin < xmax and ymin < ymax and math.isfinite(xmax - xmin + ymax - ymin)):
        raise BadAnnotation(_bad_size(form, numbers), reason="bad_box")
    return ymin, xmin, ymax, xmax


def _bad_size(form: BoxForm, numbers: list[float]) -> str:
    """Words the message for a box that is empty or reversed."""
    if form == "xyxy":
        got = ", ".join(f"{name} {x:.15g}" for name, x in zip(EDGES, numbers, strict=True))
        return f"expected xmin < xmax and ymin < ymax, got {got}"
    got = ", ".join(f"{number:.15g}" for number in numbers)
    return f"expected a width and a height above 0, got {got} ({form})"


def size_of(width: object, height: object) -> tuple[int, int] | None:
    """The (width, height) of an image, texts or numbers; None where one is absent, empty or 0.

    Raises:
      BadAnnotation: One is no whole number of at least 0.

    >>> size_of("650", "417"), size_of("0", "417"), size_of("", None)
    ((650, 417), None, None)
    """
    whole = _pixels(width, "width"), _pixels(height, "height")
    return whole if all(whole) else None


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
    """A number, or the number a text spells; NaN where there is none or it is not finite."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or "_" in str(value):
        return math.nan
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def _shown(value: object) -> str:
    """A value as a message shows it."""
    if value is None:
        return "nothing"
    return f'"{value}"' if isinstance(value, str) else str(value)
