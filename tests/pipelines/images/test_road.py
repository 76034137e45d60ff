"""Images from files to a published dataset."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_images
import tensorflow as tf
import tensorflow_transform as tft
from apache_beam.options.pipeline_options import PipelineOptions
from PIL import Image
from small_images import PETS, TILED, encoded, picture, write_boxes, write_pets

from recordmill.pipelines import Input, Recipe, prepare
from recordmill.pipelines.annotations.refs import ImageFormat
from recordmill.pipelines.images.options import Images
from recordmill.pipelines.recipe import find_recipe
from recordmill.pipelines.verify import verify
from recordmill.schemas import Column
from recordmill.schemas.errors import DataError, RecipeError
from recordmill.schemas.images import ImageSchema
from recordmill.schemas.manifest import Expansion, Manifest
from recordmill.transforms import load

_EDGES = ("ymin", "xmin", "ymax", "xmax")
TWO_PROCESSES = PipelineOptions(
    ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
)


def run(recipe: Recipe, source: Path | str, output: Path, **options: Any) -> Manifest:
    return prepare(recipe, output=str(output), inputs=[Input(None, str(source))], **options)


def digests(manifest: Manifest) -> list[str]:
    return [shard.sha256 for split in manifest.splits.values() for shard in split.shards]


@pytest.fixture(scope="module")
def pets() -> Recipe:
    return find_recipe(f"{small_images.__file__}:PETS")


@pytest.fixture(scope="module")
def tiled() -> Recipe:
    return find_recipe(f"{small_images.__file__}:TILED")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pets(tmp_path_factory.mktemp("pets") / "in")


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_boxes(tmp_path_factory.mktemp("boxes") / "in")


@pytest.fixture(scope="module")
def plain(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, Path]:
    output = tmp_path_factory.mktemp("plain") / "out"
    return run(PETS, folder, output), output


@pytest.fixture(scope="module")
def cut(boxes: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, Path]:
    output = tmp_path_factory.mktemp("cut") / "out"
    return run(TILED, boxes, output), output


def examples(folder: Path, split: str) -> list[tf.train.Example]:
    files = sorted((folder / split).iterdir())
    return [
        tf.train.Example.FromString(record.numpy())
        for record in tf.data.TFRecordDataset([str(file) for file in files])
    ]


def value(example: tf.train.Example, key: str) -> Any:
    feature = example.features.feature[key]
    return list(getattr(feature, feature.WhichOneof("kind")).value)


def test_every_image_is_accounted_for_and_the_dataset_verifies(
    plain: tuple[Manifest, Path],
) -> None:
    manifest, output = plain
    assert sum(ledger.read for ledger in manifest.ledger.values()) == 24
    assert sum(split.records for split in manifest.splits.values()) == 24
    assert verify(str(output)).records == 24
    (source,) = manifest.inputs
    assert (source.records, len(source.sha256)) == (24, 64)
    assert manifest.parity["largest_pixel_difference"] == 0
    assert manifest.parity["records_that_differ"] == 0
    assert {name: manifest.images[name] for name in ("kind", "storage", "height", "width")} == {
        "kind": "classification",
        "storage": "png",
        "height": 16,
        "width": 16,
    }
    assert manifest.images["formats"] == {"JPEG": 24}


def test_records_have_the_keys_of_the_object_detection_api(plain: tuple[Manifest, Path]) -> None:
    _, output = plain
    example = examples(output, "train")[0]
    name = value(example, "image/filename")[0].decode()
    assert set(example.features.feature) == {
        "image/class/label",
        "image/class/text",
        "image/encoded",
        "image/filename",
        "image/format",
        "image/height",
        "image/source_id",
        "image/width",
    }
    assert value(example, "image/class/text") == [name.partition("/")[0].encode()]
    assert value(example, "image/class/label") == [int(name.startswith("dog"))]
    assert value(example, "image/height") == value(example, "image/width") == [16]
    assert value(example, "image/format") == [b"png"]
    spec = tft.TFTransformOutput(str(output)).transformed_feature_spec()
    parsed = tf.io.parse_single_example(example.SerializeToString(), spec)
    assert parsed["image/class/label"].numpy() == int(name.startswith("dog"))


def test_input_sorted_by_class_comes_out_mixed(plain: tuple[Manifest, Path]) -> None:
    labels = [value(one, "image/class/label")[0] for one in examples(plain[1], "train")]
    changes = sum(one != other for one, other in pairwise(labels))
    assert changes >= 4


def test_the_loader_gives_what_the_graph_serves(plain: tuple[Manifest, Path], folder: Path) -> None:
    data = load(plain[1])
    stored = {
        value(one, "image/filename")[0].decode(): value(one, "image/encoded")[0]
        for one in examples(plain[1], "eval")
    }
    served = data.transform({"image": [(folder / name).read_bytes() for name in stored]})
    for pixels, png in zip(served["image"], stored.values(), strict=True):
        np.testing.assert_array_equal(pixels, tf.io.decode_png(png))
    images, labels = next(iter(data.dataset("train", 5)))
    assert (images.shape, images.dtype, labels.dtype) == ((5, 16, 16, 3), tf.uint8, tf.int64)


@pytest.mark.parametrize(
    "how",
    [{"shuffle": "group"}, {"options": PipelineOptions(["--direct_runner_bundle_repeat=2"])}],
    ids=["group", "repeated bundles"],
)
def test_the_same_bytes_however_it_runs(
    how: dict[str, Any], folder: Path, boxes: Path, plain: Any, cut: Any, tmp_path: Path
) -> None:
    assert digests(run(PETS, folder, tmp_path / "pets", **how)) == digests(plain[0])
    assert digests(run(TILED, boxes, tmp_path / "tiled", **how)) == digests(cut[0])


@pytest.mark.slow
def test_the_same_bytes_from_two_processes(
    pets: Recipe, tiled: Recipe, folder: Path, boxes: Path, plain: Any, cut: Any, tmp_path: Path
) -> None:
    manifest = run(pets, folder, tmp_path / "pets", options=TWO_PROCESSES)
    assert digests(manifest) == digests(plain[0])
    manifest = run(tiled, boxes, tmp_path / "tiled", options=TWO_PROCESSES)
    assert digests(manifest) == digests(cut[0])


def test_tiles_and_copies_are_counted(cut: tuple[Manifest, Path]) -> None:
    manifest, output = cut
    train, evaluation = manifest.expansion["train"], manifest.expansion["eval"]
    assert train.written + evaluation.written == 8
    assert train.pieces == 9 * train.written  # 80 x 60 in tiles of 32 a stride of 24: 3 x 3
    assert train.left_out > 0
    assert train.copies == 2 * (train.pieces - train.left_out)
    assert evaluation.copies == 0
    assert evaluation.records == manifest.splits["eval"].records
    assert verify(str(output)).records == train.records + evaluation.records


def test_boxes_of_a_tile_are_where_the_pixels_are(tmp_path: Path) -> None:
    image = Image.new("RGB", (80, 60), "white")
    image.paste((255, 0, 0), (10, 8, 20, 26))
    (tmp_path / "in").mkdir()
    image.save(tmp_path / "in" / "one.png")
    (tmp_path / "in" / "boxes.csv").write_text(
        "filename,width,height,class,xmin,ymin,xmax,ymax\none.png,80,60,cat,10,8,20,26\n"
    )
    recipe = replace(TILED, images=replace(TILED.images, format=ImageFormat(), empty_tiles=1.0))
    prepare(
        recipe, output=str(tmp_path / "out"), inputs=[Input("train", f"{tmp_path}/in/boxes.csv")]
    )
    drawn = 0
    for example in examples(tmp_path / "out", "train"):
        pixels = tf.io.decode_png(value(example, "image/encoded")[0]).numpy()
        edges = [value(example, f"image/object/bbox/{edge}") for edge in _EDGES]
        if not edges[0]:
            continue
        assert value(example, "image/object/class/label") == [1]
        assert value(example, "image/object/class/text") == [b"cat"]
        rows, columns = np.nonzero(pixels.min(axis=2) < 128)
        found = (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
        np.testing.assert_allclose([edge[0] * 32 for edge in edges], found, atol=1e-4)
        drawn += 1
    assert drawn >= 3


def test_a_dataset_of_boxes_has_a_label_map(cut: tuple[Manifest, Path]) -> None:
    assert (cut[1] / "label_map.pbtxt").read_text() == (
        'item {\n  id: 1\n  name: "cat"\n}\nitem {\n  id: 2\n  name: "dog"\n}\n'
    )


def test_bad_images_are_rejected_one_by_one(tmp_path: Path) -> None:
    folder = write_pets(tmp_path / "in", 8)
    whole = encoded(picture(100, (200, 150)), quality=90)
    bad = {
        "cut.jpg": whole[: len(whole) // 2],
        "endless.jpg": whole[:-2],
        "empty.jpg": b"",
        "page.jpg": b"<html><body>404</body></html>",
        "huge.png": encoded(Image.new("1", (15_000, 12_000)), "PNG"),
    }
    for name, data in bad.items():
        (folder / "cat" / name).write_bytes(data)
    recipe = replace(PETS, max_reject_ratio=0.5)
    manifest = run(recipe, folder, tmp_path / "out")
    (rejected,) = [ledger.rejected for ledger in manifest.ledger.values() if ledger.rejected]
    assert rejected == {
        "empty_file": 1,
        "not_an_image": 1,
        "too_many_pixels": 1,
        "truncated": 2,
    }
    lines = (tmp_path / "out/rejects/unsplit.jsonl").read_text().splitlines()
    rejects = {Path(one["file"]).name: one for one in map(json.loads, lines)}
    assert set(rejects) == set(bad)
    assert rejects["huge.png"]["message"].startswith(
        "expected at most 50,000,000 pixels, got 180,000,000"
    )
    assert verify(str(tmp_path / "out")).records == 8


def test_formats_that_tensorflow_does_not_decode_go_through_pillow(tmp_path: Path) -> None:
    folder = write_pets(tmp_path / "in", 4)
    for kind in ("TIFF", "WEBP", "BMP"):
        (folder / "cat" / f"one.{kind.lower()}").write_bytes(encoded(picture(7), kind))
    (folder / "dog" / "inks.jpg").write_bytes(encoded(picture(8).convert("CMYK")))
    manifest = run(PETS, folder, tmp_path / "out")
    assert manifest.images["formats"] == {"BMP": 1, "JPEG": 5, "TIFF": 1, "WEBP": 1}
    assert manifest.images["converted_by_pillow"] == {"BMP": 1, "JPEG": 1, "TIFF": 1, "WEBP": 1}


def test_exif_turns_pixels_and_boxes(tmp_path: Path) -> None:
    upright = Image.new("RGB", (60, 80), "white")
    upright.paste((255, 0, 0), (10, 8, 30, 26))
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned by 90 degrees to the left
    (tmp_path / "in").mkdir()
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    stored.save(tmp_path / "in" / "one.jpg", quality=100, subsampling=0, exif=exif)
    header = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
    recipe = replace(
        TILED, images=replace(TILED.images, format=ImageFormat(), tiling=None, augmentation=None)
    )
    for name, row in {
        "as stored": "one.jpg,80,60,cat,8,30,26,50\n",
        "upright": "one.jpg,60,80,cat,10,8,30,26\n",
    }.items():
        (tmp_path / "in" / "boxes.csv").write_text(header + row)
        output = tmp_path / name
        prepare(recipe, output=str(output), inputs=[Input("train", f"{tmp_path}/in/boxes.csv")])
        (example,) = examples(output, "train")
        edges = [value(example, f"image/object/bbox/{edge}")[0] for edge in _EDGES]
        np.testing.assert_allclose(edges, [8 / 80, 10 / 60, 26 / 80, 30 / 60], atol=1e-6)
        pixels = tf.io.decode_png(value(example, "image/encoded")[0]).numpy()
        assert pixels.shape == (80, 60, 3)
        rows, columns = np.nonzero(pixels[:, :, 1] < 128)
        assert (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1) == (8, 10, 26, 30)


def test_boxes_are_clipped_and_bad_ones_reject_the_image(tmp_path: Path) -> None:
    source = write_boxes(tmp_path / "in", 3)
    source.write_text(
        "filename,width,height,class,xmin,ymin,xmax,ymax\n"
        "000.png,80,60,cat,-5,-5,40,30\n"
        "001.png,80,60,cat,40,10,30,20\n"
        "002.png,80,60,cat,90,10,99,20\n"
        "gone.png,80,60,cat,1,1,9,9\n"
    )
    recipe = replace(TILED, max_reject_ratio=1.0, images=Images(format=ImageFormat(root="images")))
    manifest = prepare(recipe, output=str(tmp_path / "out"), inputs=[Input("train", str(source))])
    assert manifest.ledger["train"].rejected == {"bad_box": 2, "missing_image": 1}
    (example,) = examples(tmp_path / "out", "train")
    edges = [value(example, f"image/object/bbox/{edge}")[0] for edge in _EDGES]
    assert edges == [0, 0, 0.5, 0.5]


def test_copies_of_a_file_stay_in_one_split_and_can_be_left_out(tmp_path: Path) -> None:
    folder = write_pets(tmp_path / "in", 12)
    for index in range(12):
        kind = ("cat", "dog")[index % 2]
        original = (folder / kind / f"{index:03d}.jpg").read_bytes()
        (folder / kind / f"again-{index:03d}.jpg").write_bytes(original)
    manifest = run(replace(PETS, distinct=True), folder, tmp_path / "out")
    assert sum(ledger.duplicates for ledger in manifest.ledger.values()) == 12
    assert verify(str(tmp_path / "out")).records == 12


def test_near_duplicates_are_told_of_and_dropped_from_training(tmp_path: Path) -> None:
    train, evaluation = (write_pets(tmp_path / name, 12) for name in ("train", "eval"))
    for index, path in enumerate(sorted(evaluation.rglob("*.jpg"))):
        size = (96, 72) if index < 3 else (48, 36)
        seed = int(path.stem) if index < 3 else 100 + index
        path.write_bytes(encoded(picture(seed, size), quality=70))
    inputs = [Input("train", str(train)), Input("eval", str(evaluation))]
    told = prepare(PETS, output=str(tmp_path / "told"), inputs=inputs)
    near = told.images["near_duplicates"]
    assert (near["groups"], near["images"], near["straddling"], near["dropped"]) == (3, 6, 3, 0)
    assert told.splits["train"].records == 12
    recipe = replace(PETS, images=Images(near_duplicates="drop"))
    manifest = prepare(recipe, output=str(tmp_path / "dropped"), inputs=inputs)
    assert manifest.splits["train"].records == 9
    assert manifest.splits["eval"].records == 12
    assert manifest.ledger["train"].duplicates == 3
    assert verify(str(tmp_path / "dropped")).records == 21


def grouped(inputs: dict[str, Any]) -> dict[str, Any]:
    return small_images.classify(inputs) | {"weight": inputs["weight"]}


def test_a_manifest_with_groups_and_further_columns(tmp_path: Path) -> None:
    folder = write_pets(tmp_path / "in", 24)
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.jpg"))
    (folder / "list.csv").write_text(
        "path,label,animal,weight\n"
        + "".join(f"{name},{name[:3]},a{i % 6},{i / 2}\n" for i, name in enumerate(names))
    )
    schema = ImageSchema("classification", ("cat", "dog"), (Column("weight", "float32"),))
    images = Images(format=ImageFormat(group_column="animal", further=("weight",)))
    recipe = replace(PETS, schema=schema, images=images, preprocessing_fn=grouped)
    manifest = run(recipe, folder / "list.csv", tmp_path / "out")
    assert manifest.images["further"] == ["weight"]
    of_split = {}
    for split in ("train", "eval"):
        found = examples(tmp_path / "out", split)
        rows = [names.index(value(one, "image/filename")[0].decode()) for one in found]
        assert [value(one, "weight")[0] for one in found] == [row / 2 for row in rows]
        of_split[split] = {row % 6 for row in rows}
    assert of_split["train"] & of_split["eval"] == set()
    assert of_split["train"] | of_split["eval"] == set(range(6))


def test_a_run_without_any_good_image_publishes_an_empty_dataset(tmp_path: Path) -> None:
    (tmp_path / "in" / "cat").mkdir(parents=True)
    (tmp_path / "in" / "cat" / "a.jpg").write_bytes(b"")
    manifest = run(replace(PETS, max_reject_ratio=1.0), tmp_path / "in", tmp_path / "out")
    assert {name: split.records for name, split in manifest.splits.items()} == {
        "train": 0,
        "eval": 0,
    }
    assert manifest.expansion["train"] == Expansion()
    assert verify(str(tmp_path / "out")).records == 0


def test_a_label_that_is_no_class_is_rejected(tmp_path: Path) -> None:
    folder = write_pets(tmp_path / "in", 4)
    (folder / "cow").mkdir()
    (folder / "cow" / "x.jpg").write_bytes(encoded(picture(9)))
    with pytest.raises(DataError) as error:
        run(PETS, folder, tmp_path / "out")
    assert "1 not_in_domain" in str(error.value)
    assert f'{folder}/cow/x.jpg:1: cow/x.jpg: expected a class of "cat", "dog", got "cow"' in str(
        error.value
    )


def unlabelled(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"image": small_images.classify(inputs)["image"]}


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (
            replace(PETS, images=replace(TILED.images)),
            "images: tiling is for detection: a tile of a picture need not show its class",
        ),
        (
            replace(PETS, preprocessing_fn=unlabelled),
            'the preprocessing_fn of a dataset of images for classification gives "label" of '
            "int64; this one has no such output",
        ),
    ],
)
def test_recipes_that_contradict_themselves(
    recipe: Recipe, message: str, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError) as error:
        run(recipe, folder, tmp_path / "out")
    assert str(error.value) == message
