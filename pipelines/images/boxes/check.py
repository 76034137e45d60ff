"""Checks that fail a run without boxes, or with boxes that look like another convention.

Before any image is read, the annotations are checked: each split must state a box. After all images
are read, each split must have a box, and only few of its boxes may be doubtful.
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
"""Smallest share of a split's boxes that another convention must fit to be proposed."""


@dataclass(frozen=True)
class ListedBoxes:
    """Counts of the images and boxes that one input names.

    Attributes:
      input: The input.
      images: Number of its images.
      boxes: Number of their boxes.
      pictures_only: Whether the input names pictures, not annotations.
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
        pictures_only = all(image.source == image.path for image in images)
        return cls(source, len(images), boxes, pictures_only)


_PLAIN = re.compile(r"[\w./-]+")
"""Pattern of text that needs no quotes in YAML."""


def check_listed(listed: Iterable[ListedBoxes], *, images: Images) -> None:
    """Check that the annotations state a box for each split, before any image is read.

    Args:
      listed: Counts of all inputs.
      images: Image settings of the recipe; `allow_no_boxes` switches the check off.

    Raises:
      DataError: A split has images, and no annotation states a box for any; the message names
        annotation files near the images.
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
    "If images without any box are intended, set images: {allow_no_boxes: true}. "
    "Nothing was published."
)


def _no_boxes_listed(split: str | None, entries: list[ListedBoxes], images: Images) -> str:
    prefix = f"{split}: " if split else ""
    count = sum(entry.images for entry in entries)
    patterns = ", ".join(f'"{entry.input.pattern}"' for entry in entries)
    pictures_only = any(entry.pictures_only for entry in entries)
    noun = "files" if pictures_only else "images"
    problem = (
        f"{prefix}none of the {count:,} {noun} of {patterns} has a box, "
        "and the recipe is for detection: expected annotations with boxes"
        f"{', got pictures only' if pictures_only else ''}."
    )
    near = [
        f"  --input {shlex.quote(f'{split}={match.pattern}' if split else match.pattern)}"
        f"{_root(match, images)}  ({match.format_name})"
        for entry in entries
        for match in nearby_annotations(entry.input.pattern)
    ]
    if near:
        return "\n".join([f"{problem} There are annotations of these images; give", *near])
    return (
        f"{problem} Give Pascal VOC (*.xml), COCO (*.json) or a CSV with the columns "
        f"{','.join(BOX_COLUMNS)} as the input instead."
    )


def _root(match: NearbyAnnotations, images: Images) -> str:
    """Return advice on the root to set with an input; "" where the recipe has it."""
    if match.root == images.format.root or (match.root == "." and not images.format.root):
        return ""
    root = match.root if _PLAIN.fullmatch(match.root) else json.dumps(match.root)
    return f" and set images: {{format: {{root: {root}}}}}"


def check_some_boxes(counts: Mapping[str, tuple[int, int]], *, images: Images) -> None:
    """Check that each split has a box.

    Args:
      counts: Number of images and number of boxes, by split.
      images: Image settings of the recipe; `allow_no_boxes` switches the check off.

    Raises:
      DataError: A split has images but no box.
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
      evidence: Evidence of the boxes of all images that became records, by split.
      images: Image settings of the recipe, with the limits.

    Raises:
      DataError: A split has images but no box, or too many of its boxes are clipped or tiny; the
        message names the convention that fits them, and the first of them.
    """
    counts = {split: (boxes.images, boxes.boxes) for split, boxes in evidence.items()}
    check_some_boxes(counts, images=images)
    problems = [
        problem
        for split, boxes in sorted(evidence.items())
        for problem in _doubtful(split, boxes, images)
    ]
    if problems:
        raise DataError("\n".join([*problems, "Nothing was published."]))


def _doubtful(split: str, evidence: BoxEvidence, images: Images) -> Iterator[str]:
    """Yield the lines of a split's message; none where its boxes are good."""
    kinds = (
        (evidence.clipped, "extend beyond their picture by more than a pixel", "max_clipped_ratio"),
        (evidence.tiny, "have a side of less than 1.5 pixels in their picture", "max_tiny_ratio"),
    )
    problems = [
        (doubt, problem, key)
        for doubt, problem, key in kinds
        if doubt.count > getattr(images, key) * evidence.boxes
    ]
    for doubt, problem, key in problems:
        yield (
            f"{split}: {doubt.count:,} of {evidence.boxes:,} boxes {problem} "
            f"({doubt.count / evidence.boxes:.2%}; {key} is {getattr(images, key):.2%})"
        )
    if problems:
        yield _reason(evidence, images, " or ".join(key for _, _, key in problems))
        yield from _examples([doubt for doubt, _, _ in problems])


def _reason(evidence: BoxEvidence, images: Images, keys: str) -> str:
    """Return the convention that fits the boxes, and the settings for it."""
    best = max(evidence.fitting)
    fits = [
        box_format
        for box_format, count in zip(BOX_FORMATS, evidence.fitting, strict=True)
        if count == best
    ]
    good = evidence.boxes - max(evidence.clipped.count, evidence.tiny.count)  # at most, as read
    if best < _FITTING * evidence.boxes or best <= good:
        return (
            "No other convention fits them (xyxy, xywh or cxcywh, in pixels or relative): correct "
            f"the annotations, or raise {keys} of images if they are intended. The first ones:"
        )
    names = " or ".join(map(str, fits))
    settings = " or ".join(_setting(box_format, images) for box_format in fits)
    return (
        f"The boxes look like {names}: read so, {best:,} of {evidence.boxes:,} are good. "
        f"Set images: {settings}; or raise {keys} of images if the boxes are right. "
        "The first ones:"
    )


def _setting(box_format: BoxFormat, images: Images) -> str:
    """Return the setting of a convention, with units that differ from the recipe's."""
    differs = box_format.units != images.format.units
    units = f", units: {box_format.units}" if differs else ""
    return f"{{format: {{box: {box_format.form}{units}}}}}"


def _examples(doubts: Iterable[Doubt]) -> Iterator[str]:
    examples = sorted({example for doubt in doubts for example in doubt.examples})
    for file, line, shown in examples[:3]:
        yield f"  {file}:{line}: {shown}"
