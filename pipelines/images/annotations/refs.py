"""Which images there are and what is known of each before its bytes are read."""

from __future__ import annotations

from dataclasses import dataclass

from ....schemas.manifest import SourceFile
from ...runtime.elements import Reject
from .box_format import XYXY, BoxFormat

__all__ = ["Box", "ImageRef", "Listing"]

Box = tuple[float, float, float, float]
"""(ymin, xmin, ymax, xmax), in the units in which an annotation states it."""


@dataclass(frozen=True, slots=True)
class ImageRef:
    """An image to read.

    Attributes:
      path: What to open.
      name: The path relative to the root, with forward slashes; what the record calls the image.
      size_bytes: The file's size as stored.
      split: The split it is read for; None where content decides.
      label: Its class, stripped; "" where the field is empty, None where the source has none.
      boxes: In the units of `box_format`, of the image as the annotation's author saw it, as they
        stand: they may reach out of the image, but each has a height and a width above 0.
      classes: The class of each box.
      stated_size: (width, height) as the annotation says; None where it does not.
      group: Images of one group stay in one split; "" for no group.
      values: The texts of the recipe's further columns, in their order, unstripped.
      source: The file that names the image: its annotation, or the image itself.
      line: Where in `source`, from 1; 1 where the source is a whole file.
      box_format: How the annotation writes boxes.
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
    """The images that one input names.

    The records read are `len(images) + len(rejects)`.

    Attributes:
      input_index: The input's place among the inputs, from 0.
      images: Sorted by name.
      rejects: Annotations that name no image to read, always in the same order.
      unannotated: The image files, by their extension, that no annotation names, in the folders
        where annotated images should be.
      crowd: The boxes left out because each is around a crowd (COCO's `iscrowd`).
      source: The input for the manifest. Its path is the input's pattern; its bytes are those of
        the annotation files, or of the images in a folder; its sha256 is that of the annotation
        file, or `tree_sha256` of the digests of several, or, for a folder, of the names and
        sizes of its images.
    """

    input_index: int
    images: tuple[ImageRef, ...]
    rejects: tuple[Reject, ...]
    unannotated: int
    crowd: int
    source: SourceFile
