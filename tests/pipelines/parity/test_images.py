"""The parity check of images detects every change: each test tampers with stored records."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from helpers.small_images import (
    PETS,
    TILED,
    classify,
    detect,
    encoded,
    picture,
    write_boxes,
    write_pets,
)

from recordmill.pipelines import Images, Input, Recipe, prepare
from recordmill.pipelines.config.images import Storage
from recordmill.pipelines.images.annotations.listing import list_images
from recordmill.pipelines.images.chunks import Chunk, read_chunk
from recordmill.pipelines.images.records import PixelEncoder
from recordmill.pipelines.parity import images as image_parity
from recordmill.pipelines.parity.images import check_image_parity
from recordmill.pipelines.tfrecord.example_encoder import encode_examples
from recordmill.schemas import ImageSchema
from recordmill.schemas.errors import DataError
from recordmill.schemas.manifest import Manifest

pytestmark = pytest.mark.slow

BUG = "This is a bug in recordmill; nothing was published."
UNLIKE = "Nothing was published. The preprocessing_fn must treat each image by itself."


@dataclass(frozen=True)
class Prepared:
    """A dataset, its images, and the options of its run."""

    folder: Path
    manifest: Manifest
    recipe: Recipe
    rows: pa.RecordBatch

    def check(self, folder: Path | None = None) -> dict[str, Any]:
        """Check the dataset, or a changed copy of it."""
        schema, images = self.recipe.schema, self.recipe.images
        assert isinstance(schema, ImageSchema) and images is not None
        return check_image_parity(
            str(folder or self.folder),
            {"train": self.rows, "eval": self.rows.slice(0, 0)},
            {"eval": ()} | {n: split.shards for n, split in self.manifest.splits.items()},
            schema=schema,
            images=images,
            seed=self.recipe.seed,
            compression=self.recipe.compression,
        )


def prepared(recipe: Recipe, source: Path, folder: Path) -> Prepared:
    assert isinstance(recipe.schema, ImageSchema) and recipe.images is not None
    entry = Input("train", str(source))
    manifest = prepare(recipe, output=str(folder), inputs=[entry])
    listing = list_images(entry, recipe.images.format)
    chunk = Chunk((0, 0), entry.pattern, entry.split, tuple(listing.images))
    read = read_chunk(chunk, recipe.schema, recipe.images, recipe.selection)
    return Prepared(folder, manifest, recipe, read.cleaned.batch)


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("pets")
    return prepared(PETS, write_pets(folder / "in", 4), folder / "out")


@pytest.fixture(scope="module")
def tiled(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("tiled")
    return prepared(TILED, write_boxes(folder / "in", 2), folder / "out")


def tampered(
    dataset: Prepared, folder: Path, change: Callable[[tf.train.Example], Any]
) -> Callable[[], Any]:
    """Check a copy of a dataset with changed records; unchanged ones where `change` is False."""
    shutil.copytree(dataset.folder, folder)
    for shard in dataset.manifest.splits["train"].shards:
        path = str(folder / shard.path)
        records = [record.numpy() for record in tf.data.TFRecordDataset(path)]
        with tf.io.TFRecordWriter(path) as writer:
            for record in records:
                example = tf.train.Example.FromString(record)
                if change(example) is not False:
                    same = example == tf.train.Example.FromString(record)
                    writer.write(record if same else example.SerializeToString())
    return lambda: dataset.check(folder)


def stored_as(storage: Storage, dataset: Prepared, folder: Path) -> Prepared:
    """Copy a dataset with another storage of pixels."""
    shutil.copytree(dataset.folder, folder)
    encoder = PixelEncoder(Images(storage=storage))
    for shard in dataset.manifest.splits["train"].shards:
        path = str(folder / shard.path)
        records = [record.numpy() for record in tf.data.TFRecordDataset(path)]
        with tf.io.TFRecordWriter(path) as writer:
            for record in records:
                example = tf.train.Example.FromString(record)
                pixels = tf.io.decode_png(feature(example, "image/encoded")[0]).numpy()
                values = {key: feature(example, key)[0] for key in example.features.feature}
                values |= {"image/encoded": encoder([pixels])[0], "image/format": storage.encode()}
                columns = {
                    key: np.array([value], object if isinstance(value, bytes) else np.int64)
                    for key, value in values.items()
                }
                writer.write(encode_examples(columns)[0].as_py())
    recipe = replace(dataset.recipe, images=Images(storage=storage))
    return replace(dataset, folder=folder, recipe=recipe)


def message(check: Callable[[], Any]) -> str:
    with pytest.raises(DataError) as error:
        check()
    return str(error.value)


def feature(example: tf.train.Example, key: str) -> Any:
    values = example.features.feature[key]
    return getattr(values, values.WhichOneof("kind")).value


def source_id(example: tf.train.Example) -> str:
    return str(feature(example, "image/source_id")[0].decode())


def repaint(example: tf.train.Example, change: Callable[[Any], Any]) -> None:
    pixels = tf.io.decode_png(feature(example, "image/encoded")[0]).numpy()
    png = tf.io.encode_png(change(pixels), compression=1).numpy()
    feature(example, "image/encoded")[:] = [png]


def darker(pixels: Any) -> Any:
    changed = pixels.copy()
    changed[3, 4, 1] ^= 32
    return changed


class TestWhole:
    def test_every_image_is_compared(self, pets: Prepared) -> None:
        assert pets.check() == {
            "rows": {"train": 4, "eval": 0},
            "records": {"train": 4, "eval": 0},
            "largest_pixel_difference": 0,
            "mean_pixel_difference": 0,
            "records_that_differ": 0,
        }

    def test_every_tile_is_and_no_copy(self, tiled: Prepared) -> None:
        made = tiled.manifest.expansion["train"]
        result = tiled.check()
        assert result["rows"] == {"train": 2, "eval": 0}
        assert result["records"] == {"train": made.pieces - made.left_out, "eval": 0}
        assert made.copies == 2 * result["records"]["train"] > 0

    def test_no_images(self, pets: Prepared) -> None:
        nothing = replace(pets, rows=pets.rows.slice(0, 0))
        assert nothing.check() == {
            "rows": {"train": 0, "eval": 0},
            "records": {"train": 0, "eval": 0},
            "largest_pixel_difference": 0,
            "mean_pixel_difference": 0,
            "records_that_differ": 0,
        }

    def test_raw_pixels_are_exact(self, pets: Prepared, tmp_path: Path) -> None:
        result = stored_as("raw", pets, tmp_path / "out").check()
        assert result["records"]["train"] == 4
        assert result["largest_pixel_difference"] == result["records_that_differ"] == 0

    def test_a_jpeg_is_not_exact(self, pets: Prepared, tmp_path: Path) -> None:
        result = stored_as("jpeg", pets, tmp_path / "out").check()
        assert 0 < result["largest_pixel_difference"] < 100
        assert 0 < result["mean_pixel_difference"] < 10
        assert result["records_that_differ"] == 4


class TestTampered:
    def test_pixels(self, pets: Prepared, tmp_path: Path) -> None:
        def change(example: tf.train.Example) -> None:
            if source_id(example) == "dog/001.jpg":
                repaint(example, darker)

        assert message(tampered(pets, tmp_path / "out", change)) == (
            "parity: the record of dog/001.jpg in train is not what the graph serves: its pixels "
            f"differ by up to 32. {UNLIKE}"
        )

    def test_the_size(self, pets: Prepared, tmp_path: Path) -> None:
        def change(example: tf.train.Example) -> None:
            if source_id(example) == "cat/002.jpg":
                repaint(example, lambda pixels: pixels[:, :12])

        assert message(tampered(pets, tmp_path / "out", change)) == (
            "parity: the record of cat/002.jpg in train is not what the graph serves: its pixels "
            f"are 12 x 16, and those served 16 x 16. {UNLIKE}"
        )

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("image/class/label", 0),
            ("image/class/text", b"cat"),
            ("image/format", b"jpeg"),
            ("image/height", 17),
        ],
    )
    def test_anything_else(self, key: str, value: Any, pets: Prepared, tmp_path: Path) -> None:
        def change(example: tf.train.Example) -> None:
            if source_id(example) == "dog/003.jpg":
                feature(example, key)[:] = [value]

        assert message(tampered(pets, tmp_path / "out", change)) == (
            "parity: the record of dog/003.jpg in train is not what the graph serves: its pixels "
            f"differ by up to 0. {UNLIKE}"
        )

    def test_a_missing_record(self, pets: Prepared, tmp_path: Path) -> None:
        check = tampered(pets, tmp_path / "out", lambda record: source_id(record) != "cat/000.jpg")
        assert message(check) == (
            f"parity: no record of cat/000.jpg, which the graph serves. {BUG}"
        )

    def test_all_records_are_missing(self, pets: Prepared, tmp_path: Path) -> None:
        assert message(tampered(pets, tmp_path / "out", lambda _: False)).startswith(
            "parity: no record of "
        )

    def test_a_box_of_a_tile(self, tiled: Prepared, tmp_path: Path) -> None:
        changed: list[str] = []

        def change(example: tf.train.Example) -> None:
            edges = example.features.feature["image/object/bbox/ymin"].float_list.value
            if not changed and edges and "copy" not in source_id(example):
                changed.append(source_id(example))
                edges[0] = np.nextafter(np.float32(edges[0]), np.float32(2))

        assert message(tampered(tiled, tmp_path / "out", change)) == (
            f"parity: the record of {changed[0]} in train is not what the graph serves: its "
            f"pixels differ by up to 0. {UNLIKE}"
        )

    def test_only_a_copy(self, tiled: Prepared, tmp_path: Path) -> None:
        """The graph serves no augmented copies."""

        def change(example: tf.train.Example) -> None:
            if "copy" in source_id(example):
                feature(example, "image/height")[:] = [7]

        made = tiled.manifest.expansion["train"]
        result = tampered(tiled, tmp_path / "out", change)()
        assert result["records"]["train"] == made.pieces - made.left_out


def test_exact_storage_that_changes_pixels(pets: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    def black(*_: Any) -> Any:
        return tf.zeros((16, 16, 3), tf.uint8)

    monkeypatch.setattr(image_parity, "record_pixels", black)
    result = message(pets.check)
    assert result.startswith("parity: pixels stored as png differ by up to ")
    assert result.endswith(f" from those that the graph serves. {BUG}")


def reverse(inputs: dict[str, Any]) -> dict[str, Any]:
    """Give each image the pixels of another one."""
    outputs = classify(inputs)
    return outputs | {"image": tf.reverse(outputs["image"], [0])}


def grow(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return images whose height is the number of rows in the batch."""
    height = tf.shape(inputs["image"])[0]
    images = tf.map_fn(
        lambda _: tf.RaggedTensor.from_tensor(tf.zeros((height, 4, 3), tf.uint8)),
        inputs["image"],
        fn_output_signature=tf.RaggedTensorSpec([None, None, 3], tf.uint8, 1),
    )
    return detect(inputs) | {"image": images}


