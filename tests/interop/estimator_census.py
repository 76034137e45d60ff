"""Runs examples/census_estimator.py with TensorFlow 2.15, and nothing of what prepared the dataset.

    python tests/interop/estimator_census.py FOLDER

FOLDER is a dataset that `recordmill run census` wrote with a later TensorFlow. Of the real census
the model is to be as good as the classic one; of the built-in sample it has only to answer.
"""

from __future__ import annotations

import json
import runpy
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from recordmill.runners.predict import predictions
from recordmill.transforms import load
from recordmill.transforms.serving.model import ServedModel

_EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "census_estimator.py"
_REAL_ROWS = 16_281
_FORBIDDEN = ("apache_beam", "tensorflow_transform", "tensorflow_metadata", "pyarrow", "pandas")


def main(folder: str) -> None:
    """Trains, evaluates, exports and asks, by the example, and checks what comes out."""
    present = [name for name in _FORBIDDEN if find_spec(name)]
    assert not present, f"this environment is to hold only tensorflow, but has {present}"
    assert tf.__version__.startswith("2.15."), tf.__version__
    tf.get_logger().setLevel("ERROR")
    example = runpy.run_path(str(_EXAMPLE))
    data = load(folder)
    rows = data.manifest.splits["eval"].records
    with tempfile.TemporaryDirectory() as model:
        path = f"{model}/1"
        found = example["train"](data, path)
        answers = {name: value.numpy() for name, value in example["ask"](path).items()}
        _check_ways(path, example["REQUESTS"], answers)
        _check_some_features(data, f"{model}/some")
    low, high = answers["probabilities"][:, 1]
    print(f"{rows:,} rows: accuracy {found['accuracy']:.4f}, AUC {found['auc']:.4f}")
    print(f"the two requests: {low:.3f}, {high:.3f}")
    assert 0 < low < 1 and 0 < high < 1
    if rows == _REAL_ROWS:
        assert found["accuracy"] >= 0.84 and found["auc"] >= 0.89, found
        assert low < 0.3 and high > 0.7
        assert answers["classes"].tolist() == [b"<=50K", b">50K"]


def _check_some_features(data: Any, path: str) -> None:
    """An estimator over some features asks for the columns that they are made of."""
    wide, deep = data.feature_columns()
    estimator = tf.estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=[one for one in wide if one.key == "education_x_occupation"],
        dnn_feature_columns=[one for one in deep if getattr(one, "key", "") == "age"],
        dnn_hidden_units=[4],
    )
    estimator.train(data.input_fn("train", 64), steps=2)
    data.export(estimator, path)
    served = ServedModel(path)
    assert sorted(served.columns("serving_default")) == ["age", "education", "occupation"]
    assert "workclass" in served.unused


def _check_ways(path: str, columns: dict[str, list[Any]], answers: dict[str, Any]) -> None:
    """As JSON and as serialized `tf.Example`s the requests have the same answers."""
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    served = ServedModel(path)
    examples = np.array([_example(row) for row in rows], object)
    again = served("examples", {"examples": examples})
    for name, expected in answers.items():
        np.testing.assert_array_equal(again[name], expected)
    requests = Path(path).with_name("requests.jsonl")
    requests.write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = [outputs["probabilities"] for _, outputs in predictions(served, str(requests))]
    np.testing.assert_array_equal(told, answers["probabilities"])


def _example(row: dict[str, Any]) -> bytes:
    features = {
        name: tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        if isinstance(value, int)
        else tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
        for name, value in row.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


if __name__ == "__main__":
    main(sys.argv[1])
