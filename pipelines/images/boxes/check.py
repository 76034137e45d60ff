"""Fails a run whose boxes look as if written in another convention, or that has none.

Two checks: of the annotations, before any image is read, whether a split can have a box at all; and
of the images that were read, whether they have, and how many of their boxes are doubtful.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ....schemas.errors import DataError
from ...config.images import Images
from ...config.input import Input
from ..annotations.box_format import BOX_FORMATS, BoxFormat
from ..annotations.csv import BOX_COLUMNS
from ..annotations.nearby import NearbyAnnotations, nearby_annotations
from ..annotations.refs import Listing
from .marks import BoxEvidence, Doubt

__all__ = ["ListedBoxes", "check_boxes", "check_listed", "check_some_boxes"]

_FITTING = 0.95
"""The share of the boxes of a split that another convention has to fit, to be named."""


@dataclass(frozen=True)
class ListedBoxes:
    """How many boxes the annotations of one input state.

    Attributes:
      input: The input.
      images: How many images it names.
      boxes: How many boxes they have.
      pictures_only: Whether the input names pictures and no annotations.
    """

    input: Input
    images: int
    boxes: int
    pictures_only: bool

    @classmethod
    def of(cls, source: Input, listing: Listing) -> ListedBoxes:
        """Count the boxes of a listing."""
        images = listing.images
        boxes = sum(len(image.boxes) for image in images)
        only = all(image.source == image.path for image in images)
        return cls(source, len(images), boxes, only)


_PLAIN = re.compile(r"[\w./-]+")
"""Text that needs no quotes in YAML."""


def check_listed(listed: Iterable[ListedBoxes], *, images: Images) -> None:
    """Check that each split can have a box, before any image is read.

    Args:
      listed: Of all inputs.
      images: How they are read; `allow_no_boxes` allows all.

    Raises:
      DataError: A split has images, and no annotation states a box for one; the message names
        annotations of them that lie near.
    """
    if images.allow_no_boxes:
        return
    by_split: dict[str | None, list[ListedBoxes]] = {}
    for entry in sorted(listed, key=lambda entry: (entry.input.split or "", entry.input.pattern)):
        by_split.setdefault(entry.input.split, []).append(entry)
    problems = [
        _no_boxes_listed(split, entries, images)
        for split, entries in by_split.items()
        if any(entry.images for entry in entries) and not any(entry.boxes for entry in entries)
    ]
    if problems:
        raise DataError("\n".join([*problems, _ALLOW]))


_ALLOW = (
    "If images without any box are meant, set images: {allow_no_boxes: true}. "
    "Nothing was published."
)


def _no_boxes_listed(split: str | None, entries: list[ListedBoxes], images: Images) -> str:
    named = f"{split}: " if split else ""
    count = sum(entry.images for entry in entries)
    patterns = ", ".join(f'"{entry.input.pattern}"' for entry in entries)
    alone = any(entry.pictures_only for entry in entries)
    problem = (
        f"{named}none of the {count:,} {'files' if alone else 'images'} of {patterns} has a box, "
        "and the recipe is for detection: expected annotations with boxes"
        f"{', got pictures alone' if alone else ''}."
    )
    near = [
        f"  --input {shlex.quote(f'{split}={found.pattern}' if split else found.pattern)}"
        f"{_root(found, images)}  ({found.format_name})"
        for entry in entries
        for found in nearby_annotations(entry.input.pattern)
    ]
    if near:
        return "\n".join([f"{problem} Annotations of these images lie beside them; give", *near])
    return (
        f"{problem} Give Pascal VOC (*.xml), COCO (*.json) or a CSV with the columns "
        f"{','.join(BOX_COLUMNS)} as the input instead."
    )


def _root(found: NearbyAnnotations, images: Images) -> str:
    """Names the root to set with an input; "" where it is the recipe's already."""
    if found.root == images.format.root or (found.root == "." and not images.format.root):
        return ""
    root = found.root if _PLAIN.fullmatch(found.root) else json.dumps(found.root)
    return f" and set images: {{format: {{root: {root}}}}}"


