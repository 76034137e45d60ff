"""Images from files to a published dataset."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from apache_beam.options.pipeline_options import PipelineOptions
from helpers import small_images
from helpers.small_images import PETS, TILED, digests, examples, run, value, write_boxes, write_pets

from recordmill.pipelines.recipes.find import find_recipe
from recordmill.pipelines.verify import verify
from recordmill.schemas.manifest import Manifest
from recordmill.transforms import load

pytestmark = pytest.mark.slow

TWO_PROCESSES = PipelineOptions(
    ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
)


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


def test_the_same_bytes_from_two_processes(boxes: Path, cut: Any, tmp_path: Path) -> None:
    """Of tiles and copies, which take all that labels do, and more."""
    tiled = find_recipe(f"{small_images.__file__}:TILED")  # its functions pickle by value
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


def test_a_dataset_of_boxes_has_a_label_map(cut: tuple[Manifest, Path]) -> None:
    assert (cut[1] / "label_map.pbtxt").read_text() == (
        'item {\n  id: 1\n  name: "cat"\n}\nitem {\n  id: 2\n  name: "dog"\n}\n'
    )
