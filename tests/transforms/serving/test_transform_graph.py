from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers.plain_dataset import write_dataset

from recordmill.schemas.column import MISSING_INT64
from recordmill.schemas.errors import DataError
from recordmill.transforms.serving.transform_graph import (
    TransformGraph,
    ancestor_ops,
    load_module,
    stored_feature,
    unnamed,
)


def save(folder: Path, specs: dict[str, Any], function: Callable[[Any], Any]) -> str:
    module = tf.Module()
    module.transform_fn = tf.function(
        function, input_signature=[specs], autograph=False
    ).get_concrete_function()
    tf.saved_model.save(module, str(folder))
    return str(folder)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_dataset(tmp_path_factory.mktemp("plain") / "data", range(1)) / "transform_fn")


def test_a_graph_is_loaded_once_for_all_who_hold_it(plain: str) -> None:
    module = load_module(plain)
    assert load_module(plain) is module
    assert TransformGraph(plain).module is module
    del module
    gc.collect()
    assert TransformGraph(plain).outputs["word"].dtype == tf.int64


def test_columns_and_features(plain: str) -> None:
    graph = TransformGraph(plain)
    assert set(graph.inputs) == {"x-raw", "n", "word", "unused", "label"}
    assert set(graph.outputs) == {"x", "n/a", "word", "label"}
    assert {name: graph.sources(name) for name in graph.outputs} == {
        "x": {"x-raw"},
        "n/a": {"n"},
        "word": {"word"},
        "label": {"label"},
    }
    columns = {
        "x-raw": tf.constant([float("nan")]),
        "n": tf.constant([MISSING_INT64], tf.int64),
        **{name: tf.constant([" abb "]) for name in ("word", "unused", "label")},
    }
    features = graph(columns | {"more": tf.constant([1])})
    assert {name: value.numpy().tolist() for name, value in features.items()} == {
        "x": [0],
        "n/a": [1],
        "word": [2],
        "label": [-1],
    }


def test_what_an_example_lacks_is_missing(plain: str) -> None:
    parsed = tf.io.parse_example([b""], TransformGraph(plain).raw_spec)
    assert parsed["n"].numpy().tolist() == [MISSING_INT64]
    assert np.isnan(parsed["x-raw"].numpy()).all()
    assert parsed["word"].numpy().tolist() == [b""]


def test_pixels_are_no_stored_feature(tmp_path: Path) -> None:
    path = save(
        tmp_path / "graph",
        {"n": tf.TensorSpec([None], tf.int64)},
        lambda x: {"pixels": tf.cast(x["n"], tf.uint8), "n": x["n"]},
    )
    assert list(TransformGraph(path).feature_spec) == ["n"]


def test_a_ragged_column_of_boxes(tmp_path: Path) -> None:
    spec = tf.RaggedTensorSpec([None, None, 4], tf.float32, 1, tf.int64)
    path = save(tmp_path / "graph", {"boxes": spec}, lambda x: {"boxes": x["boxes"] * 2})
    feature = TransformGraph(path).raw_spec["boxes"]
    assert feature.value_key == "boxes"
    assert feature.partitions == (tf.io.RaggedFeature.UniformRowLength(4),)


def test_columns_that_no_request_can_have(tmp_path: Path) -> None:
    spec = tf.SparseTensorSpec([None, 3], tf.float32)
    path = save(tmp_path / "graph", {"x": spec}, lambda inputs: {"y": inputs["x"].values})
    with pytest.raises(DataError) as error:
        TransformGraph(path)
    assert str(error.value).startswith(
        f'{path}: expected the raw column "x" dense or with one ragged dimension, got SparseTensor'
    )


def test_casts_that_integers_pass_through(tmp_path: Path) -> None:
    def function(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        n = inputs["n"]
        return {
            "as_it_is": n,
            "halves": tf.cast(tf.cast(n, tf.float32), tf.float16),
            "float": tf.expand_dims(tf.cast(tf.maximum(n, 0), tf.float32), 1),
            "computed": tf.cast(n * 2, tf.float32),
            "of_another": tf.cast(inputs["m"], tf.float32),
        }

    specs = {name: tf.TensorSpec([None], tf.int64) for name in "nm"}
    graph = TransformGraph(save(tmp_path / "graph", specs, function))
    assert graph.float_casts("n") == {"halves": tf.float16, "float": tf.float32}
    assert graph.float_casts("m") == {"of_another": tf.float32}


@pytest.mark.parametrize(
    ("effects", "expected"), [(False, {"a", "sum"}), (True, {"a", "b", "sum"})]
)
def test_ops_that_a_tensor_is_computed_from(effects: bool, expected: set[str]) -> None:
    with tf.Graph().as_default():
        first = tf.compat.v1.placeholder(tf.float32, [], name="a")
        other = tf.compat.v1.placeholder(tf.float32, [], name="b")
        with tf.control_dependencies([tf.identity(other, name="after")]):
            total = tf.add(first, first, name="sum")
        ops = ancestor_ops([total], effects=() if effects else None)
        assert ops - {"after"} == expected
        assert ancestor_ops([first], effects=[other.op]) == {"a", "b"}


def test_specs_lose_their_name() -> None:
    assert unnamed(tf.TensorSpec([None], tf.int64, "n")).name is None
    ragged = tf.RaggedTensorSpec([None, None], tf.int64)
    assert unnamed(ragged) is ragged


def test_features_as_tft_stores_them() -> None:
    ragged = tf.RaggedTensorSpec([None, None, 2, None], tf.float32, ragged_rank=3)
    feature = stored_feature("f", ragged)
    assert feature.value_key == "f$ragged_values"
    assert feature.partitions == (
        tf.io.RaggedFeature.UniformRowLength(2),
        tf.io.RaggedFeature.RowLengths("f$row_lengths_1"),
    )
    assert stored_feature("f", tf.TensorSpec([None, 3], tf.int64)) == (
        tf.io.FixedLenFeature([3], tf.int64)
    )
    bag = tf.SparseTensorSpec([None, None], tf.string)
    assert stored_feature("f", bag) == tf.io.VarLenFeature(tf.string)
    matrix = stored_feature("f", tf.SparseTensorSpec([None, 3, 4], tf.string))
    assert matrix.index_key == ["f$sparse_indices_0", "f$sparse_indices_1"]
    assert (matrix.value_key, list(matrix.size)) == ("f$sparse_values", [3, 4])