def check_some_boxes(counts: Mapping[str, tuple[int, int]], *, images: Images) -> None:
    """Check that each split has a box.

    Args:
      counts: By split, how many images and how many boxes there are.
      images: How they are read; `allow_no_boxes` allows all.

    Raises:
      DataError: A split has images, and none of them has a box.
    """
    for split, (pictures, boxes) in sorted(counts.items()):
        if pictures and not boxes and not images.allow_no_boxes:
            raise DataError(
                f"{split}: none of its {pictures:,} images has a box: expected boxes, since the "
                f"recipe is for detection. Give this split images with boxes, or another share or "
                f"seed where content decides. {_ALLOW}"
            )


def check_boxes(evidence: Mapping[str, BoxEvidence], *, images: Images) -> None:
    """Check that each split has boxes, and that few of them are doubtful.

    Args:
      evidence: By split, what is known of the boxes of the images that were read and kept.
      images: The limits.

    Raises:
      DataError: A split has images but no box, or too many of its boxes are clipped or tiny; the
        message names the convention that fits them, and the first ones.
    """
    counts = {split: (one.images, one.boxes) for split, one in evidence.items()}
    check_some_boxes(counts, images=images)
    problems = [
        problem
        for split, found in sorted(evidence.items())
        for problem in _doubtful(split, found, images)
    ]
    if problems:
        raise DataError("\n".join([*problems, "Nothing was published."]))


def _doubtful(split: str, evidence: BoxEvidence, images: Images) -> Iterator[str]:
    """Yield the lines of the message on a split; none where its boxes are good."""
    kinds = (
        (evidence.clipped, "reach out of their picture by more than a pixel", "max_clipped_ratio"),
        (evidence.tiny, "have a side of less than 1.5 pixels in their picture", "max_tiny_ratio"),
    )
    wrong = [
        (doubt, what, key)
        for doubt, what, key in kinds
        if doubt.count > getattr(images, key) * evidence.boxes
    ]
    for doubt, what, key in wrong:
        yield (
            f"{split}: {doubt.count:,} of {evidence.boxes:,} boxes {what} "
            f"({doubt.count / evidence.boxes:.2%}; {key} is {getattr(images, key):.2%})"
        )
    if wrong:
        yield _reason(evidence, images, " or ".join(key for _, _, key in wrong))
        yield from _first_ones([doubt for doubt, _, _ in wrong])


def _reason(evidence: BoxEvidence, images: Images, keys: str) -> str:
    """Names the convention that fits the boxes, and what to set."""
    most = max(evidence.fitting)
    fits = [
        box_format
        for box_format, count in zip(BOX_FORMATS, evidence.fitting, strict=True)
        if count == most
    ]
    as_read = evidence.boxes - max(evidence.clipped.count, evidence.tiny.count)
    if most < _FITTING * evidence.boxes or most <= as_read:
        return (
            "No other convention fits them (xyxy, xywh or cxcywh, in pixels or relative): correct "
            f"the annotations, or raise {keys} of images if this is meant. The first ones:"
        )
    looks = " or ".join(map(str, fits))
    settings = " or ".join(_setting(box_format, images) for box_format in fits)
    return (
        f"The boxes look as if written {looks}: read so, {most:,} of {evidence.boxes:,} are good. "
        f"Set images: {settings}; or raise {keys} of images if the boxes are meant as they are. "
        "The first ones:"
    )


def _setting(box_format: BoxFormat, images: Images) -> str:
    """Write the setting of a convention; with the units where they are not the recipe's."""
    other = box_format.units != images.format.units
    units = f", units: {box_format.units}" if other else ""
    return f"{{format: {{box: {box_format.form}{units}}}}}"


def _first_ones(doubts: Iterable[Doubt]) -> Iterator[str]:
    examples = sorted({example for doubt in doubts for example in doubt.examples})
    for file, line, shown in examples[:3]:
        yield f"  {file}:{line}: {shown}"
