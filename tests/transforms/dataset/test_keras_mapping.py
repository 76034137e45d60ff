"""Functional models of every Keras get the features they name, or none."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers.plain_dataset import write_dataset

from recordmill.transforms.dataset import keras_mapping
from recordmill.transforms.dataset.keras_mapping import map_batches_by_name, model_features
from recordmill.transforms.dataset.loader import PreparedDataset, load

pytestmark = pytest.mark.slow

TWO = ("x", "word")
TYPES = {"x": "float32", "word": "int64", "n/a": "float32"}
EXPECTED = [[math.log1p(row), row % 3] for row in range(6)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    return load(write_dataset(tmp_path_factory.mktemp("plain") / "data", range(6)))


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request: pytest.FixtureRequest) -> Any:
    """Keras 3 where it is there, and Keras 2 beside it."""
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return importlib.import_module(request.param)


def inputs_of(keras: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: keras.Input((), dtype=TYPES[name], name=name.replace("/", "_")) for name in names}


def joined(keras: Any, inputs: Any) -> Any:
    """Return the inputs, concatenated."""
    columns = [keras.layers.Reshape((1,), dtype="float32")(tensor) for tensor in inputs]
    columns = [keras.layers.Rescaling(1.0)(tensor) for tensor in columns]
    return keras.layers.Concatenate()(columns)


def of_dict(keras: Any) -> Any:
    inputs = inputs_of(keras, TWO)
    return keras.Model(inputs, joined(keras, inputs.values()))


def of_list(keras: Any) -> Any:
    inputs = list(inputs_of(keras, TWO).values())
    return keras.Model(inputs, joined(keras, inputs))


def of_other_order(keras: Any) -> Any:
    inputs = inputs_of(keras, TWO)
    return keras.Model([inputs["word"], inputs["x"]], joined(keras, inputs.values()))


def of_renamed_inputs(keras: Any) -> Any:
    """Return a model whose keys are the features' names, and whose inputs have others."""
    inputs = {name: keras.Input((), dtype=TYPES[name], name=f"my_{name}") for name in TWO}
    return keras.Model(inputs, joined(keras, inputs.values()))


def of_a_model_within(keras: Any) -> Any:
    """Return a model over all features, with a nested model over two."""
    inputs = inputs_of(keras, ("x", "word", "n/a"))
    return keras.Model(inputs, of_dict(keras)(inputs))


