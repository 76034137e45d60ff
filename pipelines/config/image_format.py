"""`ImageFormat`: the conventions of image annotations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ...schemas.errors import RecipeError

__all__ = ["FrameChoice", "ImageFormat", "BoxForm", "BoxUnits"]


BoxForm = Literal["xywh", "xyxy", "cxcywh"]


BoxUnits = Literal["pixels", "relative"]


FrameChoice = Literal["auto", "upright", "stored"]


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
