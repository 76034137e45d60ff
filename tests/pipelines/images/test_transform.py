"""A bucket of images into a segment; `test_source_images` runs all of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import tensorflow as tf
from helpers.image_graph import rows_of, write_graph
from helpers.small_images import CLASSES, PETS, TILED, classify, detect, encoded, picture, value

from recordmill.pipelines import Images
from recordmill.pipelines.images.transform import TransformImageRows
from recordmill.pipelines.runtime.elements import Bucket
from recordmill.pipelines.tfrecord.framing import read_frames
from recordmill.schemas import DataError, ImageSchema
from recordmill.schemas.manifest import Expansion

pytestmark = pytest.mark.slow

LABELLED, BOXES = (ImageSchema(kind, CLASSES) for kind in ("classification", "detection"))


def transform(
    folder: Path, split: str, batches: list[pa.RecordBatch], schema: ImageSchema, images: Images
) -> tuple[list[tf.train.Example], dict[str, Any]]:
    """The records of a bucket, and what was tagged."""
    function = detect if schema is BOXES else classify
    graph = write_graph(folder / "graph", function, schema)
    work = TransformImageRows(schema, images, 7, str(folder / "segments"), False)
    work.setup()
    segment, *tagged = work(Bucket(split, 3, lambda: iter(batches)), graph)
    assert (segment.split, segment.index) == (split, 3)
    with open(segment.path, "rb") as file:
        frames = [*read_frames(file, path=segment.path)]
    records = [tf.train.Example.FromString(record) for record in frames]
    assert len(records) == segment.records
    return records, {one.tag: one.value for one in tagged}


def test_a_record_an_image_in_the_order_of_the_rows(tmp_path: Path) -> None:
    files = [(encoded(picture(seed), "PNG"), {"label": CLASSES[seed % 2]}) for seed in range(3)]
    batches = [rows_of(LABELLED, files[:2]), rows_of(LABELLED, files[2:])]
    assert PETS.images is not None
    records, tagged = transform(tmp_path, "eval", batches, LABELLED, PETS.images)
    assert [value(record, "image/filename") for record in records] == [
        [b"0.png"],
        [b"1.png"],
        [b"0.png"],
    ]
    names = [value(record, "image/class/text") for record in records]
    assert names == [[b"cat"], [b"dog"], [b"cat"]]
    assert tagged["expansion"] == ("eval", Expansion(3, 3))
    split, counts = tagged["counts"]
    assert (split, counts.images) == ("eval", 3)


@pytest.mark.parametrize(("split", "copies"), [("eval", 0), ("train", 2)])
def test_tiles_stand_in_an_order_of_their_own_and_only_train_has_copies(
    split: str, copies: int, tmp_path: Path
) -> None:
    box = {"boxes": ((4.0, 4.0, 20.0, 20.0),), "classes": ("cat",)}
    files = [(encoded(picture(seed, (80, 60)), "PNG"), box) for seed in range(4)]
    assert TILED.images is not None
    images = replace(TILED.images, empty_tiles=1.0)
    records, tagged = transform(tmp_path, split, [rows_of(BOXES, files)], BOXES, images)
    name, expansion = tagged["expansion"]
    assert (name, expansion.written) == (split, 4)
    assert expansion.copies == copies * expansion.pieces
    assert len(records) == expansion.pieces * (1 + copies)
    names = [value(record, "image/filename")[0] for record in records]
    assert names != sorted(names)


def test_an_empty_bucket(tmp_path: Path) -> None:
    assert PETS.images is not None
    records, tagged = transform(tmp_path, "train", [], LABELLED, PETS.images)
    assert records == []
    assert tagged["expansion"] == ("train", Expansion())


def test_an_operation_that_fails_names_the_split(tmp_path: Path) -> None:
    rows = rows_of(LABELLED, [(encoded(picture(1), "PNG"), {"label": "cat"})])
    columns = dict(zip(rows.schema.names, rows.columns, strict=True))
    columns["image"] = pa.array([b"no image"], columns["image"].type)
    broken = pa.RecordBatch.from_arrays([*columns.values()], schema=rows.schema)
    assert PETS.images is not None
    with pytest.raises(DataError, match=r"^train: "):
        transform(tmp_path, "train", [broken], LABELLED, PETS.images)
