from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers.plain_dataset import CLASSES, raw_row, write_dataset

from recordmill.schemas.errors import RecipeError
from recordmill.transforms.dataset.loader import PreparedDataset, load
from recordmill.transforms.serving.model import ServedModel
from recordmill.transforms.serving.raw_columns import raw_tensors

pytestmark = pytest.mark.slow

ROWS = 1000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    return load(write_dataset(tmp_path_factory.mktemp("plain") / "data", range(10)))


def functional(data: PreparedDataset, *left_out: str) -> Any:
    """Return a model over the features except some, with a matrix that rounds."""
    tf.keras.utils.set_random_seed(7)
    inputs = data.keras_inputs()
    dense = [
        tf.keras.layers.Reshape((1,))(inputs[name]) for name in ("x", "n/a") if name not in left_out
    ]
    ids = tf.keras.layers.Embedding(data.vocab_sizes["word"], 3)(inputs["word"])
    hidden = tf.keras.layers.Concatenate()([*dense, ids])
    hidden = tf.keras.layers.Dense(32, activation="tanh")(hidden)
    taken = {name: tensor for name, tensor in inputs.items() if name not in left_out}
    return tf.keras.Model(taken, tf.keras.layers.Dense(1)(hidden))


@pytest.fixture(scope="module")
def served(data: PreparedDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("served") / "models" / "1"
    data.export(functional(data), path)
    return path


def columns(rows: int) -> dict[str, np.ndarray[Any, Any]]:
    made = [raw_row(row) for row in range(rows)]
    types = {"x-raw": np.float32, "n": np.int64, "word": object}
    return {name: np.array([row[name] for row in made], dtype=kind) for name, kind in types.items()}


def test_what_is_written(served: Path, data: PreparedDataset) -> None:
    model = ServedModel(served)
    assert sorted(model.signatures) == [
        "examples",
        "records",
        "serving_default",
        "transform",
    ]
    assert {name: spec.dtype.name for name, spec in model.columns("serving_default").items()} == {
        "n": "int64",
        "word": "string",
        "x-raw": "float32",
    }
    assert [path.name for path in (served / "assets").iterdir()] == ["word"]
    info = json.loads((served / "assets.extra" / "recordmill.json").read_text())
    del info["versions"]
    assert info == {
        "format": 1,
        "dataset": "plain",
        "transform_fn": dict(data.manifest.transform_fn),
        "columns": [
            {"name": "n", "type": "int64", "shape": []},
            {"name": "word", "type": "string", "shape": []},
            {"name": "x-raw", "type": "float32", "shape": []},
        ],
        "unused": ["unused"],
        "label": "label",
        "classes": list(CLASSES),
        "images": False,
    }
    assert [path.name for path in served.parent.iterdir()] == ["1"]


def test_the_model_over_the_graph(served: Path, data: PreparedDataset) -> None:
    raw = columns(5)
    expected = functional(data)(data.transform(raw))
    outputs = ServedModel(served)("serving_default", raw)
    np.testing.assert_allclose(outputs["logits"], expected, rtol=1e-6)
    assert outputs["probabilities"].shape == (5, 2)
    assert set(outputs["classes"]) <= {b"no", b"yes"}
    features = ServedModel(served).features(raw)
    assert features["word"].tolist() == [0, 1, 2, 0, 1]
    assert sorted(features) == ["n/a", "word", "x"]


def test_a_batch_of_one_and_of_a_thousand(served: Path) -> None:
    """Matrix products and log1p of other batch sizes take other vector instructions."""
    model, raw = ServedModel(served), columns(ROWS)
    batch_outputs = model("serving_default", raw)
    for row in (0, 1, 17, 500, ROWS - 1):
        outputs = model("serving_default", {name: values[[row]] for name, values in raw.items()})
        expected = {name: values[row] for name, values in batch_outputs.items()}
        np.testing.assert_array_max_ulp(outputs["logits"][0], expected["logits"], maxulp=64)
        np.testing.assert_allclose(outputs["probabilities"][0], expected["probabilities"], 1e-6)
        assert outputs["classes"][0] == expected["classes"]


def test_signatures_agree_to_the_last_bit(data: PreparedDataset, tmp_path: Path) -> None:
    """Also sums of many terms, which TensorFlow may add up in any order."""
    tf.keras.utils.set_random_seed(7)
    inputs, count = data.keras_inputs(), data.vocab_sizes["word"]
    one_each = tf.keras.initializers.RandomNormal(stddev=1.0)
    terms = [
        tf.keras.layers.Flatten()(
            tf.keras.layers.Embedding(count, 1, embeddings_initializer=one_each)(inputs["word"])
        )
        for _ in range(12)
    ]
    numbers = [tf.keras.layers.Reshape((1,))(inputs[name]) for name in ("x", "n/a")]
    total = tf.keras.layers.Add()([*terms, *numbers])
    data.export(tf.keras.Model(inputs, total), tmp_path / "model")
    model, raw = ServedModel(tmp_path / "model"), columns(ROWS)
    examples = [
        tf.train.Example(
            features=tf.train.Features(
                feature={
                    "word": tf.train.Feature(bytes_list=tf.train.BytesList(value=[word.encode()])),
                    "n": tf.train.Feature(int64_list=tf.train.Int64List(value=[n])),
                    "x-raw": tf.train.Feature(float_list=tf.train.FloatList(value=[x])),
                }
            )
        ).SerializeToString()
        for word, n, x in zip(raw["word"], raw["n"], raw["x-raw"], strict=True)
    ]
    of_examples = model("examples", {"examples": np.array(examples, object)})
    np.testing.assert_array_equal(of_examples["logits"], model("serving_default", raw)["logits"])


def test_what_an_example_lacks_is_missing(served: Path) -> None:
    model = ServedModel(served)
    word = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b" ab "]))
    example = tf.train.Example(features=tf.train.Features(feature={"word": word}))
    specs = model.columns("serving_default")
    tensors = raw_tensors({"word": [" ab "]}, specs)
    raw = {name: np.asarray(tensor) for name, tensor in tensors.items()}
    expected = model("serving_default", raw)
    outputs = model("examples", {"examples": np.array([example.SerializeToString()], object)})
    for name, value in expected.items():
        np.testing.assert_array_equal(outputs[name], value)


