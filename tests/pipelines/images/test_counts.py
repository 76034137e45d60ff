"""The images of a split and what is in them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from recordmill.pipelines.images.boxes.marks import BoxMarks
from recordmill.pipelines.images.counts import ImageCounts, with_marks
from recordmill.schemas.images import ImageSchema

DETECTION = ImageSchema("detection", ("cat", "dog", "cow"))
LABELLED = ImageSchema("classification", ("cat", "dog"))
BOX = [0.0, 0.0, 1.0, 1.0]


def marks(*clipped: bool, tiny: int = 0) -> BoxMarks:
    small = np.arange(len(clipped)) < tiny
    return BoxMarks((9, 9), np.array(clipped, np.bool_), small, ())


@pytest.fixture
def boxes() -> pa.RecordBatch:
    """Three images with two boxes, none and one."""
    rows = pa.RecordBatch.from_pydict(
        {
            "boxes": pa.array([[BOX, BOX], [], [BOX]], pa.list_(pa.list_(pa.float32(), 4))),
            "box_labels": pa.array([["dog", "cat"], [], ["dog"]], pa.list_(pa.string())),
        }
    )
    return with_marks(rows, [marks(True, True, tiny=1), marks(), marks(False, tiny=1)])


COUNTS = ImageCounts(3, 1, 3, 2, 2, Counter(dog=2, cat=1))


def test_boxes_are_counted(boxes: pa.RecordBatch) -> None:
    assert ImageCounts.of(boxes, DETECTION) == COUNTS
    assert ImageCounts.of(boxes.slice(1, 1), DETECTION) == ImageCounts(1, 1)
    assert ImageCounts.of(boxes.slice(0, 0), DETECTION) == ImageCounts()


@pytest.mark.parametrize("encoded", [True, False])
def test_labels_are_counted(encoded: bool) -> None:
    labels = pa.array(["dog", "dog", "cat"])
    rows = pa.RecordBatch.from_pydict({"label": labels.dictionary_encode() if encoded else labels})
    assert ImageCounts.of(rows, LABELLED) == ImageCounts(3, classes=Counter(dog=2, cat=1))


def test_they_add_up(boxes: pa.RecordBatch) -> None:
    parts = [ImageCounts.of(boxes.slice(index, 1), DETECTION) for index in range(3)]
    assert sum(parts, ImageCounts()) == sum(reversed(parts), ImageCounts()) == COUNTS


def test_the_manifest_has_every_class_in_the_order_of_the_recipe() -> None:
    counts = COUNTS.as_json(DETECTION)
    assert counts == {
        "images": 3,
        "without_boxes": 1,
        "boxes": 3,
        "clipped": 2,
        "tiny": 2,
        "classes": {"cat": 1, "dog": 2, "cow": 0},
    }
    assert list(counts["classes"]) == ["cat", "dog", "cow"]
    assert ImageCounts(3, classes=Counter(dog=3)).as_json(LABELLED) == {
        "images": 3,
        "classes": {"cat": 0, "dog": 3},
    }
