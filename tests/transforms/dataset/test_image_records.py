from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers import image_dataset
from helpers.image_dataset import Picture, noise

from recordmill.schemas.errors import DataError
from recordmill.transforms.dataset.image_records import (
    check_images,
    parse_images,
    record_pixels,
    record_spec,
    targets,
)

IMAGES: dict[str, Any] = {
    "storage": "png",
    "height": 4,
    "width": 5,
    "classes": ["cat", "dog"],
    "kind": "classification",
    "further": [],
}
BOXES = ((0.0, 0.25, 0.5, 1.0), (0.125, 0.0, 1.0, 0.75))
OUTPUTS = {"weight": tf.TensorSpec([None], tf.float32)}


def record(picture: Picture, images: dict[str, Any]) -> Any:
    serialized = image_dataset.record(
        picture, images["kind"], images["storage"], further=images["further"]
    )
    return tf.constant(serialized)


class TestPixels:
    @pytest.mark.parametrize("storage", ["png", "raw"])
    @pytest.mark.parametrize("size", [(4, 5), (None, None)])
    def test_exact(self, storage: str, size: tuple[int | None, int | None]) -> None:
        images = IMAGES | {"storage": storage, "height": size[0], "width": size[1]}
        decoded = record_pixels(record(Picture(noise(4, 5)), images), images)
        np.testing.assert_array_equal(decoded, noise(4, 5))

    def test_jpeg(self) -> None:
        images = IMAGES | {"storage": "jpeg", "height": 16, "width": 24}
        pixels = np.full((16, 24, 3), (200, 30, 90), np.uint8)
        decoded = record_pixels(record(Picture(pixels), images), images)
        assert np.abs(decoded.numpy().astype(int) - pixels).max() <= 2

    @pytest.mark.parametrize("storage", ["png", "raw"])
    def test_another_size_than_the_manifest_says(self, storage: str) -> None:
        images = IMAGES | {"storage": storage}
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[5,4,3\].*\[4,5,3\]"):
            record_pixels(record(Picture(noise(5, 4)), images), images)

    def test_the_shape_is_known(self) -> None:
        spec = tf.data.Dataset.from_tensors("").map(lambda x: record_pixels(x, IMAGES)).element_spec
        assert spec == tf.TensorSpec([4, 5, 3], tf.uint8)


class TestSpec:
    def test_reads_what_was_written(self) -> None:
        images = IMAGES | {"kind": "detection", "further": ["weight"]}
        picture = Picture(noise(4, 5), boxes=BOXES, classes=(2, 1), filename="é.png", weight=0.5)
        records = tf.stack([record(picture, images), record(Picture(noise(4, 5)), images)])
        parsed = tf.io.parse_example(records, record_spec(images, OUTPUTS))
        assert set(parsed) == {
            *("image/encoded", "image/format", "image/height", "image/width"),
            *("image/filename", "image/source_id", "weight"),
            *(f"image/object/bbox/{side}" for side in ("ymin", "xmin", "ymax", "xmax")),
            *("image/object/class/label", "image/object/class/text"),
        }
        assert parsed["image/filename"][0] == "é.png".encode()
        assert parsed["image/height"].numpy().tolist() == [4, 4]
        assert parsed["image/object/bbox/xmin"].to_list() == [[0.25, 0.0], []]
        assert parsed["image/object/class/text"].to_list() == [[b"dog", b"cat"], []]
        assert parsed["weight"].numpy().tolist() == [0.5, 0.0]

    def test_classification(self) -> None:
        parsed = tf.io.parse_single_example(
            record(Picture(noise(4, 5), label=1), IMAGES), record_spec(IMAGES, {})
        )
        assert parsed["image/class/label"] == 1
        assert parsed["image/class/text"] == b"dog"

    def test_lists_are_what_readers_of_the_object_detection_api_expect(self) -> None:
        images = IMAGES | {"kind": "detection"}
        spec = {"image/object/bbox/ymin": tf.io.VarLenFeature(tf.float32)}
        parsed = tf.io.parse_single_example(record(Picture(noise(4, 5), boxes=BOXES), images), spec)
        assert parsed["image/object/bbox/ymin"].values.numpy().tolist() == [0.0, 0.125]


class TestParse:
    def test_classification(self) -> None:
        records = tf.stack([record(Picture(noise(4, 5), label=n), IMAGES) for n in (1, 0)])
        pixels = tf.zeros([2, 4, 5, 3], tf.uint8)
        features, label = parse_images(records, pixels, IMAGES, {})
        assert features is pixels
        assert (label.dtype, label.numpy().tolist()) == (tf.int64, [1, 0])

    def test_detection_with_a_further_feature(self) -> None:
        images = IMAGES | {"kind": "detection", "further": ["weight"]}
        pictures = [
            Picture(noise(4, 5), weight=1.0),
            Picture(noise(4, 5), boxes=BOXES, classes=(2, 1), weight=2.0),
        ]
        records = tf.stack([record(picture, images) for picture in pictures])
        pixels = tf.zeros([2, 4, 5, 3], tf.uint8)
        features, target = parse_images(records, pixels, images, OUTPUTS)
        assert set(features) == {"image", "weight"}
        assert features["weight"].numpy().tolist() == [1.0, 2.0]
        assert target["boxes"].to_list() == [[], [list(box) for box in BOXES]]
        assert target["boxes"].shape.as_list() == [2, None, 4]
        assert target["classes"].to_list() == [[], [2, 1]]


class TestCheck:
    @pytest.mark.parametrize(
        "change", [{}, {"height": None, "width": None}, {"kind": "detection", "storage": "raw"}]
    )
    def test_good(self, change: dict[str, Any]) -> None:
        check_images(IMAGES | change, path="manifest.json")

    @pytest.mark.parametrize(
        ("change", "what"),
        [
            ({"storage": "webp"}, "storage"),
            ({"kind": []}, "kind"),
            ({"height": None}, "height and width"),
            ({"width": 0}, "height and width"),
            ({"width": True}, "height and width"),
            ({"width": "5"}, "height and width"),
            ({"classes": "cat"}, "classes and further"),
            ({"further": [1]}, "classes and further"),
            ({"further": None}, "classes and further"),
        ],
    )
    def test_bad(self, change: dict[str, Any], what: str) -> None:
        images = IMAGES | change
        with pytest.raises(DataError) as error:
            check_images(images, path="out/manifest.json")
        assert str(error.value) == (
            f"out/manifest.json: expected valid {what} of the images, got {images}. "
            "Prepare the dataset again."
        )


def test_targets() -> None:
    assert targets(IMAGES) == ("label",)
    assert targets(IMAGES | {"kind": "detection"}) == ("boxes", "classes")
