from __future__ import annotations

import tensorflow as tf

from recordmill.pipelines.parity.examples import serialized


def test_an_example_a_row_without_what_is_missing() -> None:
    raw = {"n": [7, None], "x": [0.5, 1.0], "t": ["é", b"\xff"], "none": [None, None]}
    first, second = (tf.train.Example.FromString(one) for one in serialized(raw))
    assert first.features.feature["n"].int64_list.value == [7]
    assert first.features.feature["x"].float_list.value == [0.5]
    assert first.features.feature["t"].bytes_list.value == ["é".encode()]
    assert second.features.feature["t"].bytes_list.value == [b"\xff"]
    assert sorted(second.features.feature) == ["t", "x"]


def test_no_rows() -> None:
    assert list(serialized({"n": []})) == []
