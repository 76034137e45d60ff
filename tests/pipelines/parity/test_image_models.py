"""Comparison of a model over images with the records it was trained on."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from helpers import small_images
from helpers.exported import export_graph
from helpers.small_images import write_boxes, write_pets

from recordmill.pipelines import Images, Input, prepare
from recordmill.pipelines.recipes.find import find_recipe
from recordmill.pipelines.verify import verify
from recordmill.schemas.errors import DataError

pytestmark = pytest.mark.slow


def predictions(features: Any) -> dict[str, tf.Tensor]:
    logits = tf.reduce_mean(tf.cast(features["image"], tf.float32), axis=[1, 2]) / 100
    return {"logits": logits, "probabilities": tf.nn.softmax(logits)}


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepare photos with JPEG storage, and export a model."""
    folder = tmp_path_factory.mktemp("pets")
    write_pets(folder / "in", 12)
    recipe = replace(find_recipe(f"{small_images.__file__}:PETS"), images=Images(storage="jpeg"))
    prepare(recipe, output=str(folder / "out"), inputs=[Input(None, str(folder / "in"))])
    export_graph(folder / "model", folder / "out", label="label", predictions=predictions)
    return folder


def test_jpeg_storage_differs_and_the_signatures_are_equal(pets: Path) -> None:
    parity = verify(str(pets / "out"), parity=str(pets / "model")).parity
    assert parity is not None
    assert sorted(parity.rows) == ["eval", "train"]
    assert parity.routes == (
        "graph",
        "transform",
        "JSON lines",
        "image_bytes",
        "examples",
    )
    assert parity.largest_pixel_difference and parity.largest_pixel_difference < 100
    assert parity.result == (
        f"a sample of a pixel differs by {parity.largest_pixel_difference} at most"
    )


def test_a_model_with_other_pixels_is_reported(pets: Path) -> None:
    def wrong(features: dict[str, Any]) -> dict[str, Any]:
        return {"image": tf.maximum(features["image"], 255)}

    model = pets / "wrong"
    export_graph(model, pets / "out", label="label", predictions=predictions, features=wrong)
    with pytest.raises(DataError) as error:
        verify(str(pets / "out"), parity=str(model))
    message = r'\d\d\d\.jpg \(\w+\): feature "image": graph \d+, transform: 255'
    assert re.search(message, str(error.value))


def test_an_input_that_changed_is_named(pets: Path) -> None:
    further = pets / "in" / "cat" / "new.jpg"
    further.write_bytes((pets / "in" / "cat" / "000.jpg").read_bytes())
    try:
        with pytest.raises(DataError, match=r"has changed: the run read 12 images of"):
            verify(str(pets / "out"), parity=str(pets / "model"))
    finally:
        further.unlink()


def test_tiles_are_those_that_are_stored(tmp_path: Path) -> None:
    recipe = find_recipe(f"{small_images.__file__}:TILED")
    boxes = write_boxes(tmp_path, 4)
    out = str(tmp_path / "out")
    prepare(recipe, output=out, inputs=[Input("train", str(boxes))])

    def dense(features: dict[str, Any]) -> dict[str, Any]:
        return {"image": features["image"].to_tensor()}

    export_graph(
        tmp_path / "model",
        tmp_path / "out",
        label=None,
        predictions=predictions,
        features=dense,
        without=("boxes", "box_labels"),
    )
    parity = verify(out, parity=str(tmp_path / "model")).parity
    assert parity is not None
    assert (parity.rows, parity.result) == ({"train": 4}, "all values are equal")
