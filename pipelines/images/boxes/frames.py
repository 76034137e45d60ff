"""Decides whether boxes are of upright pictures, or of pictures as their files store them.

EXIF turns a picture when it is shown. Some tools annotate what is shown and some what is stored,
and no format of annotations says which. One tool made all of a dataset, so what some photos show
holds for all:

    its size      the annotation states the size of the picture, and a quarter turn changes it
    its boxes     all are inside the picture one way, and not the other

Neither shows in a photo that is mirrored or turned by half, nor in a square one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Literal, TypeAlias

import numpy as np

from ....schemas.errors import DataError
from ....transforms._ops.orientation import upright_boxes
from ..annotations.refs import ImageRef
from .marks import relative_boxes

__all__ = ["BoxFrame", "Clue", "FrameEvidence", "decide_frame", "evidence_of", "stored_size"]

_SHOWN = 3
_SLACK = 1.0
"""Pixels that a box may reach out of its picture: some tools count them from 1."""

_CHOICE = (
    "images.format.frame in the recipe: upright, as a viewer shows a photo, or stored, as its file "
    "has it"
)

Size: TypeAlias = tuple[int, int]
"""(width, height) in pixels."""


@dataclass(frozen=True)
class Clue:
    """Counts the photos that show one thing, and names the first.

    Attributes:
      count: How many they are.
      first: Up to 3 of them, as (annotation file, line, words for a message), in order.
    """

    count: int = 0
    first: tuple[tuple[str, int, str], ...] = ()

    def __add__(self, other: Clue) -> Clue:
        first = sorted({*self.first, *other.first})[:_SHOWN]
        return Clue(self.count + other.count, tuple(first))

    def __str__(self) -> str:
        shown = "; ".join(f"{source}:{line}: {words}" for source, line, words in self.first)
        return shown + (f"; and {self.count - _SHOWN:,} more" if self.count > _SHOWN else "")


@dataclass(frozen=True)
class FrameEvidence:
    """Counts what photos show of the frame of their boxes; adds up in any order.

    Attributes:
      turned: How many photos have boxes and are turned by EXIF.
      upright: Those of them whose boxes are of the upright picture.
      stored: Those whose boxes are of the stored one.
      unknown: Those whose boxes can be of either, and become other boxes.
    """

    turned: int = 0
    upright: Clue = field(default_factory=Clue)
    stored: Clue = field(default_factory=Clue)
    unknown: Clue = field(default_factory=Clue)

    def __add__(self, other: FrameEvidence) -> FrameEvidence:
        return FrameEvidence(
            self.turned + other.turned,
            self.upright + other.upright,
            self.stored + other.stored,
            self.unknown + other.unknown,
        )

    @classmethod
    def sum(cls, parts: Iterable[FrameEvidence]) -> FrameEvidence:
        """All of it together."""
        return reduce(add, parts, cls())

    def counts(self) -> dict[str, int]:
        """The numbers, for the manifest."""
        clues = {"upright": self.upright, "stored": self.stored, "unknown": self.unknown}
        return {"turned": self.turned} | {name: clue.count for name, clue in clues.items()}


@dataclass(frozen=True)
class BoxFrame:
    """The frame of all boxes of a dataset.

    Attributes:
      frame: Which.
      decided_by: "recipe", or "files", or "none" where no photo is turned for which it matters.
    """

    frame: Literal["upright", "stored"] = "stored"
    decided_by: Literal["recipe", "files", "none"] = "none"


def evidence_of(ref: ImageRef, size: Size, orientation: int) -> FrameEvidence:
    """Return what one photo shows.

    Args:
      ref: The photo, and its boxes.
      size: Of the upright picture.
      orientation: EXIF's, 1 to 8.
    """
    if orientation == 1 or not ref.boxes:
        return FrameEvidence()
    stored = stored_size(size, orientation)
    shown = {} if stored == size else _shown(ref, size, stored)
    if not shown and _matters(ref, size, orientation):
        shown = {"unknown": "its boxes fit either"}
    photo = f"{ref.name}, EXIF orientation {orientation}, stored as {_pixels(stored)} pixels"
    clues = {
        frame: Clue(1, ((ref.source, ref.line, f"{photo}: {words}"),))
        for frame, words in shown.items()
    }
    return FrameEvidence(1, **clues)


def stored_size(size: Size, orientation: int) -> Size:
    """Return the size of a picture as it is stored, given that of the upright one."""
    return size if orientation < 5 else size[::-1]


def decide_frame(evidence: FrameEvidence) -> BoxFrame:
    """Return the frame that photos show.

    Raises:
      DataError: They show both, or neither and it matters.
    """
    upright, stored, unknown = evidence.upright, evidence.stored, evidence.unknown
    if upright.count and stored.count:
        raise DataError(
            "expected the boxes of all photos that EXIF turns in one frame, got "
            f"{upright.count:,} in that of the upright picture and {stored.count:,} in that of the "
            f"stored one. Upright: {upright}. Stored: {stored}. Correct the annotations, or set "
            f"{_CHOICE}"
        )
    if upright.count or stored.count:
        return BoxFrame("upright" if upright.count else "stored", "files")
    if unknown.count:
        raise DataError(
            f"EXIF turns {_photos(unknown.count)} with boxes, and nothing tells whether the boxes "
            f"are of the upright or of the stored picture: {unknown}. Set {_CHOICE}"
        )
    return BoxFrame()


def _shown(ref: ImageRef, upright: Size, stored: Size) -> dict[str, str]:
    """Return the frames that a photo speaks for, and why; normally one or none."""
    shown = {}
    fits = {"upright": _fits(ref, upright), "stored": _fits(ref, stored)}
    for frame, other, size in (("upright", "stored", upright), ("stored", "upright", stored)):
        if ref.stated_size == size:
            shown[frame] = f"its annotation states {_pixels(size)}"
        elif fits[frame] and not fits[other]:
            shown[frame] = f"its boxes fit into {_pixels(size)} only"
    return shown


def _fits(ref: ImageRef, size: Size) -> bool:
    """Whether all boxes of a photo are inside a picture of that size."""
    width, height = size
    slack = np.array((_SLACK / height, _SLACK / width))
    boxes = relative_boxes(ref, size)
    return bool((boxes[:, :2] >= -slack).all() and (boxes[:, 2:] <= 1 + slack).all())


def _matters(ref: ImageRef, size: Size, orientation: int) -> bool:
    """Whether the boxes of a photo are other ones in the upright frame than in the stored one."""
    frames = (size, stored_size(size, orientation))
    upright, stored = (relative_boxes(ref, frame).astype(np.float32) for frame in frames)
    return not np.allclose(upright, upright_boxes(stored, orientation), atol=1e-6)


def _pixels(size: Size) -> str:
    return f"{size[0]} x {size[1]}"


def _photos(count: int) -> str:
    return f"{count:,} photo{'s' * (count != 1)}"
