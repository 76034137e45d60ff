"""Trains the classic wide-and-deep estimator on a prepared census, with TensorFlow 2.15 alone.

    python tests/interop/estimator_census.py FOLDER [MODEL]

FOLDER is a dataset that `recordmill run census` wrote with any later TensorFlow, MODEL where the
model is exported to, which must not exist. Fails where the process has Beam or TFT, where the two
requests of the classic demo come out on the wrong side of one half, and, on the real data, below
an accuracy of 0.84 or an AUC of 0.89.
"""

from __future__ import annotations

import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from recordmill.transforms import load
from recordmill.transforms.raw import raw_tensors
from recordmill.transforms.served import ServedModel

_REAL_ROWS = 16_281
_EPOCHS = 6
_FORBIDDEN = ("apache_beam", "tensorflow_transform", "tensorflow_metadata", "pyarrow", "pandas")
_REQUESTS: list[dict[str, Any]] = [
    {
        "age": 25,
        "workclass": " Private",
        "education": " 11th",
        "education-num": 7,
        "marital-status": " Never-married",
        "occupation": " Machine-op-inspct",
        "relationship": " Own-child",
        "race": " Black",
        "sex": " Male",
        "capital-gain": 0,
        "capital-loss": 0,
        "hours-per-week": 40,
        "native-country": " United-States",
    },
    {
        "age": 42,
        "workclass": " Self-emp-inc",
        "education": " HS-grad",
        "education-num": 9,
        "marital-status": " Married-civ-spouse",
        "occupation": " Exec-managerial",
        "relationship": " Husband",
        "race": " White",
        "sex": " Male",
        "capital-gain": 5178,
        "capital-loss": 0,
        "hours-per-week": 50,
        "native-country": " United-States",
    },
]


def main(folder: str, model: str) -> None:
    """Trains, evaluates, exports and predicts."""
    present = [name for name in _FORBIDDEN if find_spec(name)]
    assert not present, f"this environment is to hold only tensorflow, but has {present}"
    data = load(folder)
    with tempfile.TemporaryDirectory() as model_dir:
        wide, deep = data.feature_columns()
        estimator = tf.estimator.DNNLinearCombinedClassifier(
            linear_feature_columns=wide,
            dnn_feature_columns=deep,
            dnn_hidden_units=[64, 32],
            dnn_optimizer=lambda: tf.keras.optimizers.legacy.Adagrad(0.05),
            model_dir=model_dir,
            config=tf.estimator.RunConfig(tf_random_seed=1, log_step_count_steps=1000),
        )
        estimator.train(data.input_fn("train", 128, seed=1, epochs=_EPOCHS))
        found = estimator.evaluate(data.input_fn("eval", 1024, shuffle=False))
        data.export(estimator, model)
    rows = data.manifest.splits["eval"].records
    print(f"{rows:,} rows: accuracy {found['accuracy']:.4f}, AUC {found['auc']:.4f}")
    if rows == _REAL_ROWS:
        assert found["accuracy"] >= 0.84 and found["auc"] >= 0.89, found
    _check_requests(model)


def _check_requests(path: str) -> None:
    model = ServedModel(path)
    specs = model.columns("serving_default")
    columns = {name: [row[name] for row in _REQUESTS] for name in specs}
    tensors = raw_tensors(columns, specs)
    answers = model("serving_default", {name: np.asarray(one) for name, one in tensors.items()})
    low, high = answers["probabilities"][:, 1]
    print(f"the two requests: {low:.3f}, {high:.3f}; {answers['classes']}")
    assert low < 0.3 and high > 0.7, answers
    assert answers["classes"].tolist() == [b"<=50K", b">50K"]
    examples = np.array([_example(row) for row in _REQUESTS], object)
    again = model("examples", {"examples": examples})
    for name, expected in answers.items():
        np.testing.assert_array_equal(again[name], expected)


def _example(row: dict[str, Any]) -> bytes:
    features = {
        name: tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        if isinstance(value, int)
        else tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
        for name, value in row.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else str(Path(tempfile.mkdtemp()) / "1"))
