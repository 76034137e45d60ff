"""`ImageCounts`: counts of images, boxes and classes in the rows written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.images import BOX_LABELS, BOXES, LABEL, ImageSchema
from .boxes.marks import BoxMarks

__all__ = ["ImageCounts", "with_marks"]

_CLIPPED, _TINY = "__clipped", "__tiny"
"""Columns with the number of clipped and of tiny boxes of an image."""


def with_marks(rows: pa.RecordBatch, marks: Sequence[BoxMarks]) -> pa.RecordBatch:
    """Return rows with two more columns, from which `ImageCounts` counts doubtful boxes.

    Args:
      rows: One row an image.
      marks: Marks of the boxes of each image.
    """
    columns = dict(zip(rows.schema.names, rows.columns, strict=True))
    columns[_CLIPPED] = pa.array([int(image.clipped.sum()) for image in marks], pa.int64())
    columns[_TINY] = pa.array([int(image.tiny.sum()) for image in marks], pa.int64())
    return pa.RecordBatch.from_pydict(columns)


@dataclass(frozen=True)
class ImageCounts:
    """Counts of images, boxes and classes; adds up in any order.

    Attributes:
      images: Number of images.
      without_boxes: Number of images without a box.
      boxes: Number of boxes.
      clipped: Number of boxes that extended beyond their picture by more than a pixel.
      tiny: Number of boxes with less than 1.5 pixels of a side left.
      classes: Number of boxes of each class, or of images where an image has a label.
    """

    images: int = 0
    without_boxes: int = 0
    boxes: int = 0
    clipped: int = 0
    tiny: int = 0
    classes: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: ImageCounts) -> ImageCounts:
        return ImageCounts(
            self.images + other.images,
            self.without_boxes + other.without_boxes,
            self.boxes + other.boxes,
            self.clipped + other.clipped,
            self.tiny + other.tiny,
            self.classes + other.classes,
        )

    @classmethod
    def of(cls, rows: pa.RecordBatch, schema: ImageSchema) -> ImageCounts:
        """Count rows.

        Args:
          rows: One row an image; where images have boxes, with the columns of `with_marks`.
          schema: Schema of the images.
        """
        if schema.kind == "classification":
            return cls(rows.num_rows, classes=_values(rows.column(LABEL)))
        boxes = pc.list_value_length(rows.column(BOXES))
        return cls(
            images=rows.num_rows,
            without_boxes=_sum(pc.equal(boxes, 0)),
            boxes=_sum(boxes),
            clipped=_sum(rows.column(_CLIPPED)),
            tiny=_sum(rows.column(_TINY)),
            classes=_values(rows.column(BOX_LABELS).flatten()),
        )

    def as_json(self, schema: ImageSchema) -> dict[str, Any]:
        """Return the counts for the manifest, with every class of the schema, in its order."""
        classes = {name: self.classes[name] for name in schema.classes}
        if schema.kind == "classification":
            return {"images": self.images, "classes": classes}
        names = ("images", "without_boxes", "boxes", "clipped", "tiny")
        return {name: getattr(self, name) for name in names} | {"classes": classes}


def _sum(numbers: pa.Array) -> int:
    return int(pc.sum(numbers).as_py() or 0)


def _values(texts: pa.Array) -> Counter[str]:
    if pa.types.is_dictionary(texts.type):
        texts = texts.dictionary_decode()
    pairs = pc.value_counts(texts).to_pylist()
    return Counter({pair["values"]: pair["counts"] for pair in pairs})
