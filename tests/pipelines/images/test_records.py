"""The features of records, byte for byte, and their description."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from recordmill.pipelines.config.images import Images, Storage
from recordmill.pipelines.images.records import (
    ImageOrigin,
    PixelEncoder,
    describe,
    features,
    further_outputs,
)
from recordmill.pipelines.images.tiles import OutputImage
from recordmill.pipelines.tfrecord.example_encoder import encode_examples
from recordmill.schemas.images import ImageSchema

PETS = ImageSchema("classification", ("cat", "dog"))
PLANES = ImageSchema("detection", ("plane", "héli"))
NONE = np.zeros(0, np.int64)


def noise(height: int, width: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def piece(name: str = "", *boxes: tuple[float, ...], size: tuple[int, int] = (2, 3)) -> OutputImage:
    """A piece whose boxes are the last of the picture's, the last first."""
    kept = np.arange(len(boxes), dtype=np.int64)[::-1] + 1
    return OutputImage(
        name, noise(*size), np.array(boxes, np.float32).reshape(-1, 4), kept, order=0
    )


def examples(
    pieces: list[tuple[OutputImage, ImageOrigin]], schema: ImageSchema, storage: Storage = "raw"
) -> list[dict[str, Any]]:
    """The values of each record."""
    found = features(pieces, schema=schema, encoder=PixelEncoder(Images(storage=storage)))
    return [values(record) for record in encode_examples(found).to_pylist()]


def values(record: bytes) -> dict[str, Any]:
    example = tf.train.Example.FromString(record)
    return {
        key: list(getattr(feature, feature.WhichOneof("kind")).value)
        for key, feature in example.features.feature.items()
    }


def test_a_record_with_a_label() -> None:
    (found,) = examples([(piece("#copy-1"), ImageOrigin("dog/1.jpg", 1, NONE))], PETS)
    assert found == {
        "image/encoded": [noise(2, 3).tobytes()],
        "image/format": [b"raw"],
        "image/height": [2],
        "image/width": [3],
        "image/filename": [b"dog/1.jpg"],
        "image/source_id": [b"dog/1.jpg#copy-1"],
        "image/class/label": [1],
        "image/class/text": [b"dog"],
    }


@pytest.mark.parametrize(("label", "stored"), [(None, -1), (-1, -1), (2, 2)])
def test_a_label_that_is_no_class_has_no_text(label: int | None, stored: int) -> None:
    (found,) = examples([(piece(), ImageOrigin("a", label, NONE))], PETS)
    assert (found["image/class/label"], found["image/class/text"]) == ([stored], [b""])


def test_records_with_boxes_and_without() -> None:
    classes = np.array([9, 2, 1], np.int64)
    pieces = [
        (piece("#tile-0"), ImageOrigin("a.png", None, classes)),
        (
            piece("#tile-1", (0, 0.25, 0.5, 1), (0.5, 0, 1, 0.75), size=(3, 2)),
            ImageOrigin("a.png", None, classes),
        ),
        (piece("", (0, 0, 1, 1)), ImageOrigin("é.png", None, np.array([0, 1], np.int64))),
    ]
    empty, both, one = examples(pieces, PLANES)
    assert {key: value for key, value in both.items() if key.startswith("image/object")} == {
        "image/object/bbox/ymin": [0, 0.5],
        "image/object/bbox/xmin": [0.25, 0],
        "image/object/bbox/ymax": [0.5, 1],
        "image/object/bbox/xmax": [1, 0.75],
        "image/object/class/label": [1, 2],
        "image/object/class/text": [b"plane", "héli".encode()],
    }
    assert (both["image/height"], both["image/width"]) == ([3], [2])
    assert (one["image/object/class/label"], one["image/object/class/text"]) == ([1], [b"plane"])
    assert one["image/source_id"] == ["é.png".encode()]
    assert sorted(empty) == sorted(both)
    assert all(empty[key] == [] for key in both if key.startswith("image/object"))


@pytest.mark.parametrize("class_id", [0, -1, 3])
def test_a_class_of_a_box_that_there_is_not_has_no_text(class_id: int) -> None:
    source = ImageOrigin("a", None, np.array([1, class_id], np.int64))
    (found,) = examples([(piece("", (0, 0, 1, 1)), source)], PLANES)
    assert found["image/object/class/label"] == [class_id]
    assert found["image/object/class/text"] == [b""]


def test_records_without_any_box() -> None:
    (found,) = examples([(piece(), ImageOrigin("a", None, NONE))], PLANES)
    assert len(found) == 12
    assert found["image/object/bbox/ymin"] == found["image/object/class/text"] == []


