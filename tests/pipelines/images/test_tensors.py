"""Rows of images as the tensors of a preprocessing_fn."""

from __future__ import annotations

import pickle
from typing import Any

import pyarrow as pa
import pytest
import tensorflow as tf

from recordmill.pipelines.images.tensors import ImageTensorAdapter
from recordmill.schemas import Column
from recordmill.schemas.images import ImageSchema

CLASSES = ("cat", "dog")
PETS = ImageSchema("classification", CLASSES)
WEIGHED = ImageSchema("classification", CLASSES, (Column("weight", "float32"),))
BOXED = ImageSchema("detection", CLASSES)
PLACED = ImageSchema("detection", CLASSES, (Column("place", "string"),))


def rows(schema: ImageSchema, **columns: list[Any]) -> pa.RecordBatch:
    """Rows with these columns, and nothing in the others."""
    count = len(columns["image"])
    arrays = []
    for field in schema.arrow_schema():
        values = columns.get(field.name, [None] * count)
        if pa.types.is_dictionary(field.type):
            arrays.append(pa.array(values, pa.string()).dictionary_encode())
        else:
            arrays.append(pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema.arrow_schema())


THREE = rows(
    BOXED,
    image=[b"a", b"b", b"\xff\x00"],
    boxes=[[], [[0, 0.25, 0.5, 1], [0, 0, 1, 1]], [[0.5, 0.5, 0.75, 0.75]]],
    box_labels=[[], ["dog", "cat"], ["cat"]],
)


def test_images_and_labels() -> None:
    tensors = ImageTensorAdapter(PETS)(rows(PETS, image=[b"a", b"\xff\x00"], label=["dog", "cat"]))
    assert sorted(tensors) == ["image", "label"]
    assert tensors["image"].numpy().tolist() == [b"a", b"\xff\x00"]
    assert tensors["label"].numpy().tolist() == [b"dog", b"cat"]


def test_further_columns_have_the_missing_value_where_there_is_none() -> None:
    batch = rows(WEIGHED, image=[b"a", b"b"], label=["dog", "cat"], weight=[0.5, None])
    weights = ImageTensorAdapter(WEIGHED)(batch)["weight"]
    assert weights.dtype == tf.float32
    assert [str(weight) for weight in weights.numpy()] == ["0.5", "nan"]
    batch = rows(PLACED, image=[b"a"], place=["sea"], boxes=[[]], box_labels=[[]])
    assert ImageTensorAdapter(PLACED)(batch)["place"].numpy().tolist() == [b"sea"]


def test_boxes_are_ragged() -> None:
    tensors = ImageTensorAdapter(BOXED)(THREE)
    assert sorted(tensors) == ["box_labels", "boxes", "image"]
    assert tensors["boxes"].to_list() == [
        [],
        [[0, 0.25, 0.5, 1], [0, 0, 1, 1]],
        [[0.5, 0.5, 0.75, 0.75]],
    ]
    assert tensors["boxes"].dtype == tf.float32
    assert tensors["box_labels"].to_list() == [[], [b"dog", b"cat"], [b"cat"]]


@pytest.mark.parametrize("start", [0, 1, 2])
def test_a_slice_has_its_own_boxes_alone(start: int) -> None:
    """A batch of a bucket is a slice of it."""
    whole, part = ImageTensorAdapter(BOXED)(THREE), ImageTensorAdapter(BOXED)(THREE.slice(start, 1))
    for name, tensor in part.items():
        expected = whole[name][start : start + 1]
        assert tf.nest.map_structure(lambda one: one.numpy().tolist(), tensor) == (
            tf.nest.map_structure(lambda one: one.numpy().tolist(), expected)
        )


@pytest.mark.parametrize(
    ("schema", "batch"),
    [
        (PETS, rows(PETS, image=[])),
        (PETS, rows(PETS, image=[b"a"], label=["cat"])),
        (PLACED, rows(PLACED, image=[])),
        (BOXED, THREE),
        (BOXED, THREE.slice(0, 1)),
    ],
    ids=["no labels", "labels", "no boxes", "boxes", "a picture without boxes"],
)
def test_tensors_are_what_the_specs_say(schema: ImageSchema, batch: pa.RecordBatch) -> None:
    feed = ImageTensorAdapter(schema)
    tensors, specs = feed(batch), feed.type_specs()
    assert sorted(tensors) == sorted(specs)
    for name, tensor in tensors.items():
        assert specs[name].is_compatible_with(tensor), name


def test_the_specs() -> None:
    assert ImageTensorAdapter(WEIGHED).type_specs() == {
        "image": tf.TensorSpec([None], tf.string),
        "label": tf.TensorSpec([None], tf.string),
        "weight": tf.TensorSpec([None], tf.float32),
    }
    assert ImageTensorAdapter(BOXED).type_specs() == {
        "image": tf.TensorSpec([None], tf.string),
        "boxes": tf.RaggedTensorSpec([None, None, 4], tf.float32, ragged_rank=1),
        "box_labels": tf.RaggedTensorSpec([None, None], tf.string, ragged_rank=1),
    }


def test_it_pickles_after_use() -> None:
    feed = ImageTensorAdapter(WEIGHED)
    feed.setup()
    feed.type_specs()
    assert pickle.loads(pickle.dumps(feed)) == feed
