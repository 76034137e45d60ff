"""Which images there are and what is known of each before its bytes are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ....schemas.errors import RecipeError
from ....schemas.manifest import SourceFile
from ...runtime.elements import Reject
from .box_format import XYXY, BoxForm, BoxFormat, BoxUnits

__all__ = ["Box", "FrameChoice", "ImageFormat", "ImageRef", "Listing"]

Box = tuple[float, float, float, float]
"""(ymin, xmin, ymax, xmax), in the units in which an annotation states it."""

FrameChoice = Literal["auto", "upright", "stored"]


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


@dataclass(frozen=True, kw_only=True)
class ImageFormat:
    """How annotations name images and what belongs to them.

    Attributes:
      root: The folder that the paths in annotations are relative to, and that they may not
        leave; "" for the folder of the annotation file, which a relative root starts from: in
        "../images" it is the folder beside.
      path_column: The column of a CSV with the path of the image. A CSV with boxes calls it
        "filename", whatever stands here.
      label_column: The column of a CSV manifest with the class; "" for none.
      group_column: The column of a CSV with the group; "" for none.
      further: The names of further columns of a CSV to carry along.
      box: The four numbers of a box: "xyxy" (xmin, ymin, xmax, ymax), "xywh" (xmin, ymin, width,
        height) or "cxcywh" (x and y of the centre, width, height). By default xywh in COCO, and
        xyxy in VOC and CSV, whose numbers stand under the names xmin, ymin, xmax and ymax.
      units: What these numbers count in: "pixels", or "relative" to the width and the height of
        the image, from 0 to 1.
      frame: The picture that boxes are of where EXIF turns a photo: "upright", as viewers show it,
        or "stored", as its file has it. With "auto" the photos of the dataset whose annotation
        shows it decide for all.

    Raises:
      RecipeError: `path_column` is empty, or `box`, `units` or `frame` is none of these.
    """

    root: str = ""
    path_column: str = "path"
    label_column: str = "label"
    group_column: str = ""
    further: tuple[str, ...] = ()
    box: BoxForm | None = None
    units: BoxUnits = "pixels"
    frame: FrameChoice = "auto"

    def __post_init__(self) -> None:
        if not self.path_column:
            raise RecipeError("path_column: expected the name of a column, got an empty one")
        for name, value, known in (
            ("box", self.box, (None, *get_args(BoxForm))),
            ("units", self.units, get_args(BoxUnits)),
            ("frame", self.frame, get_args(FrameChoice)),
        ):
            if value not in known:
                choices = ", ".join(filter(None, known))
                raise RecipeError(f'{name}: expected {choices}, got "{value}"')

    def boxes_of(self, usual: BoxFormat) -> BoxFormat:
        """Return the convention of boxes, given the usual one of a kind of files."""
        return BoxFormat(self.box or usual.form, self.units)


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
