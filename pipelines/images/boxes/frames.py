"""Decide whether boxes refer to upright pictures, or to pictures as their files store them.

Viewers turn a picture as its EXIF orientation says. Some tools annotate the turned picture and some
the stored one, and no annotation format says which. One tool made all annotations of a dataset, so
the evidence of a few photos decides for all:

    its size      the annotation states the size of the picture, and a quarter turn changes it
    its boxes     all are inside the picture one way, and not the other

A photo that is mirrored, turned by half or square gives no evidence.
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
"""Pixels that a box may extend beyond its picture: some tools count them from 1."""

_CHOICE = (
    "images.format.frame in the recipe: upright, as a viewer shows a photo, or stored, as its file "
    "has it"
)

Size: TypeAlias = tuple[int, int]
"""(width, height) in pixels."""


@dataclass(frozen=True)
class Clue:
    """Count of the photos with the same evidence, and examples.

    Attributes:
      count: Number of photos.
      first: The first 3 of them, as (annotation file, line, words for a message), in order.
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
    """Evidence for the frame of boxes; adds up in any order.

    Attributes:
      turned: Number of photos with boxes that EXIF turns.
      upright: Those of them whose boxes refer to the upright picture.
      stored: Those whose boxes refer to the stored one.
      unknown: Those whose boxes may refer to either, which would be different boxes.
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
        """Add up evidence."""
        return reduce(add, parts, cls())

    def counts(self) -> dict[str, int]:
        """Return the counts for the manifest."""
        clues = {"upright": self.upright, "stored": self.stored, "unknown": self.unknown}
        return {"turned": self.turned} | {name: clue.count for name, clue in clues.items()}


@dataclass(frozen=True)
class BoxFrame:
    """Frame of all boxes of a dataset.

    Attributes:
      frame: "upright" or "stored".
      decided_by: "recipe" or "files", or "none" where the frame makes no difference.
    """

    frame: Literal["upright", "stored"] = "stored"
    decided_by: Literal["recipe", "files", "none"] = "none"


def evidence_of(ref: ImageRef, size: Size, orientation: int) -> FrameEvidence:
    """Return the evidence of one photo.

    Args:
      ref: Photo and its boxes.
      size: Size of the upright picture.
      orientation: EXIF orientation, 1 to 8.
    """
    if orientation == 1 or not ref.boxes:
        return FrameEvidence()
    stored = stored_size(size, orientation)
    reasons = {} if stored == size else _reasons(ref, size, stored)
    if not reasons and _matters(ref, size, orientation):
        reasons = {"unknown": "its boxes fit either"}
    photo = f"{ref.name}, EXIF orientation {orientation}, stored as {_pixels(stored)} pixels"
    clues = {
        frame: Clue(1, ((ref.source, ref.line, f"{photo}: {words}"),))
        for frame, words in reasons.items()
    }
    return FrameEvidence(1, **clues)


def stored_size(size: Size, orientation: int) -> Size:
    """Return the stored size of a picture, given its upright size and EXIF orientation."""
    return size if orientation < 5 else size[::-1]


def decide_frame(evidence: FrameEvidence) -> BoxFrame:
    """Return the frame that the evidence shows.

    Raises:
      DataError: The evidence is contradictory, or there is none and the frame makes a difference.
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
            f"EXIF turns {_photos(unknown.count)} with boxes, and nothing shows whether the boxes "
            f"are of the upright or of the stored picture: {unknown}. Set {_CHOICE}"
        )
    return BoxFrame()


def _reasons(ref: ImageRef, upright: Size, stored: Size) -> dict[str, str]:
    """Return the frames that a photo is evidence for, with reasons; normally one or none."""
    reasons = {}
    fits = {"upright": _fits(ref, upright), "stored": _fits(ref, stored)}
    for frame, other, size in (("upright", "stored", upright), ("stored", "upright", stored)):
        if ref.stated_size == size:
            reasons[frame] = f"its annotation states {_pixels(size)}"
        elif fits[frame] and not fits[other]:
            reasons[frame] = f"its boxes fit into {_pixels(size)} only"
    return reasons


def _fits(ref: ImageRef, size: Size) -> bool:
    """Return whether all boxes of a photo are inside a picture of a size, up to a pixel."""
    width, height = size
    slack = np.array((_SLACK / height, _SLACK / width))
    boxes = relative_boxes(ref, size)
    return bool((boxes[:, :2] >= -slack).all() and (boxes[:, 2:] <= 1 + slack).all())


def _matters(ref: ImageRef, size: Size, orientation: int) -> bool:
    """Return whether the frame makes a difference: boxes of either would be different ones."""
    frames = (size, stored_size(size, orientation))
    upright, stored = (relative_boxes(ref, frame).astype(np.float32) for frame in frames)
    return not np.allclose(upright, upright_boxes(stored, orientation), atol=1e-6)


def _pixels(size: Size) -> str:
    return f"{size[0]} x {size[1]}"


def _photos(count: int) -> str:
    return f"{count:,} photo{'s' * (count != 1)}"
