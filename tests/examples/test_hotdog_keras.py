"""`examples/hotdog_keras.py` learns, serves the bytes of photos, and scans large ones."""

from __future__ import annotations

import re
import runpy
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers.image_dataset import Picture, noise, png, write_dataset

from recordmill.pipelines import Input, prepare
from recordmill.pipelines.hotdog import HOTDOG
from recordmill.runners.cli import main
from recordmill.transforms import load
from recordmill.transforms.dataset.loader import PreparedDataset

EXAMPLE = Path(__file__).parents[2] / "examples" / "hotdog_keras.py"
SIDE = 32


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLE))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    """Return noise, dark for class 0 and bright for class 1."""
    pictures = [
        Picture(noise(SIDE, SIDE, seed=seed) // 2 + seed % 2 * 128, label=seed % 2)
        for seed in range(24)
    ]
    return load(
        write_dataset(tmp_path_factory.mktemp("data") / "data", pictures, size=(SIDE, SIDE))
    )


@pytest.fixture(scope="module")
def model(example: dict[str, Any], data: PreparedDataset) -> Any:
    return example["train"](data, epochs=4)


def test_the_loss_falls(model: Any) -> None:
    losses = model.history.history["loss"]
    assert losses[-1] < losses[0]


def test_the_bytes_of_photos(data: PreparedDataset, model: Any, tmp_path: Path) -> None:
    data.export(model, tmp_path / "model")
    pixels, _ = next(iter(data.dataset("train", 5)))
    served = tf.saved_model.load(str(tmp_path / "model")).signatures["image_bytes"]
    answer = served(image_bytes=tf.constant([png(array) for array in pixels.numpy()]))
    expected = model(pixels, training=False)[:, 0]
    np.testing.assert_allclose(answer["predictions"], expected, rtol=1e-5, atol=1e-6)


def test_a_scanned_photo(example: dict[str, Any], model: Any, tmp_path: Path) -> None:
    """The scores of the saved scanner are those of the model for the same parts of the photo."""
    scanner = example["Scanner"](model)
    tf.saved_model.save(scanner, str(tmp_path / "scanner"), signatures=scanner.scan)
    scan = tf.saved_model.load(str(tmp_path / "scanner")).signatures["serving_default"]
    photo = noise(4 * SIDE, 5 * SIDE) // 2
    photo[SIDE : 2 * SIDE, 3 * SIDE : 4 * SIDE] += 128
    detections = scan(image_bytes=tf.constant(png(photo)))
    assert detections["boxes"].shape[0] >= 1
    np.testing.assert_allclose(detections["boxes"][0], [0.25, 0.6, 0.5, 0.8], atol=1e-6)
    tile = photo[np.newaxis, SIDE : 2 * SIDE, 3 * SIDE : 4 * SIDE]
    expected = tf.sigmoid(model(tile, training=False))[0, 0]
    assert float(detections["scores"][0]) == pytest.approx(float(expected), rel=1e-5)
    assert (
        sorted(detections["scores"].numpy(), reverse=True) == detections["scores"].numpy().tolist()
    )


def test_a_photo_smaller_than_a_tile(example: dict[str, Any], model: Any) -> None:
    scanner = example["Scanner"](model)
    detections = scanner.scan(tf.constant(png(np.full((SIDE - 1, SIDE, 3), 255, np.uint8))))
    assert detections["boxes"].shape == (0, 4)


@pytest.mark.parametrize("storage", ["png", "jpeg"])
def test_parity_on_real_photos(
    hotdog: Path,
    example: dict[str, Any],
    storage: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    inputs = [
        _copy_first(hotdog / "train", tmp_path / "train"),
        _copy_first(hotdog / "test", tmp_path / "eval"),
    ]
    recipe = replace(HOTDOG, images=replace(HOTDOG.images, storage=storage))
    out, path = str(tmp_path / "out"), str(tmp_path / "model")
    prepare(recipe, output=out, inputs=[Input(Path(folder).name, folder) for folder in inputs])
    load(out).export(example["network"](224, 224), path)
    capsys.readouterr()
    assert main(["verify", out, "--parity", path]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert "8 of train, 8 of eval images, 1 feature, by graph, transform, JSON lines" in line
    if storage == "png":
        assert line.endswith("all values are equal")
    else:
        difference = re.search(r"a sample of a pixel differs by (\d+) at most", line)
        assert difference and 0 < int(difference[1]) < 100


def _copy_first(photos: Path, folder: Path, count: int = 6) -> str:
    """Copy the first photos of each class into a folder."""
    for name in HOTDOG.schema.classes:
        (folder / name).mkdir(parents=True)
        for photo in sorted((photos / name).iterdir())[:count]:
            shutil.copy(photo, folder / name)
    return str(folder)
