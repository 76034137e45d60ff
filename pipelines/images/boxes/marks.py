"""Boxes that look wrong beside the pixels of their picture, and what other convention fits them.

A box is doubtful where it reaches out of its picture by more than a pixel, so that it is clipped,
or where less than 1.5 pixels of its height or its width are left. Up to a pixel outside is taken
for rounding: some tools count pixels from 1, and some give the first pixel after a box.
"""

from __future__ import annotations

from dataclasses import dataclass
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
"""Boxes with a side below this are tiny."""

_OUTSIDE_PIXELS = 1.0
_ROUNDING = 1e-3
"""What the arithmetic of floats may add to or take from a side, in pixels."""

_EXAMPLES = 3

_NONE = np.zeros(0, np.bool_)
_FITTING_NONE = (0,) * len(BOX_FORMATS)

Edges: TypeAlias = npt.NDArray[np.float64]
"""ymin, xmin, ymax, xmax of boxes: [n, 4]."""

Size: TypeAlias = tuple[int, int]
"""(width, height) of the frame that the annotation counts in, in pixels."""


@dataclass(frozen=True)
class BoxMarks:
    """What is doubtful of the boxes of one image.

    Attributes:
      size: Of the frame that its boxes count in.
      clipped: Whether each reaches out of the picture by more than a pixel; bool, [n].
      tiny: Whether less than 1.5 pixels of its height or width are left of each; bool, [n].
      fitting: How many of the boxes would not be doubtful in each of `BOX_FORMATS`.
    """

    size: Size
    clipped: npt.NDArray[np.bool_]
    tiny: npt.NDArray[np.bool_]
    fitting: tuple[int, ...]


def relative_boxes(ref: ImageRef, size: Size) -> Edges:
    """Return the boxes of an image relative to a frame of that size, not clipped: float64 [n, 4].

    Args:
      ref: The image.
      size: Of the frame.
    """
    width, height = size
    boxes = np.array(ref.boxes, np.float64).reshape(-1, 4)
    return boxes if ref.box_format.units == "relative" else boxes / (height, width, height, width)


def clip_to_picture(ref: ImageRef, size: Size) -> Edges:
    """Return the boxes of an image relative to its frame, clipped to it: float64 [n, 4].

    A box outside the frame comes out empty.

    Args:
      ref: The image.
      size: Of the frame.
    """
    return np.clip(relative_boxes(ref, size), 0, 1)


def box_marks(ref: ImageRef, size: Size) -> BoxMarks:
    """Find what is doubtful of the boxes of an image.

    Args:
      ref: The image.
      size: Of the frame.
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
    place = BOX_FORMATS.index(ref.box_format)
    return BoxMarks(size, clipped[place], tiny[place], tuple(fitting.tolist()))


def _corners(numbers: Edges, size: Size) -> tuple[Edges, Edges]:
    """Return the lower and the upper x and y of boxes, their numbers read in each convention.

    Args:
      numbers: The four of each box, [4, n].
      size: Of the frame.

    Returns:
      Two of [6, 2, n], in pixels, in the order of `BOX_FORMATS`.
    """
    relative = numbers * np.array((*size, *size), np.float64)[:, np.newaxis]
    scaled = {"pixels": numbers, "relative": relative}
    edges = np.array([edges_of(one.form, *scaled[one.units]) for one in BOX_FORMATS])
    return edges[:, :2], edges[:, 2:]


Example: TypeAlias = tuple[str, int, str]
"""(file, line, what is there)."""


@dataclass(frozen=True)
class Doubt:
    """Boxes that are doubtful in one way.

    Attributes:
      count: How many.
      examples: Up to 3 of them, the first by file and line.
    """

    count: int = 0
    examples: tuple[Example, ...] = ()

    def __add__(self, other: Doubt) -> Doubt:
        examples = sorted({*self.examples, *other.examples})[:_EXAMPLES]
        return Doubt(self.count + other.count, tuple(examples))


@dataclass(frozen=True)
class BoxEvidence:
    """What is known of the boxes of some images; adds up in any order.

    Attributes:
      images: How many images there are.
      boxes: How many boxes they have.
      clipped: Those that reach out of their picture by more than a pixel.
      tiny: Those of which less than 1.5 pixels of a side are left.
      fitting: How many would be neither in each of `BOX_FORMATS`.
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
            tuple(one + more for one, more in zip(self.fitting, other.fitting, strict=True)),
        )

    @classmethod
    def of(cls, ref: ImageRef, marks: BoxMarks) -> BoxEvidence:
        """Return what is known of one image."""
        clipped, tiny = (_doubt(ref, marks.size, marked) for marked in (marks.clipped, marks.tiny))
        return cls(1, len(ref.boxes), clipped, tiny, marks.fitting)


def _doubt(ref: ImageRef, size: Size, marked: npt.NDArray[np.bool_]) -> Doubt:
    if not marked.any():
        return Doubt()
    places = np.flatnonzero(marked).tolist()
    examples = [(ref.source, ref.line, _shown(ref, size, place)) for place in places[:_EXAMPLES]]
    return Doubt(len(places), tuple(sorted(examples)))


def _shown(ref: ImageRef, size: Size, place: int) -> str:
    """Describe a box as it was written, and the picture it is in."""
    ymin, xmin, ymax, xmax = ref.boxes[place]
    numbers = numbers_of(ref.box_format.form, xmin, ymin, xmax, ymax)
    got = ", ".join(f"{number:.6g}" for number in numbers)
    return f"{ref.name}, {size[0]} x {size[1]} pixels: got {got}, read as {ref.box_format}"
