"""Images to records where they are read: the same records and the same rejects as behind the
analysis, from one decoding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from helpers import small_images
from helpers.small_images import PETS, TILED, encoded, picture, write_boxes, write_pets
from PIL import Image

from recordmill.pipelines import Input, Recipe, prepare
from recordmill.pipelines.config.image_limits import ImageLimits
from recordmill.pipelines.images.annotations.refs import ImageRef
from recordmill.pipelines.images.appearance import compute_appearance
from recordmill.pipelines.images.check import BadImage, check_image, open_image
from recordmill.pipelines.images.chunks import Chunk, ChunkRead, read_chunk
from recordmill.pipelines.images.encoder import EncodedRecords, ImageRecordEncoder
from recordmill.pipelines.shuffle.layout import (
    ENCODED_BYTES,
    ENCODED_IMAGES,
    ENCODED_TILES,
    IMAGES,
    TILED_IMAGES,
)
from recordmill.schemas import ImageSchema
from recordmill.schemas.errors import DataError
from recordmill.schemas.manifest import Expansion, Manifest
from recordmill.transforms import images

pytestmark = pytest.mark.slow

JPEG = encoded(picture(1, (200, 150)), quality=90)
PROGRESSIVE = encoded(picture(2, (200, 150)), progressive=True)
PNG = encoded(picture(3, (200, 150)), "PNG")
_LOOKS = ("brightness", "contrast", "mean_red", "mean_green", "mean_blue")


def classify_bright(inputs: dict[str, Any]) -> dict[str, Any]:
    """As `classify`, but a black picture is an error."""
    outputs = small_images.classify(inputs)
    brightest = tf.reduce_max(tf.cast(outputs["image"], tf.int32), axis=[1, 2, 3])
    bright = tf.debugging.Assert(tf.reduce_all(brightest > 9), ["too dark"])
    with tf.control_dependencies([bright]):
        return outputs | {"image": tf.identity(outputs["image"])}


def decode_by_itself(inputs: dict[str, Any]) -> dict[str, Any]:
    """As `classify`, but for the operation that decodes."""
    pixels = tf.map_fn(
        lambda one: tf.cast(tf.image.resize(tf.io.decode_jpeg(one, channels=3), (9, 9)), tf.uint8),
        inputs["image"],
        fn_output_signature=tf.TensorSpec([9, 9, 3], tf.uint8),
    )
    return {"image": pixels, "label": images.class_ids(inputs["label"], small_images.CLASSES)}


def press_of(recipe: Recipe, source: Path, folder: Path) -> ImageRecordEncoder:
    assert isinstance(recipe.schema, ImageSchema) and recipe.images is not None
    prepare(recipe, output=str(folder), inputs=[Input("train", str(source))])
    return ImageRecordEncoder(str(folder), recipe.schema, recipe.images, recipe.seed)


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> ImageRecordEncoder:
    folder = tmp_path_factory.mktemp("pets")
    recipe = replace(PETS, preprocessing_fn=classify_bright)
    return press_of(recipe, write_pets(folder / "in", 2), folder / "out")


@pytest.fixture(scope="module")
def tiled(tmp_path_factory: pytest.TempPathFactory) -> ImageRecordEncoder:
    folder = tmp_path_factory.mktemp("tiled")
    return press_of(TILED, write_boxes(folder / "in", 1), folder / "out")


def read(
    folder: Path,
    files: dict[str, bytes],
    press: ImageRecordEncoder | None,
    recipe: Recipe = PETS,
    **fields: Any,
) -> ChunkRead:
    """A chunk of these files."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    refs = [
        ImageRef(str(folder / name), name, len(data), None, label="cat", **fields)
        for name, data in files.items()
    ]
    assert isinstance(recipe.schema, ImageSchema) and recipe.images is not None
    chunk = Chunk((0, 0), "in/", None, tuple(refs))
    return read_chunk(chunk, recipe.schema, recipe.images, recipe.selection, press)


