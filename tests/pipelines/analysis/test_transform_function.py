"""Transformed tensors as features of tf.Examples; `test_transform` runs whole graphs."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from helpers.image_graph import write_graph
from helpers.small_images import CLASSES, classify

from recordmill.pipelines.analysis.transform_function import TransformFunction, stored_features
from recordmill.pipelines.tfrecord.example_encoder import encode_examples
from recordmill.schemas import ImageSchema

DENSE = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
SPARSE = tf.SparseTensor([[2, 1], [0, 3], [0, 0]], ["c", "b", "a"], [3, 4])
RAGGED = tf.ragged.constant([[[1, 2], []], [], [[3]]], tf.int64)


def test_features_parse_to_the_tensors_they_were_made_of() -> None:
    specs: dict[str, Any] = {
        "dense": tf.io.FixedLenFeature([2], tf.float32),
        "sparse": tf.io.SparseFeature(["sparse$index"], "sparse$value", tf.string, [4]),
        "ragged": tf.io.RaggedFeature(
            tf.int64,
            "ragged$value",
            partitions=[tf.io.RaggedFeature.RowLengths("ragged$lengths")],
        ),
    }
    tensors = {"dense": DENSE, "sparse": SPARSE, "ragged": RAGGED}
    records = encode_examples(stored_features(tensors, specs)).to_pylist()
    parsed = tf.io.parse_example(records, specs)
    assert parsed["dense"].numpy().tolist() == DENSE.numpy().tolist()
    assert parsed["ragged"].to_list() == RAGGED.to_list()
    dense = tf.sparse.to_dense(parsed["sparse"]).numpy().tolist()
    assert dense == tf.sparse.to_dense(tf.sparse.reorder(SPARSE)).numpy().tolist()


def test_a_list_of_values() -> None:
    sparse = tf.SparseTensor([[0, 0], [0, 1], [2, 0]], tf.constant([1, 2, 3], tf.int64), [3, 2])
    features = stored_features({"n": sparse}, {"n": tf.io.VarLenFeature(tf.int64)})
    assert features["n"].to_pylist() == [[1, 2], [], [3]]


def test_a_graph_in_a_folder(tmp_path: Any) -> None:
    schema = ImageSchema("classification", CLASSES)
    function = TransformFunction(write_graph(tmp_path, classify, schema))
    assert {"image", "label"} <= {*function.outputs}
    assert function.has_operation("DecodeImage") or function.has_operation("Decode")
    assert not function.has_operation("no such operation")
    assert {*function.specs_of(["label"])} == {"label"}
