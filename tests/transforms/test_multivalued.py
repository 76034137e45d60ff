from __future__ import annotations

import pytest
import tensorflow as tf

from recordmill.schemas.column import MISSING_INT64
from recordmill.schemas.errors import RecipeError
from recordmill.transforms.categorical import hash_buckets
from recordmill.transforms.missing import fill_missing
from recordmill.transforms.multivalued import count_ids, multi_hot, split_values


def test_split_values() -> None:
    x = tf.constant(["a|b", " b | c |", "", "||", "a b|a b", "é"])
    result = split_values(x)
    assert (result.dtype, result.row_splits.dtype) == (tf.string, tf.int64)
    assert result.to_list() == [
        [b"a", b"b"],
        [b"b", b"c"],
        [],
        [],
        [b"a b", b"a b"],
        ["é".encode()],
    ]
    assert split_values(tf.constant(["a, b,c"]), separator=", ").to_list() == [[b"a", b"b,c"]]


def test_hash_buckets_of_ragged_values_are_those_of_dense_ones() -> None:
    x = split_values(tf.constant(["a|b", "", "b"]))
    a, b = hash_buckets(tf.constant(["a", "b"]), num_buckets=1000).numpy().tolist()
    assert hash_buckets(x, num_buckets=1000).to_list() == [[a, b], [], [b]]
    numbers = tf.ragged.constant([[12, MISSING_INT64], []], dtype=tf.int64)
    texts = tf.ragged.constant([["12", ""], []])
    result = hash_buckets(numbers, num_buckets=97).to_list()
    assert result == hash_buckets(texts, num_buckets=97).to_list()


def test_missing_values_of_ragged_tensors_are_filled() -> None:
    x = tf.ragged.constant([["a", ""], []])
    assert fill_missing(x, "?").to_list() == [[b"a", b"?"], []]


@pytest.mark.parametrize("dtype", [tf.int64, tf.int32])
def test_multi_hot_and_counts(dtype: tf.DType) -> None:
    rows = [[2, 0, 2], [], [-1, 3, 1], [0, 0]]
    ids = tf.ragged.constant(rows, dtype=dtype)
    assert multi_hot(ids, depth=3).numpy().tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 0, 0]]
    assert count_ids(ids, depth=3).numpy().tolist() == [[1, 0, 2], [0, 0, 0], [0, 1, 0], [2, 0, 0]]
    assert multi_hot(ids, depth=3).dtype == tf.float32


def test_dense_ids() -> None:
    ids = tf.constant([[1, 1], [0, MISSING_INT64]], tf.int64)
    assert count_ids(ids, depth=2).numpy().tolist() == [[0, 2], [1, 0]]
    assert multi_hot(ids, depth=2).numpy().tolist() == [[0, 1], [1, 0]]


def test_the_length_is_known_in_a_graph() -> None:
    graph = tf.function(lambda x: multi_hot(hash_buckets(split_values(x), num_buckets=4), depth=4))
    concrete = graph.get_concrete_function(tf.TensorSpec([None], tf.string))
    assert concrete.output_shapes.as_list() == [None, 4]
    assert concrete(tf.constant([], tf.string)).shape == (0, 4)


def test_wrong_options() -> None:
    for call, message in (
        (
            lambda: split_values(tf.constant(["a"]), separator=""),
            'expected a separator such as "|", got an empty one',
        ),
        (
            lambda: split_values(tf.constant([["a"]])),
            "expected one text a row, a tensor [batch], got the shape (1, 1)",
        ),
        (
            lambda: multi_hot(tf.constant([1], tf.int64), depth=2),
            "expected ids [batch, None], such as those of split_values, got the shape (1,)",
        ),
        (
            lambda: multi_hot(tf.constant([[1]], tf.int64), depth=0),
            "expected a depth of at least 1, got 0",
        ),
    ):
        with pytest.raises(RecipeError) as error:
            call()
        assert str(error.value) == message
