from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from recordmill.schemas.errors import RecipeError
from recordmill.transforms.dataset.to_pandas import to_frame


def test_scalars_keep_their_dtype_and_batches_become_one_frame() -> None:
    batches = [
        {"x": tf.constant([0.5, 1.0]), "n": tf.constant([1, 2], tf.int64)},
        {"x": tf.constant([1.5]), "n": tf.constant([3], tf.int64)},
    ]
    frame = to_frame(batches)
    expected = pd.DataFrame({"x": np.float32([0.5, 1, 1.5]), "n": np.array([1, 2, 3])})
    pd.testing.assert_frame_equal(frame, expected)


def test_bytes_become_text() -> None:
    frame = to_frame([{"t": tf.constant(["é".encode(), b"\xff"])}])
    assert frame["t"].tolist() == ["é", "\\xff"]


def test_several_values_a_row_are_arrays() -> None:
    sparse = tf.SparseTensor([[0, 0], [0, 1]], ["a", "b"], [2, 3])
    frame = to_frame(
        [
            {
                "vector": tf.constant([[1, 2], [3, 4]]),
                "ragged": tf.ragged.constant([[1], [2, 3]]),
                "deeper": tf.ragged.constant([[[1], [2, 3]], []], ragged_rank=2),
                "sparse": sparse,
            }
        ]
    )
    assert frame["vector"][1].tolist() == [3, 4]
    assert [cell.tolist() for cell in frame["ragged"]] == [[1], [2, 3]]
    assert frame["deeper"][0].tolist() == [[1, 0], [2, 3]]
    assert [cell.tolist() for cell in frame["sparse"]] == [["a", "b"], []]


def test_no_batches() -> None:
    assert to_frame([]).empty


def test_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(RecipeError, match=r"^a DataFrame needs pandas: pip install pandas$"):
        to_frame([])
