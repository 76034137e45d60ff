from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers import image_dataset
from helpers.image_dataset import Picture, noise, png
from helpers.plain_dataset import write_dataset

from recordmill.transforms.serving.graph import ServingGraph

FEATURES = ("x", "n/a", "word")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_dataset(tmp_path_factory.mktemp("plain") / "data", range(1)) / "transform_fn")


def test_the_columns_that_features_are_made_of(path: str) -> None:
    graph = ServingGraph(path, FEATURES, False)
    assert (graph.features, graph.used, graph.named, graph.dense) == (
        FEATURES,
        FEATURES,
        True,
        True,
    )
    assert {name: spec.dtype for name, spec in graph.columns.items()} == {
        "n": tf.int64,
        "word": tf.string,
        "x-raw": tf.float32,
    }
    assert list(graph.raw_spec) == ["n", "word", "x-raw"]
    assert graph.specs == {
        "x": tf.TensorSpec([None], tf.float32),
        "n/a": tf.TensorSpec([None], tf.float32),
        "word": tf.TensorSpec([None], tf.int64),
    }


def test_features_of_some_rows(path: str) -> None:
    features = ServingGraph(path, FEATURES, False)(
        {"x-raw": tf.constant([0.0, 1.0]), "word": tf.constant([" ab ", "abb"])}
    )
    assert list(features) == list(FEATURES)
    np.testing.assert_allclose(features["x"], np.log1p([0, 1]), rtol=1e-6)
    assert features["n/a"].numpy().tolist() == [1, 1]  # "n" is missing in every row
    assert features["word"].numpy().tolist() == [1, 2]


def test_a_graph_over_other_features(path: str) -> None:
    graph = ServingGraph(path, FEATURES, False)
    assert list(graph.over(["word", "x"]).columns) == ["word", "x-raw"]
    some = graph.over(["word", "x"], used=["x"])
    assert (some.features, some.used, list(some.columns)) == (("word", "x"), ("x",), ["x-raw"])
    assert graph.over(["word"], used=[]).used == ("word",)


def test_in_a_graph_of_tensorflow_1(path: str) -> None:
    """As estimators build it, the model is loaded into the graph that is built."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        features = ServingGraph(path, ["word"], False)({"word": tf.constant(["abb", "a"])})
        session.run(tf.compat.v1.tables_initializer())
        assert session.run(features["word"]).tolist() == [2, 0]


def test_pixels_alone_come_without_a_dict(tmp_path: Path) -> None:
    pictures = [Picture(noise(4, 5))]
    folder = image_dataset.write_dataset(tmp_path / "pets", pictures, size=(4, 5))
    graph = ServingGraph(str(folder / "transform_fn"), ["image"], True)
    assert not graph.named
    pixels = graph({"image": tf.constant([png(noise(4, 5, seed=3))])})
    np.testing.assert_array_equal(pixels, noise(4, 5, seed=3)[np.newaxis])
