from __future__ import annotations

import gc

import pytest
import tensorflow as tf

from recordmill.transforms._ops.lookup_table import static_table


@pytest.mark.parametrize(
    ("entries", "default", "expected", "dtype"),
    [({"a": 1, "b": 2}, -1, [2, -1, 1], tf.int64), ({"a": "x"}, "", [b"", b"", b"x"], tf.string)],
)
def test_a_table_of_strings(
    entries: dict[str, int], default: int, expected: list[int], dtype: tf.DType
) -> None:
    values = static_table(entries, default).lookup(tf.constant(["b", "?", "a"]))
    assert values.numpy().tolist() == expected
    assert values.dtype == dtype


def test_a_graph_holds_its_table() -> None:
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def ids(texts: tf.Tensor) -> tf.Tensor:
        return static_table({"a": 7}, 0).lookup(texts)

    concrete = ids.get_concrete_function()
    gc.collect()
    assert len(concrete.graph.get_collection("recordmill/tables")) == 1
    assert concrete(tf.constant(["a", "b"])).numpy().tolist() == [7, 0]