def singly(rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    return (rows.slice(row, 1) for row in range(rows.num_rows))


def expansion(found: ChunkRead) -> Expansion:
    return EncodedRecords.of(found.rows).expansion


def whole(pressed: EncodedRecords) -> list[list[bytes]]:
    """The records of each image."""
    records = pressed.records.to_pylist()
    return [records[start:end] for start, end in zip(pressed.ends, pressed.ends[1:], strict=False)]


class TestRejects:
    @pytest.mark.parametrize(
        "data", [JPEG, PROGRESSIVE, PNG], ids=["baseline", "progressive", "PNG"]
    )
    def test_files_cut_anywhere_have_the_reasons_that_a_whole_check_gives(
        self, data: bytes, pets: ImageRecordEncoder, tmp_path: Path
    ) -> None:
        size = len(data)
        cuts = [3, 20, 300, 700, *range(800, size, 997), size - 20, *range(size - 5, size)]
        files = {f"{cut:05}": data[:cut] for cut in cuts} | {"whole": data}
        ended = range(800, size - 400, 997)  # a cut inside the last block is one for a full check
        files |= {f"{cut:05} ended": data[:cut] + b"\xff\xd9" for cut in ended}
        found = read(tmp_path, files, pets)
        rejects = {Path(one.file).name: one for one in found.cleaned.rejects}
        for name, cut in files.items():
            try:
                check_image(cut, limits=ImageLimits(), thorough=True)
            except BadImage as bad:
                assert (rejects[name].reason, rejects[name].message) == (bad.reason, bad.message)
            else:
                assert name not in rejects

    def test_a_jpeg_without_its_end_marker_gives_the_record_of_a_whole_one(
        self, pets: ImageRecordEncoder, tmp_path: Path
    ) -> None:
        whole_one = read(tmp_path, {"1": JPEG, "2": PNG}, pets)
        without = read(tmp_path, {"1": JPEG[:-2], "2": PNG}, pets)
        assert whole(EncodedRecords.of(whole_one.rows)) == whole(EncodedRecords.of(without.rows))
        assert (whole_one.tally.without_end_marker, without.tally.without_end_marker) == (0, 1)

    def test_a_graph_that_decodes_by_itself_gets_no_cut_jpeg(self, tmp_path: Path) -> None:
        recipe = replace(PETS, preprocessing_fn=decode_by_itself)
        press = press_of(recipe, write_pets(tmp_path / "in", 2), tmp_path / "out")
        assert not press.refuses_cut_jpegs
        half = JPEG[: len(JPEG) // 2] + b"\xff\xd9"
        found = read(tmp_path, {"1": JPEG, "2": half}, press)
        assert [one.reason for one in found.cleaned.rejects] == ["truncated"]
        assert found.rows.column("filename").to_pylist() == ["1"]

    def test_a_damaged_image_takes_none_of_its_batch_along(
        self, pets: ImageRecordEncoder, tmp_path: Path
    ) -> None:
        tables = JPEG.index(b"\xff\xc4")
        damaged = JPEG[: tables + 4] + b"\xff" * 30 + JPEG[tables + 34 :]
        files = {"1": JPEG, "2": damaged, "3": PNG}
        assert open_image(damaged, limits=ImageLimits()).width == 200
        found, checked = read(tmp_path, files, pets), read(tmp_path, files, None)
        assert found.cleaned.rejects == checked.cleaned.rejects
        assert found.cleaned.rejects[0].reason == "undecodable"
        assert found.cleaned.ledger == checked.cleaned.ledger
        assert found.tally == checked.tally
        assert found.rows.column("filename").to_pylist() == ["1", "3"]
        assert [len(records) for records in whole(EncodedRecords.of(found.rows))] == [1, 1]

    def test_the_graph_refuses_cut_jpegs(
        self, pets: ImageRecordEncoder, tiled: ImageRecordEncoder
    ) -> None:
        assert pets.refuses_cut_jpegs and tiled.refuses_cut_jpegs

    def test_a_graph_that_fails_on_a_good_image_ends_the_run(
        self, pets: ImageRecordEncoder, tmp_path: Path
    ) -> None:
        black = encoded(Image.new("RGB", (40, 30)), "PNG")
        with pytest.raises(DataError, match=r"/black: the transform graph failed at .*too dark"):
            read(tmp_path, {"1": JPEG, "black": black}, pets)


class TestRows:
    def test_they_carry_records_in_place_of_bytes(
        self, pets: ImageRecordEncoder, tmp_path: Path
    ) -> None:
        files = {"1": JPEG, "2": PNG, "3": encoded(picture(4), "TIFF")}
        found, checked = read(tmp_path, files, pets), read(tmp_path, files, None)
        assert "image" not in found.rows.schema.names
        facts = [name for name in PETS.schema.names if name not in _LOOKS]
        assert found.rows.select(facts) == checked.rows.select(facts)
        assert found.cleaned.batch.column("image") == checked.cleaned.batch.column("image")
        assert ENCODED_TILES.weigh(found.rows) == TILED_IMAGES.weigh(checked.rows)
        records = [record for image in whole(EncodedRecords.of(found.rows)) for record in image]
        assert ENCODED_IMAGES.weigh(found.rows) == sum(map(len, records))
        assert found.rows.column(ENCODED_BYTES).to_pylist()[:2] == [len(JPEG), len(PNG)]
        assert expansion(found) == Expansion(3, 3, 0, 0)

    def test_they_look_as_the_pixels_that_the_graph_gives(
        self, pets: ImageRecordEncoder, tmp_path: Path
    ) -> None:
        found = read(tmp_path, {"1": JPEG}, pets)
        (shot,) = pets.pictures(found.cleaned.batch).outputs
        (look,) = compute_appearance([shot.picture.pixels])
        row = found.cleaned.batch.to_pylist()[0]
        assert {name: row[name] for name in _LOOKS} == pytest.approx(
            {name: getattr(look, name) for name in _LOOKS}
        )
        assert list(found.hashes) == [look.dhash]

    def test_what_filters_leave_out_is_not_pressed(
        self, tiled: ImageRecordEncoder, tmp_path: Path
    ) -> None:
        files = {"1": encoded(picture(1, (80, 60)), "PNG"), "2": encoded(picture(2), "PNG")}
        recipe = replace(TILED, filters=(pc.field("width") > 50,))
        found = read(tmp_path, files, tiled, recipe)
        assert found.rows.column("filename").to_pylist() == ["1"]
        assert expansion(found).written == 1
        assert sum(ledger.filtered for ledger in found.cleaned.ledger.values()) == 1

    def test_only_training_has_copies(self, tiled: ImageRecordEncoder, tmp_path: Path) -> None:
        boxes = {"boxes": ((4.0, 4.0, 20.0, 16.0),), "classes": ("cat",)}
        files = {f"{i}": encoded(picture(i, (80, 60)), "PNG") for i in range(12)}
        found = read(tmp_path, files, tiled, TILED, **boxes)
        pressed = EncodedRecords.of(found.rows)
        training = np.array(found.cleaned.splits)[found.cleaned.split] == "train"
        assert set(training) == {True, False}
        assert (pressed.counts[training, 2] > 0).all()
        assert (pressed.counts[~training, 2] == 0).all()
        records = pressed.counts @ [1, -1, 1]
        assert [len(one) for one in whole(pressed)] == records.tolist()

    def test_large_pictures_go_through_the_graph_one_by_one(
        self, pets: ImageRecordEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        files = {f"{i}": encoded(picture(i, (90 + i, 60))) for i in range(5)}
        together = read(tmp_path, files, pets)
        one_by_one = replace(
            IMAGES, cut=lambda rows: map(rows.slice, range(rows.num_rows), [1] * 5)
        )
        monkeypatch.setattr("recordmill.pipelines.images.chunks.IMAGES", one_by_one)
        alone = read(tmp_path, files, pets)
        assert alone.rows.to_pylist() == together.rows.to_pylist()
        assert alone.hashes == together.hashes
        assert alone.cleaned.ledger == together.cleaned.ledger


def test_rows_can_be_taken_and_sliced(tiled: ImageRecordEncoder, tmp_path: Path) -> None:
    boxes = {"boxes": ((4.0, 4.0, 20.0, 16.0),), "classes": ("cat",)}
    files = {f"{i}": encoded(picture(i, (80, 60)), "PNG") for i in range(4)}
    rows = read(tmp_path, files, tiled, TILED, **boxes).rows
    every = EncodedRecords.of(rows)
    taken = EncodedRecords.of(rows.take(pa.array([3, 0, 2])).slice(1))
    assert whole(taken) == [whole(every)[0], whole(every)[2]]
    assert taken.expansion.records == len(taken.records) == len(taken.orders)
    none = EncodedRecords.of(rows.slice(0, 0))
    assert (len(none.records), none.expansion) == (0, Expansion())


def with_an_analyzer(inputs: dict[str, Any]) -> dict[str, Any]:
    """The same outputs, behind an analysis of all images."""
    tft.mean(tf.strings.length(inputs["image"]))
    return small_images.classify(inputs) if "label" in inputs else small_images.detect(inputs)


def digests(manifest: Manifest) -> list[str]:
    return [shard.sha256 for split in manifest.splits.values() for shard in split.shards]


@pytest.mark.parametrize("recipe", [PETS, TILED], ids=["labels", "tiles and copies"])
def test_an_analysis_changes_no_byte_of_the_shards(recipe: Recipe, tmp_path: Path) -> None:
    write = write_pets if recipe is PETS else write_boxes
    recipe = replace(recipe, distinct=True)
    inputs = [Input(None, str(write(tmp_path / "in", 8)))]
    pressed = prepare(recipe, output=str(tmp_path / "pressed"), inputs=inputs)
    analyzed = replace(recipe, preprocessing_fn=with_an_analyzer)
    behind = prepare(analyzed, output=str(tmp_path / "behind"), inputs=inputs)
    assert digests(pressed) == digests(behind)
    assert pressed.expansion == behind.expansion
    assert pressed.ledger == behind.ledger
    assert pressed.parity == behind.parity
