"""Trains, exports and serves models over some features, with whatever Keras TensorFlow has here.

    python tests/interop/keras_subset.py FOLDER

FOLDER is a dataset that `recordmill run census` wrote. Functional models of each kind give back
what they are fed, so that a feature in the place of another shows.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from recordmill.transforms import load
from recordmill.transforms.serving.model import RECORDS, ServedModel

_TWO = ("hours-per-week", "capital-loss")


def main(folder: str) -> None:
    """Check each kind of model in training, in prediction and as it is served."""
    data = load(folder)
    dataset = data.dataset("eval", 64, shuffle=False).take(2)
    features = [batch for batch, _ in dataset]
    wanted = np.concatenate([np.stack([one[name] for name in _TWO], axis=1) for one in features])
    for kind, model in _models(data):
        given = model.predict(dataset, verbose=0)
        np.testing.assert_array_equal(given, wanted, err_msg=kind)
        model.compile("sgd", "mse")
        echo = dataset.map(lambda batch, _: (batch, tf.stack([batch[name] for name in _TWO], 1)))
        assert model.evaluate(echo, verbose=0) == 0, kind
        _check_export(data, model)
    print(f"TensorFlow {tf.__version__}: a model over some features gets these, by name")


def _models(data: Any) -> Iterator[tuple[str, Any]]:
    for kind in ("dict", "list"):
        inputs = {name: data.keras_inputs()[name] for name in _TWO}
        yield kind, _model(inputs if kind == "dict" else list(inputs.values()), inputs)
    inputs = data.keras_inputs(features=_TWO)
    assert list(inputs) == list(data.dataset("eval", 1, features=_TWO).element_spec[0]) == [*_TWO]
    yield "named", _model(inputs, inputs)


def _model(structure: Any, inputs: dict[str, Any]) -> Any:
    """A model that gives back its inputs, side by side."""
    columns = [tf.keras.layers.Reshape((1,))(one) for one in inputs.values()]
    return tf.keras.Model(structure, tf.keras.layers.Concatenate()(columns))


def _check_export(data: Any, model: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data.export(model, f"{folder}/1", output_kind="values")
        served = ServedModel(f"{folder}/1")
        assert sorted(served.columns("serving_default")) == sorted(_TWO)
        assert RECORDS in served.signatures
        raw = {"hours-per-week": np.array([40, 60]), "capital-loss": np.array([0, 1902])}
        answers = served("serving_default", raw)["predictions"]
        seen = served.features(raw)
        np.testing.assert_array_equal(answers, np.stack([seen[name] for name in _TWO], axis=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
