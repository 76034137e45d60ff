from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
import tensorflow as tf
from helpers.image_dataset import noise, png
from helpers.image_graph import write_graph
from helpers.small_images import CLASSES, classify

from recordmill.pipelines.analysis.transform_function import TransformFunction, stored_features
from recordmill.schemas import ImageSchema

SCHEMA = ImageSchema("classification", CLASSES)


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory) -> TransformFunction:
    def with_size(inputs: dict[str, Any]) -> dict[str, Any]:
        size = tf.cast(tf.strings.length(inputs["image"]), tf.int64)
        return classify(inputs) | {"size": size}

    return TransformFunction(write_graph(tmp_path_factory.mktemp("graph"), with_size, SCHEMA))


ROWS = {"image": tf.constant([png(noise(4, 4))]), "label": tf.constant(["dog"])}


def test_outputs_and_operations(function: TransformFunction) -> None:
    assert set(function.outputs) == {"image", "label", "size"}
    assert function.has_operation("refuse_cut_jpeg")
    assert not function.has_operation("no such operation")


def test_tensors_and_what_is_stored_of_them(function: TransformFunction) -> None:
    tensors = function.run(ROWS)
    assert tensors["image"].shape == (1, 16, 16, 3)
    stored = stored_features(tensors, function.specs_of(["label", "size"]))
    assert {name: value.tolist() for name, value in stored.items()} == {
        "label": [1],
        "size": [len(png(noise(4, 4)))],
    }


def test_ragged_and_sparse_tensors_are_lists() -> None:
    tensors = {
        "bag": tf.SparseTensor([[0, 0], [2, 1]], ["a", "b"], [3, 2]),
        "matrix": tf.SparseTensor([[0, 1, 0]], [1.5], [2, 2, 2]),
        "nested": tf.ragged.constant([[[1], [2, 3]], []], dtype=tf.int64, ragged_rank=2),
    }
    specs = {
        "bag": tf.io.VarLenFeature(tf.string),
        "matrix": tf.io.SparseFeature(["m0", "m1"], "m", tf.float32, [2, 2]),
        "nested": tf.io.RaggedFeature(
            tf.int64, value_key="n", partitions=[tf.io.RaggedFeature.RowLengths("lengths")]
        ),
    }
    stored = stored_features(tensors, specs)
    assert all(isinstance(value, pa.LargeListArray) for value in stored.values())
    assert {name: value.to_pylist() for name, value in stored.items()} == {
        "bag": [[b"a"], [], [b"b"]],
        "m": [[1.5], []],
        "m0": [[1], []],
        "m1": [[0], []],
        "n": [[1, 2, 3], []],
        "lengths": [[1, 2], []],
    }
