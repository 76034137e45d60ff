"""`ImageCounts`: the images of a split and what is in them, counted in the rows written."""

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
"""The columns of how many boxes of an image are clipped, and tiny."""


def with_marks(rows: pa.RecordBatch, marks: Sequence[BoxMarks]) -> pa.RecordBatch:
    """Return rows with two more columns, from which `ImageCounts` counts doubtful boxes.

    Args:
      rows: A row an image.
      marks: Of the boxes of each.
    """
    columns = dict(zip(rows.schema.names, rows.columns, strict=True))
    columns[_CLIPPED] = pa.array([int(image.clipped.sum()) for image in marks], pa.int64())
    columns[_TINY] = pa.array([int(image.tiny.sum()) for image in marks], pa.int64())
    return pa.RecordBatch.from_pydict(columns)


@dataclass(frozen=True)
class ImageCounts:
    """Images and what is in them; adds up in any order.

    Attributes:
      images: The images.
      without_boxes: Those without a box.
      boxes: Their boxes.
      clipped: The boxes that reached out of their picture by more than a pixel.
      tiny: The boxes of which less than 1.5 pixels of a side are left.
      classes: By class, the boxes, or the images where an image has a label.
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
        """Count some rows.

        Args:
          rows: A row an image, as `with_marks` gives them where they have boxes.
          schema: What they have.
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
        """Return the counts for the manifest; every class of the schema is there, in its order."""
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
    return Counter({one["values"]: one["counts"] for one in pc.value_counts(texts).to_pylist()})
