"""Find boxes that do not fit their picture, and the conventions that would fit them.

A box is doubtful where it extends beyond its picture by more than a pixel, and is clipped, or where
less than 1.5 pixels of its height or its width remain. Up to a pixel outside counts as rounding:
some tools count pixels from 1, and some give the first pixel after a box.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import add
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..annotations.box_format import BOX_FORMATS, edges_of, numbers_of
from ..annotations.refs import ImageRef

__all__ = [
    "LEAST_PIXELS",
    "BoxEvidence",
    "BoxMarks",
    "Doubt",
    "box_marks",
    "clip_to_picture",
    "relative_boxes",
]

LEAST_PIXELS = 1.5
"""Smallest side of a box that is not tiny."""

_OUTSIDE_PIXELS = 1.0
_ROUNDING = 1e-3
"""Tolerance for the rounding of floats, in pixels."""

_EXAMPLES = 3

_NONE = np.zeros(0, np.bool_)
_FITTING_NONE = (0,) * len(BOX_FORMATS)

Edges: TypeAlias = npt.NDArray[np.float64]
"""Edges of boxes: ymin, xmin, ymax, xmax; [n, 4]."""

Size: TypeAlias = tuple[int, int]
"""(width, height) of the frame that the annotation counts in, in pixels."""


@dataclass(frozen=True)
class BoxMarks:
    """Masks of the doubtful boxes of one image.

    Attributes:
      size: Size of the frame of its boxes.
      clipped: Mask of boxes that extend beyond the picture by more than a pixel; bool, [n].
      tiny: Mask of boxes with less than 1.5 pixels of height or width left; bool, [n].
      fitting: Number of boxes that would not be doubtful, for each of `BOX_FORMATS`.
    """

    size: Size
    clipped: npt.NDArray[np.bool_]
    tiny: npt.NDArray[np.bool_]
    fitting: tuple[int, ...]


def relative_boxes(ref: ImageRef, size: Size) -> Edges:
    """Return the boxes of an image relative to a frame, not clipped; float64, [n, 4].

    Args:
      ref: Image with the boxes.
      size: Size of the frame.
    """
    width, height = size
    boxes = np.array(ref.boxes, np.float64).reshape(-1, 4)
    return boxes if ref.box_format.units == "relative" else boxes / (height, width, height, width)


def clip_to_picture(ref: ImageRef, size: Size) -> Edges:
    """Return the boxes of an image relative to its frame, clipped to it; float64, [n, 4].

    A box outside the frame becomes empty.

    Args:
      ref: Image with the boxes.
      size: Size of the frame.
    """
    return np.clip(relative_boxes(ref, size), 0, 1)


def box_marks(ref: ImageRef, size: Size) -> BoxMarks:
    """Find the doubtful boxes of an image, in every convention at once.

    Args:
      ref: Image with the boxes.
      size: Size of the frame.
    """
    if not ref.boxes:
        return BoxMarks(size, _NONE, _NONE, _FITTING_NONE)
    ymin, xmin, ymax, xmax = np.array(ref.boxes, np.float64).T
    numbers = np.array(numbers_of(ref.box_format.form, xmin, ymin, xmax, ymax))
    lower, upper = _corners(numbers, size)
    sides = np.array(size, np.float64)[:, np.newaxis]
    clipped = np.maximum(-lower, upper - sides).max(axis=1) > _OUTSIDE_PIXELS + _ROUNDING
    left = np.minimum(upper, sides) - np.maximum(lower, 0)
    tiny = left.min(axis=1) < LEAST_PIXELS - _ROUNDING
    fitting = (~(clipped | tiny)).sum(axis=1)
    index = BOX_FORMATS.index(ref.box_format)
    return BoxMarks(size, clipped[index], tiny[index], tuple(fitting.tolist()))


def _corners(numbers: Edges, size: Size) -> tuple[Edges, Edges]:
    """Return the lower and upper (x, y) of boxes in each convention.

    Args:
      numbers: The four numbers of each box, [4, n].
      size: Size of the frame.

    Returns:
      Two arrays [6, 2, n], in pixels, in the order of `BOX_FORMATS`.
    """
    relative = numbers * np.array((*size, *size), np.float64)[:, np.newaxis]
    scaled = {"pixels": numbers, "relative": relative}
    edges = np.array([edges_of(each.form, *scaled[each.units]) for each in BOX_FORMATS])
    return edges[:, :2], edges[:, 2:]


Example: TypeAlias = tuple[str, int, str]
"""(annotation file, line, description of the box)."""


@dataclass(frozen=True)
class Doubt:
    """Count of boxes that are doubtful in one way, and examples.

    Attributes:
      count: Number of boxes.
      examples: Up to 3 of them, the first by file and line.
    """

    count: int = 0
    examples: tuple[Example, ...] = ()

    def __add__(self, other: Doubt) -> Doubt:
        examples = sorted({*self.examples, *other.examples})[:_EXAMPLES]
        return Doubt(self.count + other.count, tuple(examples))


@dataclass(frozen=True)
class BoxEvidence:
    """Counts of the boxes of images, and of the doubtful ones; adds up in any order.

    Attributes:
      images: Number of images.
      boxes: Number of their boxes.
      clipped: Boxes that extend beyond their picture by more than a pixel.
      tiny: Boxes with less than 1.5 pixels of a side left.
      fitting: Number of boxes that would be neither, for each of `BOX_FORMATS`.
    """

    images: int = 0
    boxes: int = 0
    clipped: Doubt = Doubt()
    tiny: Doubt = Doubt()
    fitting: tuple[int, ...] = _FITTING_NONE

    def __add__(self, other: BoxEvidence) -> BoxEvidence:
        return BoxEvidence(
            self.images + other.images,
            self.boxes + other.boxes,
            self.clipped + other.clipped,
            self.tiny + other.tiny,
            tuple(map(add, self.fitting, other.fitting)),
        )

    @classmethod
    def of(cls, ref: ImageRef, marks: BoxMarks) -> BoxEvidence:
        """Return the evidence of one image."""
        clipped, tiny = (_doubt(ref, marks.size, mask) for mask in (marks.clipped, marks.tiny))
        return cls(1, len(ref.boxes), clipped, tiny, marks.fitting)


def _doubt(ref: ImageRef, size: Size, mask: npt.NDArray[np.bool_]) -> Doubt:
    if not mask.any():
        return Doubt()
    boxes = np.flatnonzero(mask).tolist()
    examples = [(ref.source, ref.line, _shown(ref, size, box)) for box in boxes[:_EXAMPLES]]
    return Doubt(len(boxes), tuple(sorted(examples)))


def _shown(ref: ImageRef, size: Size, index: int) -> str:
    """Describe a box as it is written, and its picture."""
    ymin, xmin, ymax, xmax = ref.boxes[index]
    numbers = numbers_of(ref.box_format.form, xmin, ymin, xmax, ymax)
    got = ", ".join(f"{number:.6g}" for number in numbers)
    return f"{ref.name}, {size[0]} x {size[1]} pixels: got {got}, read as {ref.box_format}"