def of_a_subclass(keras: Any) -> Any:
    class Subclass(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = of_dict(keras)

        def call(self, inputs: Any) -> Any:
            return self.inner(inputs) + 0.0 * tf.cast(inputs["word"], tf.float32)[:, None]

    return Subclass()


KINDS = [of_dict, of_list, of_other_order, of_renamed_inputs, of_a_model_within, of_a_subclass]


@pytest.mark.parametrize("kind", KINDS)
def test_models_over_some_features(
    data: PreparedDataset, keras: Any, kind: Callable[[Any], Any]
) -> None:
    dataset = data.dataset("train", 4, shuffle=False)
    model = kind(keras)
    features, _ = next(iter(dataset))
    assert list(features) == ["n/a", "word", "x"]
    np.testing.assert_allclose(model(features), EXPECTED[:4], rtol=1e-6)
    np.testing.assert_allclose(model.predict(dataset, verbose=0), EXPECTED, rtol=1e-6)
    model.compile("sgd", "mse")
    echo = dataset.map(
        lambda batch, _: (batch, tf.stack([tf.cast(batch[name], tf.float32) for name in TWO], 1))
    )
    (loss,) = model.fit(echo, verbose=0).history["loss"]
    assert loss == pytest.approx(0) == model.evaluate(echo, verbose=0)


def test_a_name_with_a_slash(data: PreparedDataset, keras: Any) -> None:
    """Inputs in a list go by their own names, which Keras itself does not find in the batch."""
    dataset = data.dataset("train", 6, shuffle=False)
    inputs = inputs_of(keras, ("x", "n/a"))
    output = joined(keras, inputs.values())
    expected = [[row[0], 0] for row in EXPECTED]
    predictions = keras.Model(inputs, output).predict(dataset, verbose=0)
    np.testing.assert_allclose(predictions, expected, rtol=1e-6)
    with pytest.raises(ValueError, match='Missing data for input "n_a"'):
        keras.Model(list(inputs.values()), output).predict(dataset, verbose=0)


def of_nested_inputs(keras: Any) -> Any:
    inputs = inputs_of(keras, TWO)
    nested = {"group": dict(inputs)}
    return keras.Model(nested, joined(keras, inputs.values()))


def of_unnamed_inputs(keras: Any) -> Any:
    inputs = [keras.Input((), dtype=TYPES[name]) for name in TWO]
    return keras.Model(inputs, joined(keras, inputs))


def of_other_keys(keras: Any) -> Any:
    inputs = inputs_of(keras, TWO)
    return keras.Model({"a": inputs["x"], "b": inputs["word"]}, joined(keras, inputs.values()))


@pytest.mark.parametrize("kind", [of_nested_inputs, of_unnamed_inputs, of_other_keys])
def test_models_that_do_not_name_features_are_refused(
    data: PreparedDataset, keras: Any, kind: Callable[[Any], Any]
) -> None:
    features, _ = next(iter(data.dataset("train", 4, shuffle=False)))
    with pytest.raises(ValueError) as error:
        kind(keras)(features)
    own = "Missing data for input"  # Keras 3 says it first of keys that are no features
    assert own in str(error.value) or (
        "the batch has the features n/a, word, x. Features are mapped to inputs by name, and these "
        "names do not match: name each input as keras_inputs() does, and give the model these "
        "alone, by dataset(..., features=[...]) and keras_inputs(features=[...])"
    ) in str(error.value)


def test_batches_of_others_are_left_alone(data: PreparedDataset, keras: Any) -> None:
    """Keras does what it does with a dict of names that no dataset has."""
    data.dataset("train", 4)
    tensor = keras.Input((), name="other")
    model = keras.Model({"other": tensor}, keras.layers.Rescaling(2.0)(tensor))
    np.testing.assert_array_equal(model({"other": tf.constant([1.0])}), [2.0])
    np.testing.assert_array_equal(model(tf.constant([1.0])), [2.0])


def test_named_features_have_one_order(data: PreparedDataset) -> None:
    names = ["x", "n/a"]
    dataset = data.dataset("train", 4, shuffle=False, features=names)
    features, label = next(iter(dataset))
    assert (list(features), len(label)) == (names, 4)
    assert list(dataset.element_spec[0]) == list(data.keras_inputs(features=names)) == names
    assert [*data.keras_inputs()] == [*data.features] == [*data.dataset("train", 4).element_spec[0]]


def test_the_methods_are_changed_once(data: PreparedDataset) -> None:
    functional = type(tf.keras.Model(*2 * [data.keras_inputs()["x"]]))
    method = functional.call
    map_batches_by_name(["x"])
    assert functional.call is method


def test_a_keras_that_is_built_otherwise(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(keras_mapping, "_FUNCTIONAL", ("keras.none",))
    keras_mapping._warn_of_unknown_keras.cache_clear()
    for _ in range(2):
        map_batches_by_name(["x"])
    (record,) = caplog.records
    assert record.getMessage() == (
        "the functional models of this Keras cannot be adapted: a model over some features would "
        "get features of other names from a batch of all; give the model these alone, by "
        "dataset(..., features=[...]) and keras_inputs(features=[...])"
    )


class Model:
    def __init__(self, structure: Any) -> None:
        self.input = structure


class Input:
    def __init__(self, name: str) -> None:
        self.name = name


def test_features_of_a_structure() -> None:
    features = {"a": 1, "b/c": 2, "b_c": 3, "d/e": 4}
    assert model_features(Model({"b/c": Input("z"), "a": Input("y")}), features) == {
        "b/c": 2,
        "a": 1,
    }
    assert model_features(Model([Input("d_e"), Input("a")]), features) == [4, 1]
    assert model_features(Model(Input("a")), features) == [1]
    for unclear in (
        [Input("b_c")],
        [Input("a"), Input("z")],
        {"z": Input("a")},
        {"a": [Input("a")]},
    ):
        assert model_features(Model(unclear), features) is None
