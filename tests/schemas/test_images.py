"""The schema of images, and the schemas derived from it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from recordmill.schemas import Column
from recordmill.schemas.errors import RecipeError
from recordmill.schemas.images import ImageSchema

WEIGHT = Column("weight", "float32")
PETS = ImageSchema("classification", ("cat", "dog"), (WEIGHT,))
PLANES = ImageSchema("detection", ("plane",))
FACTS = (
    *("filename", "sha256", "format", "width", "height", "bytes"),
    *("brightness", "contrast", "mean_red", "mean_green", "mean_blue"),
)
TEXT = pa.dictionary(pa.int32(), pa.string())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("masks", ("a",)), 'expected a kind of classification, detection, got "masks"'),
        (("detection", ()), "expected the names of the classes, got ()"),
        (("detection", ("a", "")), "expected the names of the classes, got ('a', '')"),
        (("detection", ("a", "b", "a", "a")), 'class "a" is named 3 times'),
        (
            ("detection", ("a",), (Column("width", "int64"),)),
            'column "width": the name is taken',
        ),
        (
            ("detection", ("a",), (Column("label", "string"),)),
            'column "label": the name is taken',
        ),
        (
            ("classification", ("a",), (WEIGHT, WEIGHT)),
            'column "weight": the name is taken',
        ),
        (
            ("classification", ("a",), (Column("y", "int64", role="label"),)),
            'column "y": expected the role "feature", got "label"',
        ),
    ],
)
def test_text_that_is_no_schema(arguments: Any, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        ImageSchema(*arguments)
    assert str(error.value) == message


def test_a_label_is_one_of_the_classes() -> None:
    assert PETS.label == Column("label", "string", "the class", domain=("cat", "dog"), role="label")
    assert PLANES.label is None


def test_the_columns_of_one_value_an_image() -> None:
    assert PETS.names == (*FACTS, "label", "weight")
    assert PLANES.names == FACTS
    assert [column.name for column in PETS] == list(PETS.names)
    assert PETS["weight"] is WEIGHT


def test_no_such_column() -> None:
    with pytest.raises(RecipeError) as error:
        PLANES["label"]
    assert str(error.value) == f'no column "label" among {", ".join(FACTS)}'


def test_the_arrow_schema_of_labels() -> None:
    arrow = PETS.arrow_schema()
    assert arrow.names == ["image", *FACTS, "label", "weight"]
    assert arrow.field("image").type == pa.large_binary()
    assert arrow.field("filename").type == arrow.field("label").type == TEXT
    assert arrow.field("width").type == pa.int64()
    assert arrow.field("weight").type == pa.float32()


def test_the_arrow_schema_of_boxes() -> None:
    arrow = PLANES.arrow_schema()
    assert arrow.names == ["image", *FACTS, "boxes", "box_labels"]
    assert arrow.field("boxes").type == pa.list_(pa.list_(pa.float32(), 4))
    assert arrow.field("box_labels").type == pa.list_(pa.string())


def test_the_raw_inputs_of_labels() -> None:
    proto = PETS.to_proto()
    assert [feature.name for feature in proto.feature] == ["image", "label", "weight"]
    image, label, _ = proto.feature
    assert image.type == schema_pb2.BYTES
    assert image.HasField("image_domain")
    assert list(label.string_domain.value) == ["cat", "dog"]


def test_the_raw_inputs_of_boxes() -> None:
    proto = PLANES.to_proto()
    assert [feature.name for feature in proto.feature] == ["image", "boxes", "box_labels"]
    _, boxes, labels = proto.feature
    assert boxes.type == schema_pb2.FLOAT
    assert list(boxes.annotation.tag) == ["ymin, xmin, ymax, xmax, relative to the image"]
    assert list(labels.string_domain.value) == ["plane"]


@pytest.mark.parametrize("schema", [PETS, PLANES])
def test_the_text_is_that_of_the_proto(schema: ImageSchema) -> None:
    assert text_format.Parse(schema.to_pbtxt(), schema_pb2.Schema()) == schema.to_proto()


def test_the_label_map_counts_from_one_and_escapes() -> None:
    assert ImageSchema("detection", ("cat", 'a "b"', "é")).label_map() == (
        'item {\n  id: 1\n  name: "cat"\n}\n'
        'item {\n  id: 2\n  name: "a \\"b\\""\n}\n'
        'item {\n  id: 3\n  name: "é"\n}\n'
    )
