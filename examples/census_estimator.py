"""Wide and deep `tf.estimator` of the census: `python examples/census_estimator.py DIR MODEL`.

DIR is the output of `recordmill run census --output DIR`, with any version of TensorFlow; MODEL is
the folder of the exported model. TensorFlow has estimators up to 2.15, and nothing else is needed:

    pip install recordmill "tensorflow==2.15.*"

There is no code for vocabularies, scaling or missing values: the transform graph did this for the
records, and does it for requests in the exported model.
"""

from __future__ import annotations

import sys
import tempfile
from typing import Any

import tensorflow as tf

from recordmill.transforms import load
from recordmill.transforms.dataset.loader import PreparedDataset

REQUESTS: dict[str, list[int] | list[str]] = {  # raw columns of two people
    "age": [25, 42],
    "workclass": [" Private", " Self-emp-inc"],
    "education": [" 11th", " HS-grad"],
    "education-num": [7, 9],
    "marital-status": [" Never-married", " Married-civ-spouse"],
    "occupation": [" Machine-op-inspct", " Exec-managerial"],
    "relationship": [" Own-child", " Husband"],
    "race": [" Black", " White"],
    "sex": [" Male", " Male"],
    "capital-gain": [0, 5178],
    "capital-loss": [0, 0],
    "hours-per-week": [40, 50],
    "native-country": [" United-States", " United-States"],
}


def wide_and_deep(data: PreparedDataset, checkpoints: str) -> Any:
    """Return a linear model of ids and crosses, joined with a network of numbers and ids."""
    wide, deep = data.feature_columns()  # from the number of ids of each feature
    return tf.estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=wide,
        dnn_feature_columns=deep,
        dnn_hidden_units=[64, 32],
        dnn_optimizer=lambda: tf.keras.optimizers.legacy.Adagrad(0.05),
        config=tf.estimator.RunConfig(checkpoints, tf_random_seed=1),
    )


def train(data: PreparedDataset, path: str) -> Any:
    """Train on the split `train`, export, and return the metrics on `eval`."""
    with tempfile.TemporaryDirectory() as checkpoints:
        estimator = wide_and_deep(data, checkpoints)
        estimator.train(data.input_fn("train", 128, seed=1, epochs=6))
        data.export(estimator, path)  # raw columns -> transform graph -> estimator
        return estimator.evaluate(data.input_fn("eval", 1024, shuffle=False))


def ask(path: str) -> dict[str, tf.Tensor]:
    """Return the outputs of the exported model for two requests; this does not need recordmill."""
    signature = tf.saved_model.load(path).signatures["serving_default"]
    specs = signature.structured_input_signature[1]
    return signature(
        **{name: tf.constant(column, specs[name].dtype) for name, column in REQUESTS.items()}
    )


def main(folder: str, path: str) -> None:
    """Train, evaluate, export, and send two requests to the exported model."""
    data = load(folder)
    metrics = train(data, path)
    rows = data.manifest.splits["eval"].records
    print(f"{rows:,} rows: accuracy {metrics['accuracy']:.4f}, AUC {metrics['auc']:.4f}")
    low, high = ask(path)["probabilities"].numpy()[:, 1]
    print(f"the two earn more than 50,000 with probabilities {low:.3f} and {high:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
