"""`examples/planes_keras.py` learns, and detects aeroplanes in whole pictures."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers.doc_pages import ROOT, run_page
from helpers.image_dataset import Picture, noise, png, write_dataset

from recordmill.pipelines import Input
from recordmill.pipelines.config.image_format import ImageFormat
from recordmill.pipelines.images.annotations.listing import list_images
from recordmill.transforms import load
from recordmill.transforms.boxes import clip, intersection_over_union
from recordmill.transforms.dataset.loader import PreparedDataset
from recordmill.transforms.tiles import Tiling
from recordmill.transforms.yolo import boxes_of_grid, yolo_grid

EXAMPLE = ROOT / "examples" / "planes_keras.py"
PAGE = ROOT / "docs" / "planes.md"
SIDE = 64

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLE))


def picture(seed: int) -> Picture:
    """Return dark noise with one bright square."""
    pixels = noise(SIDE, SIDE, seed=seed) // 4
    top, left = map(int, np.random.default_rng(seed).integers(0, 40, 2))
    pixels[top : top + 20, left : left + 20] += 190
    edges = np.array([top, left, top + 20, left + 20]) / SIDE
    return Picture(pixels, boxes=(tuple(edges.tolist()),), classes=(1,))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    folder = tmp_path_factory.mktemp("tiles") / "data"
    pictures = [picture(seed) for seed in range(32)]
    return load(write_dataset(folder, pictures, kind="detection", size=(SIDE, SIDE)))


@pytest.fixture(scope="module")
def model(example: dict[str, Any], data: PreparedDataset) -> Any:
    return example["train"](data, epochs=12)


@pytest.fixture
def pictures_data(tmp_path: Path) -> PreparedDataset:
    """Return a dataset whose graph gives whole pictures, as that of `planes` does."""
    return load(write_dataset(tmp_path / "whole", [picture(1), picture(2)], kind="detection"))


def test_the_loss_falls(model: Any) -> None:
    losses = model.history.history["loss"]
    assert losses[-1] < losses[0] / 2


def test_only_cells_with_an_object_learn_boxes(example: dict[str, Any]) -> None:
    target = yolo_grid([[0.2, 0.2, 0.4, 0.4]], grid=16, boxes_per_cell=2)[0]
    output = tf.where(target[..., 4:] > 0, target, [0.9, -0.9, 0.7, 0.1, 0.0])
    assert float(example["yolo_loss"](target[tf.newaxis], output[tf.newaxis])[0]) < 0.01
    moved = output + tf.constant([0.5, 0.0, 0.0, 0.0, 0.0])
    loss = example["yolo_loss"](target[tf.newaxis], moved[tf.newaxis])[0]
    assert float(loss) == pytest.approx(5 * 0.5**2, abs=0.01)


def test_a_picture_of_one_tile(
    example: dict[str, Any], model: Any, pictures_data: PreparedDataset, tmp_path: Path
) -> None:
    """The served model detects in the bytes of pictures what the model detects in their pixels."""
    pixels = np.stack([picture(seed).pixels for seed in (1, 2, 50)])
    grids = model(pixels, training=False)
    min_score = 0.9 * float(tf.reduce_min(tf.reduce_max(grids[..., 4], axis=[1, 2, 3])))
    pictures_data.export(
        example["Scanner"](model, Tiling(SIDE, SIDE), min_score), tmp_path / "model"
    )
    served = tf.saved_model.load(str(tmp_path / "model")).signatures["image_bytes"]
    detections = served(image_bytes=tf.constant([png(array) for array in pixels]))
    assert detections["boxes"].shape == (3, example["MAX_PLANES"], 4)
    for index, grid in enumerate(grids):
        boxes, scores = boxes_of_grid(grid, threshold=min_score)
        indices = tf.image.non_max_suppression(clip(boxes), scores, 100, 0.3)
        assert len(indices) >= 1
        np.testing.assert_allclose(
            detections["boxes"][index, : len(indices)], tf.gather(clip(boxes), indices), atol=1e-4
        )
        assert tf.math.count_nonzero(detections["scores"][index]) == len(indices)


def test_tiles_are_stitched(
    example: dict[str, Any], pictures_data: PreparedDataset, tmp_path: Path
) -> None:
    """A model that detects a box in the middle of each tile, in pictures of one and two tiles."""

    class Middle(tf.Module):
        def __call__(self, tiles: tf.Tensor, training: bool) -> tf.Tensor:
            grid = yolo_grid([[0.25, 0.25, 0.75, 0.75]], grid=16, boxes_per_cell=2)[0]
            return tf.tile(grid[tf.newaxis], [tf.shape(tiles)[0], 1, 1, 1, 1])

    pictures_data.export(example["Scanner"](Middle(), Tiling(SIDE, SIDE)), tmp_path / "model")
    served = tf.saved_model.load(str(tmp_path / "model")).signatures["image_bytes"]
    pictures = [png(noise(SIDE, width)) for width in (SIDE, 2 * SIDE)]
    detections = served(image_bytes=tf.constant(pictures))
    assert tf.math.count_nonzero(detections["scores"], axis=1).numpy().tolist() == [1, 2]
    np.testing.assert_allclose(detections["boxes"][0, 0], [0.25, 0.25, 0.75, 0.75], atol=1e-6)
    expected = [[0.25, 0.125, 0.75, 0.375], [0.25, 0.625, 0.75, 0.875]]
    np.testing.assert_allclose(detections["boxes"][1, :2], expected, atol=1e-6)
    assert not detections["boxes"].numpy()[1, 2:].any()


@pytest.mark.timeout(1200)  # 75 s of processor time
def test_planes_are_detected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the 28 aeroplanes of the evaluation pictures, 86 and 82 % were detected when measured.

    The model is the one that docs/planes.md trains and verifies.
    """
    run_page(PAGE, tmp_path, monkeypatch)
    out = capsys.readouterr().out
    served = tf.saved_model.load("models/planes").signatures["image_bytes"]
    pattern = "aerial/eval/annotations/*.xml"
    overlaps, count = [], 0
    images = list_images(Input("eval", pattern), ImageFormat(root="../images")).images
    for image in images:
        answer = served(image_bytes=tf.io.read_file(image.path)[tf.newaxis])
        boxes = tf.boolean_mask(answer["boxes"], answer["scores"] > 0)
        assert image.stated_size
        width, height = image.stated_size
        truth = np.array(image.boxes) / [height, width, height, width]
        each = intersection_over_union(truth.astype(np.float32), boxes)
        overlaps += tf.reduce_max(each, axis=1).numpy().tolist()
        count += len(boxes)
    assert len(overlaps) == 28
    assert np.mean(np.array(overlaps) >= 0.3) >= 0.7
    assert np.mean(np.array(overlaps) >= 0.5) >= 0.6
    assert count <= 1.3 * len(overlaps)
    assert "8 of train, 4 of eval images" in out
    assert "examples: all values are equal" in out