def test_a_function_that_mixes_the_pictures_of_a_batch(tmp_path: Path) -> None:
    result = message(
        lambda: prepare(
            replace(PETS, preprocessing_fn=reverse),
            output=str(tmp_path / "out"),
            inputs=[Input("train", str(write_pets(tmp_path / "in", 24)))],
        )
    )
    assert result.startswith("parity: the record of ")
    assert result.endswith(UNLIKE)
    assert not (tmp_path / "out").exists()


def test_a_function_whose_pictures_have_the_size_of_the_batch(tmp_path: Path) -> None:
    images = replace(TILED.images, tiling=None, augmentation=None)
    result = message(
        lambda: prepare(
            replace(TILED, preprocessing_fn=grow, images=images),
            output=str(tmp_path / "out"),
            inputs=[Input("train", str(write_boxes(tmp_path / "in", 24)))],
        )
    )
    assert result.endswith(f"its pixels are 4 x 3, and those served 4 x 1. {UNLIKE}")


def test_pictures_of_two_inputs_can_have_one_name(tmp_path: Path) -> None:
    folders = [write_pets(tmp_path / name, 4) for name in ("one", "two")]
    for index, path in enumerate(sorted(folders[1].rglob("*.jpg"))):
        path.write_bytes(encoded(picture(500 + index), quality=90))
    manifest = prepare(
        PETS,
        output=str(tmp_path / "out"),
        inputs=[Input("train", str(folder)) for folder in folders],
    )
    assert manifest.splits["train"].records == 8
    assert manifest.parity["records"] == {"train": 8}
