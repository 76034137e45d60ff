from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from recordmill.schemas.column import MISSING_INT64
from recordmill.transforms.missing import fill_missing, is_missing, missing_indicator

NAN = float("nan")
INF = float("inf")

CASES = [
    (tf.constant(["", "a", " "]), [True, False, False]),
    (tf.constant([MISSING_INT64, 0, -1], tf.int64), [True, False, False]),
    (tf.constant([NAN, 0.0, INF, -INF], tf.float32), [True, False, True, True]),
    (tf.constant([[NAN], [1.0]], tf.float64), [[True], [False]]),
    (tf.constant([], tf.string), []),
]


@pytest.mark.parametrize(("x", "expected"), CASES)
def test_is_missing(x: tf.Tensor, expected: list[bool]) -> None:
    assert is_missing(x).numpy().tolist() == expected
    indicator = missing_indicator(x)
    assert indicator.dtype == tf.int64
    assert indicator.numpy().tolist() == np.array(expected, np.int64).tolist()


def test_is_missing_refuses_a_dtype_without_a_missing_value() -> None:
    with pytest.raises(
        TypeError, match=r"^expected a string, int64, float32 or float64 tensor, got int32$"
    ):
        is_missing(tf.constant([1], tf.int32))


def test_fill_missing_keeps_the_dtype() -> None:
    assert fill_missing(tf.constant(["", "a"]), "?").numpy().tolist() == [b"?", b"a"]
    ints = fill_missing(tf.constant([MISSING_INT64, 2], tf.int64), 0)
    assert (ints.dtype, ints.numpy().tolist()) == (tf.int64, [0, 2])
    floats = fill_missing(tf.constant([NAN, INF, 2.0]), 0.5)
    assert (floats.dtype, floats.numpy().tolist()) == (tf.float32, [0.5, 0.5, 2.0])