def test_features_that_the_model_does_not_take(data: PreparedDataset, tmp_path: Path) -> None:
    data.export(functional(data, "n/a"), tmp_path / "1", output_kind="values")
    outputs = ServedModel(tmp_path / "1")("serving_default", columns(3))
    assert outputs["predictions"].shape == (3,)


def test_the_deprecated_argument(data: PreparedDataset, tmp_path: Path) -> None:
    message = "^gives= of export is deprecated and goes in 0.3.0: use output_kind=$"
    with pytest.warns(DeprecationWarning, match=message):
        data.export(functional(data, "n/a"), tmp_path / "1", gives="values")  # type: ignore[call-arg]
    assert "predictions" in ServedModel(tmp_path / "1")("serving_default", columns(3))


def test_any_function_of_features(data: PreparedDataset, tmp_path: Path) -> None:
    class Model(tf.Module):
        def __call__(self, features: dict[str, tf.Tensor], training: bool) -> tf.Tensor:
            assert not training
            return {"twice": 2 * features["word"]}

    data.export(Model(), tmp_path / "1")
    outputs = ServedModel(tmp_path / "1")("serving_default", columns(3))
    assert {name: value.tolist() for name, value in outputs.items()} == {"twice": [0, 2, 4]}


def test_a_folder_that_exists(data: PreparedDataset, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as error:
        data.export(None, f"{tmp_path}/")
    assert str(error.value) == f"{tmp_path}: exists already; export to a new folder, such as …/2"


def test_a_model_of_other_classes_leaves_nothing(data: PreparedDataset, tmp_path: Path) -> None:
    class Model(tf.Module):
        def __call__(self, features: dict[str, tf.Tensor], training: bool) -> tf.Tensor:
            return tf.zeros([tf.size(features["x"]), 3])

    with pytest.raises(RecipeError, match=r"2 logits a row, one for each class, got 3$"):
        data.export(Model(), tmp_path / "1")
    assert list(tmp_path.iterdir()) == []


def test_folders_of_ones_own_beside_it_are_left_alone(
    data: PreparedDataset, tmp_path: Path
) -> None:
    mine = tmp_path / "1.unfinished" / "notes.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    data.export(lambda features, training: features["x"], tmp_path / "1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "1.unfinished"]
    assert mine.read_text() == "mine"


def test_needs_only_tensorflow(served: Path) -> None:
    script = f"""
import sys
for name in ("recordmill", "keras", "tensorflow_transform", "apache_beam", "pyarrow", "pandas"):
    sys.modules[name] = None
import tensorflow as tf
model = tf.saved_model.load({str(served)!r}).signatures["serving_default"]
numbers = {{"x_raw": tf.constant([1.0]), "n": tf.constant([2], tf.int64)}}
print(sorted(model(word=tf.constant(["a"]), **numbers)))
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout == "['classes', 'logits', 'probabilities']\n", result.stderr