@pytest.mark.parametrize("schema", [PETS, PLANES])
def test_no_pieces_no_records(schema: ImageSchema) -> None:
    assert examples([], schema) == []


@pytest.mark.parametrize(("storage", "largest"), [("png", 0), ("raw", 0), ("jpeg", 40)])
def test_pixels_come_back(storage: Storage, largest: int) -> None:
    smooth = np.linspace(0, 255, 16 * 24 * 3).reshape(16, 24, 3).astype(np.uint8)
    shots = [noise(4, 5), noise(4, 5, 1), smooth, smooth[:1, :1], noise(4, 5, 2)]
    found = PixelEncoder(Images(storage=storage))(shots)
    assert len(found) == len(shots)
    for data, shot in zip(found, shots, strict=True):
        if storage == "raw":
            pixels = np.frombuffer(data, np.uint8).reshape(shot.shape)
        else:
            pixels = tf.io.decode_image(data).numpy()
        assert pixels.shape == shot.shape
        if shot is smooth or not largest:
            assert np.abs(pixels.astype(int) - shot).max() <= largest


def test_the_quality_of_a_jpeg() -> None:
    shot = noise(32, 32)
    low, high = (
        PixelEncoder(Images(storage="jpeg", quality=quality))([shot])[0] for quality in (10, 95)
    )
    assert len(low) < len(high) / 2
    assert low == tf.io.encode_jpeg(shot, quality=10).numpy()


def test_what_is_stored_beside_the_image() -> None:
    outputs = dict.fromkeys(["image", "weight", "label", "boxes", "classes", "place"])
    assert further_outputs(outputs) == ("weight", "place")
    assert further_outputs({"image": None}) == ()


GIVEN = """
feature { name: "image" type: BYTES }
feature { name: "label" type: INT }
feature { name: "boxes$ragged_values" type: FLOAT }
feature { name: "boxes$row_lengths_1" type: INT }
feature { name: "classes$ragged_values" type: INT }
feature { name: "weight" type: FLOAT presence { min_fraction: 1 } shape { } }
feature { name: "words$ragged_values" type: BYTES }
tensor_representation_group {
  key: ""
  value {
    tensor_representation { key: "boxes" value { ragged_tensor { } } }
    tensor_representation { key: "words" value { ragged_tensor { } } }
  }
}
"""


def described(folder: Path, schema: ImageSchema, given: str) -> str:
    path = folder / "transformed_metadata" / "schema.pbtxt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(given)
    describe(str(folder), schema=schema)
    return path.read_text()


@pytest.mark.parametrize(
    ("schema", "own"),
    [
        (PETS, ["image/class/label", "image/class/text"]),
        (
            PLANES,
            [
                *(f"image/object/bbox/{edge}" for edge in ("xmax", "xmin", "ymax", "ymin")),
                *("image/object/class/label", "image/object/class/text"),
            ],
        ),
    ],
)
def test_the_description_is_of_the_records(
    schema: ImageSchema, own: list[str], tmp_path: Path
) -> None:
    text = described(tmp_path, schema, GIVEN)
    proto = text_format.Parse(text, schema_pb2.Schema())
    every = ["encoded", "filename", "format", "height", "source_id", "width"]
    assert sorted(feature.name for feature in proto.feature) == sorted(
        ["weight", "words$ragged_values", *own, *(f"image/{name}" for name in every)]
    )
    assert list(proto.tensor_representation_group[""].tensor_representation) == ["words"]
    assert described(tmp_path, schema, text) == text


@pytest.mark.parametrize("schema", [PETS, PLANES])
def test_tensorflow_reads_the_records_by_the_description(
    schema: ImageSchema, tmp_path: Path
) -> None:
    described(tmp_path, schema, "")
    spec = tft.TFTransformOutput(str(tmp_path)).transformed_feature_spec()
    source = ImageOrigin("a.png", 0, np.array([0, 2], np.int64))
    found = features(
        [(piece("#tile-7", (0, 0, 1, 1)), source)], schema=schema, encoder=PixelEncoder(Images())
    )
    (record,) = encode_examples(found).to_pylist()
    parsed = tf.io.parse_single_example(record, spec)
    assert parsed["image/source_id"].numpy() == b"a.png#tile-7"
    assert parsed["image/height"].numpy() == 2
    assert sorted(parsed) == sorted(values(record))
    if schema is PLANES:
        assert parsed["image/object/class/label"].values.numpy().tolist() == [2]
