"""Ranges of ids in the metadata of a graph; eager calls leave nothing behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import tensorflow as tf
from tensorflow_transform import schema_inference

from recordmill.transforms import categorical, numeric
from recordmill.transforms._ops.id_domains import with_domain

IDS = [
    lambda: numeric.bucketize_by_boundaries(tf.constant([1.0, 5.0]), boundaries=(2, 3)),
    lambda: categorical.hash_buckets(tf.constant(["a"]), num_buckets=4),
    lambda: categorical.cross([tf.constant(["a"]), tf.constant(["b"])], num_buckets=4),
]


def overrides(graph: tf.Graph) -> int:
    return len(graph.get_collection(schema_inference._TF_METADATA_TENSOR_COLLECTION))


@pytest.mark.parametrize("ids", IDS)
def test_eager_ids_leave_nothing_in_the_default_graph(ids: Callable[[], tf.Tensor]) -> None:
    before = overrides(tf.compat.v1.get_default_graph())
    assert ids().dtype == tf.int64
    assert overrides(tf.compat.v1.get_default_graph()) == before


def test_a_traced_tensor_has_its_domain() -> None:
    with tf.Graph().as_default() as graph:
        ids = with_domain(tf.constant([0, 3], tf.int64), minimum=-1, maximum=3)
    (tensor,) = graph.get_collection(schema_inference._TF_METADATA_TENSOR_COLLECTION)
    assert tensor is ids
