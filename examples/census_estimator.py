"""A wide-and-deep `tf.estimator` of the census: `python examples/census_estimator.py DIR MODEL`.

DIR is what `recordmill run census --output DIR` wrote, with any TensorFlow; MODEL is the folder to
export to. TensorFlow had estimators up to 2.15, and nothing else is needed here:

    pip install recordmill "tensorflow==2.15.*"

No line looks up a word, scales a number or fills in what is missing: the transform graph did that
for the records, and does it for requests in the exported model.
"""

from __future__ import annotations

import sys
import tempfile
from typing import Any

import tensorflow as tf

from recordmill.transforms import load
from recordmill.transforms.dataset.loader import PreparedDataset

REQUESTS: dict[str, list[int] | list[str]] = {  # two people: raw columns, as the census has them
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
    """A weight for each id, crosses too, beside a network over numbers and embedded ids."""
    wide, deep = data.feature_columns()  # the dataset knows which features are ids, and how many
    return tf.estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=wide,
        dnn_feature_columns=deep,
        dnn_hidden_units=[64, 32],
        dnn_optimizer=lambda: tf.keras.optimizers.legacy.Adagrad(0.05),
        config=tf.estimator.RunConfig(checkpoints, tf_random_seed=1),
    )


def train(data: PreparedDataset, path: str) -> Any:
    """Trains on the split `train` and exports; what the evaluation on `eval` finds."""
    with tempfile.TemporaryDirectory() as checkpoints:
        estimator = wide_and_deep(data, checkpoints)
        estimator.train(data.input_fn("train", 128, seed=1, epochs=6))
        data.export(estimator, path)  # raw columns -> transform graph -> estimator
        return estimator.evaluate(data.input_fn("eval", 1024, shuffle=False))


def ask(path: str) -> dict[str, tf.Tensor]:
    """What the exported model answers the two requests; here recordmill is not needed any more."""
    answer = tf.saved_model.load(path).signatures["serving_default"]
    specs = answer.structured_input_signature[1]
    return answer(
        **{name: tf.constant(column, specs[name].dtype) for name, column in REQUESTS.items()}
    )


def main(folder: str, path: str) -> None:
    """Trains, evaluates, exports and asks."""
    data = load(folder)
    found = train(data, path)
    rows = data.manifest.splits["eval"].records
    print(f"{rows:,} rows: accuracy {found['accuracy']:.4f}, AUC {found['auc']:.4f}")
    low, high = ask(path)["probabilities"].numpy()[:, 1]
    print(f"the two earn more than 50,000 with probabilities {low:.3f} and {high:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
