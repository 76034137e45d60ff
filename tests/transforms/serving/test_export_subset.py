"""Models over some features: the columns they need, and serving as in training."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers.exported import by_position
from helpers.plain_dataset import raw_row, write_dataset

from recordmill.schemas.errors import RecipeError
from recordmill.transforms.dataset.loader import PreparedDataset, load
from recordmill.transforms.serving.export import _check_names
from recordmill.transforms.serving.model import RECORDS, ServedModel

pytestmark = pytest.mark.slow

RAW = {
    "x-raw": np.float32([0, 1, 2]),
    "n": np.array([0, 1, 2]),
    "word": np.array(["a", "ab", "abb"], object),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    return load(write_dataset(tmp_path_factory.mktemp("plain") / "data", range(100)))


def functional(data: PreparedDataset, *names: str, given: list[str] | None = None) -> Any:
    """Return a model of the sum of some features; its inputs are `given`, or these."""
    inputs = data.keras_inputs(features=given or list(names))
    columns = [tf.keras.layers.Rescaling(1.0, dtype="float32")(inputs[name]) for name in names]
    total = columns[0] if len(columns) == 1 else tf.keras.layers.Add()(columns)
    return tf.keras.Model(inputs, total)


class Subclass(tf.Module):
    """Selects features from a dict; one of them does not change the output."""

    def __call__(self, features: dict[str, tf.Tensor], training: bool) -> tf.Tensor:
        return features["x"] + 0 * tf.cast(tf.size(features["x"]), tf.float32)


def needed(path: Path) -> dict[str, list[str]]:
    model = ServedModel(path)
    columns = {name: sorted(model.columns(name)) for name in ("serving_default", "transform")}
    info = json.loads((path / "assets.extra" / "recordmill.json").read_text())
    assert [column["name"] for column in info["columns"]] == columns["serving_default"]
    return columns | {"unused": sorted(info["unused"])}


def test_only_the_columns_that_used_features_are_made_of(
    data: PreparedDataset, tmp_path: Path
) -> None:
    models = {
        "some": functional(data, "x"),
        "all-inputs": functional(data, "x", given=["n/a", "word", "x"]),
        "subclass": Subclass(),
    }
    for name, model in models.items():
        data.export(model, tmp_path / name, output_kind="values")
        assert needed(tmp_path / name) == {
            "serving_default": ["x-raw"],
            "transform": ["x-raw"],
            "unused": ["n", "unused", "word"],
        }
        served = ServedModel(tmp_path / name)
        assert served.unused == {"n", "unused", "word"}
        expected = np.log1p(RAW["x-raw"])
        outputs = served("serving_default", {"x-raw": RAW["x-raw"]})
        np.testing.assert_allclose(outputs["predictions"], expected, rtol=1e-6)
        features = served.features({"x-raw": RAW["x-raw"]})
        assert list(features) == ["x"]


def test_the_records_as_in_training(data: PreparedDataset, tmp_path: Path) -> None:
    data.export(functional(data, "x", "word"), tmp_path / "1", output_kind="values")
    served = ServedModel(tmp_path / "1")
    records = np.array([*data.records("train").take(3).as_numpy_iterator()], object)
    trained = served(RECORDS, {"records": records})
    columns = {name: RAW[name] for name in ("x-raw", "word")}
    expected = np.log1p([0, 1, 2]) + np.arange(3)
    for answers in (trained, served("serving_default", columns)):
        np.testing.assert_allclose(answers["predictions"], expected, rtol=1e-6)


def test_a_model_that_is_fed_by_position_is_refused(
    data: PreparedDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = by_position(functional(data, "x", "word"), monkeypatch)
    with pytest.raises(RecipeError) as error:
        data.export(model, tmp_path / "1", output_kind="values")
    assert str(error.value) == (
        "the served model predicts otherwise than in training: record 63 of train, "
        '"predictions": 0 for a batch of dataset(...), as in training, and 4.15888 for the '
        "features by their names. So it was trained on other features than it names. Nothing was "
        "written. Train it on dataset(..., features=[...]) over keras_inputs(features=[...]) of "
        "the same names"
    )
    assert list(tmp_path.iterdir()) == []


def test_named_features_of_a_model_that_does_not_name_them(
    data: PreparedDataset, tmp_path: Path
) -> None:
    class Stack(tf.Module):
        def __call__(self, features: dict[str, tf.Tensor], training: bool) -> tf.Tensor:
            return tf.stack([tf.cast(x, tf.float32) for x in features.values()], axis=1)

    data.export(Stack(), tmp_path / "1", output_kind="values", features=["word", "x"])
    outputs = ServedModel(tmp_path / "1")(
        "serving_default", {name: RAW[name] for name in ("x-raw", "word")}
    )
    expected = [[row, np.log1p(row)] for row in range(3)]
    np.testing.assert_allclose(outputs["predictions"], expected, rtol=1e-6)
    with pytest.raises(RecipeError, match='no feature "words"; did you mean "word"'):
        data.export(Stack(), tmp_path / "2", features=["words"])


def test_models_that_cannot_be_compared(
    data: PreparedDataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Random(tf.Module):
        def __call__(self, features: dict[str, tf.Tensor], training: bool) -> tf.Tensor:
            return tf.random.uniform(tf.shape(features["x"]))

    data.export(Random(), tmp_path / "1", output_kind="values")
    assert RECORDS not in ServedModel(tmp_path / "1").signatures
    assert [record.getMessage() for record in caplog.records] == [
        "the model was not compared with itself as it was trained: its predictions differ from "
        "call to call"
    ]


def test_a_dataset_whose_records_are_gone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = write_dataset(tmp_path / "data", range(3))
    for shard in (folder / "train").iterdir():
        shard.unlink()
    data = load(folder)
    data.export(functional(data, "x"), tmp_path / "1", output_kind="values")
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith(
        "the model was not compared with itself as it was trained: "
        f"{folder}/train/data-00000-of-00001.tfrecord: cannot be read"
    )


def test_an_export_that_fails_leaves_nothing(
    data: PreparedDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(module: Any, folder: str, **options: Any) -> None:
        Path(folder).mkdir()
        (Path(folder) / "saved_model.pb").touch()
        raise OSError("no space left")

    monkeypatch.setattr(tf.saved_model, "save", fails)
    with pytest.raises(OSError, match="no space left"):
        data.export(functional(data, "x"), tmp_path / "models" / "1", output_kind="values")
    assert list((tmp_path / "models").iterdir()) == []


def test_columns_that_a_signature_spells_alike() -> None:
    _check_names(["a-b", "a_c"])
    with pytest.raises(RecipeError) as error:
        _check_names(["a-b", "a_b"])
    assert str(error.value) == (
        'a signature spells the columns "a-b" and "a_b" alike, "a_b"; rename one of them in the '
        "recipe"
    )


def test_rows_of_the_dataset() -> None:
    """Rows of the dataset have the values that the expectations above use."""
    assert [raw_row(row)["x-raw"] for row in range(3)] == RAW["x-raw"].tolist()
