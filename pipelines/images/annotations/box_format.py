"""Conventions for writing a box as four numbers, and conversions between them.

    xyxy     xmin, ymin, xmax, ymax            Pascal VOC, CSV
    xywh     xmin, ymin, width, height         COCO
    cxcywh   x and y of the centre, width, height

All of them are in pixels, or relative to the width and the height of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from ...config.image_format import BoxForm, BoxUnits, ImageFormat

__all__ = [
    "box_format_of",
    "BOX_FORMATS",
    "XYWH",
    "XYXY",
    "BoxFormat",
    "edges_of",
    "numbers_of",
]


_Number = TypeVar("_Number", float, Any)
"""A float, or an array with one number a box."""


@dataclass(frozen=True, slots=True)
class BoxFormat:
    """Convention for the four numbers of a box.

    Attributes:
      form: Meaning of the four numbers.
      units: Unit of the numbers: pixels, or shares of the width and the height.
    """

    form: BoxForm = "xyxy"
    units: BoxUnits = "pixels"

    def __str__(self) -> str:
        """Return a name for messages, such as "xywh in pixels" or "relative xyxy"."""
        return f"relative {self.form}" if self.units == "relative" else f"{self.form} in pixels"


XYXY, XYWH = BoxFormat("xyxy"), BoxFormat("xywh")
"""Usual conventions: of VOC and CSV, and of COCO."""

BOX_FORMATS = tuple(
    BoxFormat(form, units)
    for units in ("pixels", "relative")
    for form in ("xyxy", "xywh", "cxcywh")
)
"""All conventions, in the order in which messages propose them."""


def edges_of(
    form: BoxForm, a: _Number, b: _Number, c: _Number, d: _Number
) -> tuple[_Number, _Number, _Number, _Number]:
    """Convert the four numbers of a box to its edges.

    Args:
      form: Meaning of the four numbers.
      a: First number, or an array of the first numbers of several boxes; the others likewise.
      b: Second number.
      c: Third number.
      d: Fourth number.

    Returns:
      xmin, ymin, xmax, ymax; out of order where a size is negative.

    >>> edges_of("xywh", 10, 20, 5, 6), edges_of("cxcywh", 10, 20, 4, 6)
    ((10, 20, 15, 26), (8.0, 17.0, 12.0, 23.0))
    """
    if form == "xyxy":
        return a, b, c, d
    if form == "xywh":
        return a, b, a + c, b + d
    return a - c / 2, b - d / 2, a + c / 2, b + d / 2


def numbers_of(
    form: BoxForm, xmin: _Number, ymin: _Number, xmax: _Number, ymax: _Number
) -> tuple[_Number, _Number, _Number, _Number]:
    """Convert the edges of a box to the four numbers of a form: the inverse of `edges_of`.

    Args:
      form: Meaning of the four numbers to return.
      xmin: Left edge, or an array of the left edges of several boxes; the others likewise.
      ymin: Upper edge.
      xmax: Right edge.
      ymax: Lower edge.

    Returns:
      The four numbers, up to the rounding of floats.

    >>> numbers_of("xywh", 10, 20, 15, 26), numbers_of("cxcywh", 8, 17, 12, 23)
    ((10, 20, 5, 6), (10.0, 20.0, 4, 6))
    """
    if form == "xyxy":
        return xmin, ymin, xmax, ymax
    if form == "xywh":
        return xmin, ymin, xmax - xmin, ymax - ymin
    return (xmin + xmax) / 2, (ymin + ymax) / 2, xmax - xmin, ymax - ymin


def box_format_of(image_format: ImageFormat, usual: BoxFormat) -> BoxFormat:
    """Return the box convention that a format states, with the usual one of its kind of files."""
    return BoxFormat(image_format.box or usual.form, image_format.units)
