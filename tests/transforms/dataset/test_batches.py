"""Batches of records that were written by hand; `test_loader` reads them from a dataset."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers import image_dataset
from helpers.image_dataset import Picture, noise

from recordmill.transforms.dataset.batches import (
    image_batches,
    image_parser,
    row_batches,
    row_parser,
)

ROWS = {
    "x": tf.io.FixedLenFeature([], tf.float32),
    "y": tf.io.FixedLenFeature([], tf.int64),
    "ids": tf.io.RaggedFeature(tf.int64, value_key="ids", row_splits_dtype=tf.int64),
}


def row(number: int) -> bytes:
    features = {
        "x": tf.train.Feature(float_list=tf.train.FloatList(value=[number / 2])),
        "y": tf.train.Feature(int64_list=tf.train.Int64List(value=[number % 2])),
        "ids": tf.train.Feature(int64_list=tf.train.Int64List(value=range(number % 3))),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def blocks_of(numbers: Iterable[int]) -> tf.data.Dataset:
    """Serialized rows, three a block."""
    return tf.data.Dataset.from_tensor_slices([row(number) for number in numbers]).batch(3)


def batches_of(count: int, size: int, *features: str, drop: bool = False, **kwargs: Any) -> Any:
    return [
        *row_batches(blocks_of(range(count)), size, drop, spec=ROWS, features=features, **kwargs)
    ]


class TestRows:
    def test_rows_keep_their_order_across_blocks(self) -> None:
        batches = batches_of(10, 4, "x", label="y")
        assert [features["x"].numpy().tolist() for features, _ in batches] == [
            [0, 0.5, 1, 1.5],
            [2, 2.5, 3, 3.5],
            [4, 4.5],
        ]
        assert [label.numpy().tolist() for _, label in batches] == [
            [0, 1, 0, 1],
            [0, 1, 0, 1],
            [0, 1],
        ]

    @pytest.mark.parametrize("features", [("x",), ("ids",)])
    def test_the_last_smaller_batch_can_be_left_out(self, features: tuple[str, ...]) -> None:
        batches = batches_of(10, 4, *features, drop=True, label=None)
        assert [batch[features[0]].shape[0] for batch in batches] == [4, 4]

    def test_ragged_features(self) -> None:
        (batch,) = batches_of(4, 9, "ids", "x", label=None)
        assert list(batch) == ["ids", "x"]
        assert batch["ids"].to_list() == [[], [0], [0, 1], []]

    def test_only_what_is_wanted_is_parsed(self) -> None:
        parse = row_parser(ROWS | {"absent": tf.io.FixedLenFeature([], tf.int64)}, ["x"], "y")
        features, label = parse(tf.constant([row(3)]))
        assert (features["x"].numpy().tolist(), label.numpy().tolist()) == ([1.5], [1])
        assert list(features) == ["x"]


IMAGES: dict[str, Any] = {
    "storage": "png",
    "height": 4,
    "width": 5,
    "classes": ["cat", "dog"],
    "kind": "classification",
    "further": ["weight"],
}
OUTPUTS = {"weight": tf.TensorSpec([None], tf.float32)}


def records_of(*pictures: Picture, images: dict[str, Any] = IMAGES) -> list[bytes]:
    return [
        image_dataset.record(one, images["kind"], images["storage"], further=images["further"])
        for one in pictures
    ]


def image_batches_of(
    records: list[bytes], images: dict[str, Any], features: list[str] | None
) -> list[Any]:
    dataset = tf.data.Dataset.from_tensor_slices(records)
    return [*image_batches(dataset, 2, False, images=images, outputs=OUTPUTS, features=features)]


class TestImages:
    def test_pictures_of_one_size_are_dense(self) -> None:
        records = records_of(*(Picture(noise(4, 5, seed=n), label=n % 2) for n in range(3)))
        first, last = image_batches_of(records, IMAGES, None)
        np.testing.assert_array_equal(first[0]["image"][1], noise(4, 5, seed=1))
        assert first[1].numpy().tolist() == [0, 1]
        assert last[0]["image"].shape == (1, 4, 5, 3)

    def test_pictures_of_several_sizes_are_ragged(self) -> None:
        images = IMAGES | {"height": None, "width": None}
        records = records_of(Picture(noise(4, 5)), Picture(noise(2, 3)))
        ((features, _),) = image_batches_of(records, images, ["image"])
        assert isinstance(features["image"], tf.RaggedTensor)
        np.testing.assert_array_equal(features["image"][1].to_tensor(), noise(2, 3))

    def test_pictures_that_are_not_wanted_are_not_decoded(self) -> None:
        images = IMAGES | {"height": 1, "width": 1}  # which no picture has
        records = records_of(Picture(noise(4, 5), weight=0.5), Picture(noise(2, 3), weight=2.0))
        ((features, label),) = image_batches_of(records, images, ["weight"])
        assert features["weight"].numpy().tolist() == [0.5, 2.0]
        assert label.numpy().tolist() == [0, 0]

    @pytest.mark.parametrize("size", [(4, 5), (None, None)])
    def test_the_parser_gives_the_features_of_a_batch(
        self, size: tuple[int | None, int | None]
    ) -> None:
        images = IMAGES | dict(zip(("height", "width"), size, strict=True))
        records = records_of(*(Picture(noise(4, 5, seed=n), weight=n) for n in range(2)))
        parsed = image_parser(images, OUTPUTS, ["weight", "image"])(tf.constant(records))
        ((expected, _),) = image_batches_of(records, images, ["weight", "image"])
        assert list(parsed) == list(expected) == ["weight", "image"]
        assert parsed["weight"].numpy().tolist() == [0, 1]
        assert type(parsed["image"]) is type(expected["image"])
        for one, other in zip(parsed["image"], expected["image"], strict=True):
            np.testing.assert_array_equal(_dense(one), _dense(other))


def _dense(tensor: Any) -> Any:
    return tensor.to_tensor() if isinstance(tensor, tf.RaggedTensor) else tensor
