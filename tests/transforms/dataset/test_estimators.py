"""Parts that need no tf.estimator, which examples/census_estimator.py uses."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf
from helpers.plain_dataset import write_dataset

from recordmill.schemas.errors import RecipeError
from recordmill.transforms.dataset.estimators import estimator_example, feature_columns
from recordmill.transforms.dataset.loader import load


def test_feature_columns() -> None:
    specs = {
        "age": tf.TensorSpec([None], tf.float32),
        "when": tf.TensorSpec([None, 2], tf.float32),
        "count": tf.TensorSpec([None], tf.int64),
        "sex": tf.TensorSpec([None], tf.int64),
        "cross": tf.RaggedTensorSpec([None, None], tf.int64),
        "name": tf.TensorSpec([None], tf.string),
        "bag": tf.SparseTensorSpec([None, None], tf.float32),
    }
    columns = feature_columns(specs, {"sex": 3, "cross": 1000})
    assert [(column.key, column.number_buckets) for column in columns.wide] == [
        ("sex", 3),
        ("cross", 1000),
    ]
    age, when, count, sex, cross = columns.deep
    assert [(column.key, column.shape) for column in (age, when, count)] == [
        ("age", (1,)),
        ("when", (2,)),
        ("count", (1,)),
    ]
    assert (sex.categorical_column, cross.categorical_column) == tuple(columns.wide)
    assert cross.dimension == 6


def test_ragged_features_become_sparse() -> None:
    features = {"ids": tf.ragged.constant([[1, 2], []]), "x": tf.constant([1.0, 2.0])}
    (given, label) = estimator_example(features, tf.constant([0, 1]))
    assert tf.sparse.to_dense(given["ids"]).numpy().tolist() == [[1, 2], [0, 0]]
    assert given["x"] is features["x"] and label.numpy().tolist() == [0, 1]
    assert set(estimator_example(features)) == {"ids", "x"}


def test_input_fn_in_a_graph_of_its_own(tmp_path: Path) -> None:
    """Estimators call it in a graph of TensorFlow 1."""
    input_fn = load(write_dataset(tmp_path / "data", range(4))).input_fn("train", 2, shuffle=False)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        features, label = tf.compat.v1.data.make_one_shot_iterator(input_fn()).get_next()
        assert session.run([features["word"], label])[1].tolist() == [0, 1]
        assert session.run(features["word"]).tolist() == [2, 0]


@pytest.mark.skipif(hasattr(tf, "estimator"), reason="this TensorFlow has tf.estimator")
def test_without_estimators(tmp_path: Path) -> None:
    data = load(write_dataset(tmp_path / "data", range(2)))
    with pytest.raises(RecipeError) as error:
        data.serving_input_receiver_fn()
    assert str(error.value) == (
        f"TensorFlow {tf.__version__} has no tf.estimator: pip install 'tensorflow<2.16'"
    )
