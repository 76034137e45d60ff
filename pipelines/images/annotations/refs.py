"""Images of an input, before their bytes are read: `ImageRef` and `Listing`."""

from __future__ import annotations

from dataclasses import dataclass

from ....schemas.manifest import SourceFile
from ...runtime.elements import Reject
from .box_format import XYXY, BoxFormat

__all__ = ["Box", "ImageRef", "Listing"]

Box = tuple[float, float, float, float]
"""(ymin, xmin, ymax, xmax), in the units of its annotation."""


@dataclass(frozen=True, slots=True)
class ImageRef:
    """Image to read.

    Attributes:
      path: Path to open.
      name: Path relative to the root, with forward slashes: the name of the image in its record.
      size_bytes: Size of the file as stored.
      split: Split that the image is read for; None where content decides.
      label: Class, stripped; "" where the field is empty, None where the source has no classes.
      boxes: Boxes as the annotation states them, in the units of `box_format`, of the image as its
        author saw it. They may extend beyond the image, but each has a height and a width above 0.
      classes: Class of each box.
      stated_size: (width, height) in the annotation; None where it states none.
      group: Name of the group, whose images stay in one split; "" for no group.
      values: Texts of the recipe's further columns, in order, unstripped.
      source: Path of the file that names the image: its annotation, or the image itself.
      line: Line in `source`, from 1; 1 where all of the source names the image.
      box_format: Convention of the boxes.
    """

    path: str
    name: str
    size_bytes: int
    split: str | None
    label: str | None = None
    boxes: tuple[Box, ...] = ()
    classes: tuple[str, ...] = ()
    stated_size: tuple[int, int] | None = None
    group: str = ""
    values: tuple[str, ...] = ()
    source: str = ""
    line: int = 1
    box_format: BoxFormat = XYXY


@dataclass(frozen=True)
class Listing:
    """Images of one input.

    The number of records read is `len(images) + len(rejects)`.

    Attributes:
      input_index: Index of the input among all inputs, from 0.
      images: Images to read, sorted by name.
      rejects: Annotations that name no image to read, in a fixed order.
      unannotated: Number of image files, by extension, that no annotation names, in the folders of
        annotated images.
      crowd: Number of boxes left out because each is around a crowd (COCO's `iscrowd`).
      source: Entry of the input for the manifest. Its path is the input's pattern; its bytes are
        those of the annotation files, or of the images in a folder; its sha256 is that of the
        annotation file, or `tree_sha256` of the digests of several, or, for a folder, of the names
        and sizes of its images.
    """

    input_index: int
    images: tuple[ImageRef, ...]
    rejects: tuple[Reject, ...]
    unannotated: int
    crowd: int
    source: SourceFile
