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
    """Conventions of annotations: paths of images, columns and boxes.

    Attributes:
      root: Folder that contains the images: paths in annotations are relative to it and may not
        leave it. "" for the folder of the annotation file; a relative root starts there too, so
        "../images" is the folder beside it.
      path_column: Column of a CSV with the path of the image. In a CSV with boxes it is always
        "filename".
      label_column: Column of a CSV manifest with the class; "" for none.
      group_column: Column of a CSV with the group; "" for none.
      further: Names of further columns of a CSV to read.
      box: Form of a box: "xyxy" (xmin, ymin, xmax, ymax), "xywh" (xmin, ymin, width, height) or
        "cxcywh" (x and y of the centre, width, height). By default xywh in COCO, and xyxy in VOC
        and CSV, whose numbers have the names xmin, ymin, xmax and ymax.
      units: Unit of a box: "pixels", or "relative" to the width and the height of the image, from
        0 to 1.
      frame: Orientation to which boxes refer if EXIF turns a photo: "upright", as viewers show it,
        or "stored", as in its file. With "auto" the photos whose annotations reveal it decide for
        the whole dataset.

    Raises:
      RecipeError: `path_column` is empty, or `box`, `units` or `frame` has another value.
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
            raise RecipeError(
                "expected the name of a column, got an empty one", field="path_column"
            )
        for name, value, choices in (
            ("box", self.box, (None, *get_args(BoxForm))),
            ("units", self.units, get_args(BoxUnits)),
            ("frame", self.frame, get_args(FrameChoice)),
        ):
            if value not in choices:
                expected = ", ".join(filter(None, choices))
                raise RecipeError(f'expected {expected}, got "{value}"', field=name)
