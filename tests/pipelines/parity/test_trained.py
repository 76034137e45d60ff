"""Predictions of an exported model as trained and as served."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers import small_images
from helpers.exported import by_position
from helpers.small_images import write_boxes, write_pets
from helpers.small_recipe import HEADER, SMALL, rows

from recordmill.pipelines import Images, Input, prepare
from recordmill.pipelines.parity.comparison import Comparison
from recordmill.pipelines.parity.trained import compare_trained
from recordmill.pipelines.recipes.find import find_recipe
from recordmill.pipelines.verify import verify
from recordmill.schemas.errors import DataError
from recordmill.transforms import load

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    (folder / "a.csv").write_text(HEADER + "".join(rows(300)))
    prepare(SMALL, output=str(folder / "out"), inputs=[Input(None, str(folder / "a.csv"))])
    return folder / "out"


def cities(data: Any) -> Any:
    """Return a model that predicts the id of the city, which comes after the age in a batch."""
    inputs = data.keras_inputs(features=["city"])
    return tf.keras.Model(inputs, tf.keras.layers.Rescaling(1.0, dtype="float32")(inputs["city"]))


def test_a_model_over_some_features(small: Path, tmp_path: Path) -> None:
    data = load(small)
    data.export(cities(data), tmp_path / "1", output_kind="values")
    parity = verify(str(small), parity=str(tmp_path / "1")).parity
    assert parity is not None
    assert parity.routes == ("graph", "transform", "JSON lines", "examples", "records")
    assert parity.result == "all values are equal"
    assert parity.notes == ('the signature "transform" leaves out age',)


def test_a_model_that_was_fed_by_position(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = load(small)
    model = by_position(cities(data), monkeypatch)
    monkeypatch.setattr("recordmill.transforms.serving.trained_answers.TOLERANCE", np.inf)
    data.export(model, tmp_path / "1", output_kind="values")
    with pytest.raises(DataError) as error:
        verify(str(small), parity=str(tmp_path / "1"))
    first, *lines = str(error.value).splitlines()
    assert first.startswith(f"{tmp_path}/1: gets other values than {small} has; ")
    assert [line.split(" (")[1].split(":")[0] for line in lines] == ["train)", "eval)"]
    source, rest = lines[0].strip().split(': prediction "predictions": trained ')
    assert source.startswith(f"{small.parent}/a.csv:")
    trained, rest = rest.split(", served ", 1)
    served, rest = rest.split("; ", 1)
    assert int(served) in (0, 1, 2, 3) and trained != served
    assert rest == (
        "the model gets other features in training than in serving. Train it on dataset(..., "
        "features=[...]) over keras_inputs(features=[...]) of the same names, and export it again"
    )


class Served:
    """An exported model whose signature "records" returns these predictions."""

    signatures = ("records",)

    def __init__(self, *answers: float) -> None:
        self.answers = np.array(answers, np.float32)

    def columns(self, signature: str) -> dict[str, None]:
        return {signature: None}

    def __call__(self, signature: str, columns: Any) -> dict[str, Any]:
        return {"predictions": self.answers[: len(columns[signature])]}


def compare(served: Any, *predicted: float, **options: Any) -> Comparison:
    comparison = Comparison()
    answers = {"predictions": np.array(predicted, np.float32)}
    sources = [f"a.csv:{line}" for line in range(len(predicted))]
    records = [b""] * len(predicted)
    compare_trained(served, records, answers, sources=sources, comparison=comparison, **options)
    return comparison


def test_small_differences_are_reported_and_large_ones_fail() -> None:
    comparison = compare(Served(1.0, 2.00001), 1.0, 2.0)
    assert (comparison.problems, list(comparison.routes)) == ([], ["records"])
    assert comparison.prediction_difference == pytest.approx(5e-6, rel=0.1)
    assert compare(Served(1.0, 2.1), 1.0, 2.0, tolerance=0.1).problems == []
    (problem,) = compare(Served(1.0, 2.1), 1.0, 2.0).problems
    assert problem.startswith('a.csv:1: prediction "predictions": trained 2.1, served 2; ')


def test_nothing_to_compare() -> None:
    assert compare(Served()).routes == {}
    comparison, boxes = Comparison(), {"boxes": np.zeros([1])}
    compare_trained(Served(1.0), [b""], boxes, sources=["a"], comparison=comparison)
    assert list(comparison.notes) == [
        "the model has no predictions that can be compared with those in training"
    ]


def network(data: Any) -> Any:
    """Return a model over pixels: the mean of each channel."""
    images = data.manifest.images
    inputs = tf.keras.Input((images["height"], images["width"], 3), dtype="uint8", name="image")
    x = tf.keras.layers.Rescaling(1 / 255)(inputs)
    x = tf.keras.layers.GlobalAveragePooling2D()(x)
    kernel = tf.keras.initializers.Constant([[1.0, -1.0], [0.5, 0.0], [0.0, 0.5]])
    output = tf.keras.layers.Dense(2, activation="softmax", kernel_initializer=kernel)(x)
    return tf.keras.Model(inputs, output)


@pytest.mark.parametrize("storage", ["jpeg", "png"])
def test_images(storage: Any, tmp_path: Path) -> None:
    write_pets(tmp_path / "in", 12)
    recipe = replace(find_recipe(f"{small_images.__file__}:PETS"), images=Images(storage=storage))
    out = str(tmp_path / "out")
    prepare(recipe, output=out, inputs=[Input(None, str(tmp_path / "in"))])
    data = load(out)
    data.export(network(data), tmp_path / "1")
    parity = verify(out, parity=str(tmp_path / "1")).parity
    assert parity is not None
    assert "records" in parity.routes and parity.notes == ()
    difference = parity.prediction_difference
    assert (0 < difference < 0.1) if storage == "jpeg" else difference < 1e-5


def test_tiles_are_not_compared(tmp_path: Path) -> None:
    boxes = write_boxes(tmp_path, 4)
    out = str(tmp_path / "out")
    recipe = find_recipe(f"{small_images.__file__}:TILED")
    prepare(recipe, output=out, inputs=[Input("train", str(boxes))])

    class Finder(tf.Module):
        def __call__(self, pictures: Any, training: bool) -> Any:
            width = tf.shape(pictures.to_tensor())[2]
            return {"width": tf.fill([tf.cast(pictures.nrows(), tf.int32)], width)}

    load(out).export(Finder(), tmp_path / "1")
    parity = verify(out, parity=str(tmp_path / "1")).parity
    assert parity is not None
    assert [note for note in parity.notes if "records" in note] == [
        'the model has no signature "records", so its predictions as it was trained were not '
        "compared"
    ]
