from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from recordmill.schemas.column import MISSING_INT64
from recordmill.schemas.errors import DataError
from recordmill.transforms.serving.raw_columns import raw_tensors

SPECS = {
    "age": tf.TensorSpec([None], tf.int64),
    "score": tf.TensorSpec([None], tf.float32),
    "job": tf.TensorSpec([None], tf.string),
    "pair": tf.TensorSpec([None, 2], tf.int64),
}
RAGGED = {
    "image": tf.TensorSpec([None], tf.string),
    "boxes": tf.RaggedTensorSpec([None, None, 4], tf.float32, 1, tf.int64),
    "box_labels": tf.RaggedTensorSpec([None, None], tf.string, 1, tf.int64),
}
NAN = float("nan")


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("age", [39, None, 40.0, NAN, True], [39, MISSING_INT64, 40, MISSING_INT64, 1]),
        ("age", np.array([39.0, NAN]), [39, MISSING_INT64]),
        ("age", np.array([39], np.int32), [39]),
        ("age", (2**63 - 1,), [2**63 - 1]),
        ("age", [], []),
        ("score", [1, None, 0.5], [1.0, NAN, 0.5]),
        ("score", np.array([0.5, NAN]), [0.5, NAN]),
        ("score", np.array([None, np.float32(2)], object), [NAN, 2.0]),
        ("job", ["a", None, b"b", NAN, ""], [b"a", b"", b"b", b"", b""]),
        ("job", np.array(["a", "é"]), [b"a", "é".encode()]),
        ("job", tf.constant(["a"]), [b"a"]),
        ("pair", [[1, None]], [[1, MISSING_INT64]]),
    ],
)
def test_values(name: str, values: Any, expected: list[Any]) -> None:
    tensor = raw_tensors({name: values}, {name: SPECS[name]})[name]
    assert tensor.dtype == SPECS[name].dtype
    np.testing.assert_array_equal(tensor.numpy(), np.array(expected, tensor.numpy().dtype))


def test_columns_not_given_are_missing() -> None:
    tensors = raw_tensors({"job": ["a", "b"]}, SPECS)
    np.testing.assert_array_equal(tensors["age"], [MISSING_INT64] * 2)
    np.testing.assert_array_equal(tensors["score"], [NAN] * 2)
    np.testing.assert_array_equal(tensors["pair"], [[MISSING_INT64] * 2] * 2)
    assert {name: tensor.dtype for name, tensor in tensors.items()} == {
        name: spec.dtype for name, spec in SPECS.items()
    }


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({}, "expected at least one of the raw columns age, job, pair, score"),
        ({"agee": [1]}, 'the transform graph takes no column "agee"; did you mean "age"?'),
        (
            {"zzz": [1]},
            'the transform graph takes no column "zzz"; there are age, job, pair, score.',
        ),
        ({"age": [1, "39"]}, "column \"age\", row 1: expected an integer, got '39'"),
        ({"age": [0.5]}, 'column "age", row 0: expected an integer, got 0.5'),
        ({"age": [2**63]}, f'column "age", row 0: expected an integer, got {2**63}'),
        ({"age": [float("inf")]}, 'column "age", row 0: expected an integer, got inf'),
        ({"pair": [[1, 2], [3, "x"]]}, "column \"pair\", row 1: expected an integer, got 'x'"),
        ({"score": ["1"]}, "column \"score\", row 0: expected a finite number, got '1'"),
        ({"job": [1]}, 'column "job", row 0: expected text, got 1'),
        (
            {"age": 39},
            'column "age": expected a int64 tensor of shape (None,), got int64 of shape ()',
        ),
        (
            {"pair": [[1, 2, 3]]},
            'column "pair": expected a int64 tensor of shape (None, 2), got int64 of shape (1, 3)',
        ),
        (
            {"age": tf.constant([1.0])},
            'column "age": expected a int64 tensor of shape (None,), got float32 of shape (1,)',
        ),
        (
            {"age": [1, 2], "job": ["a"]},
            'column "job": expected as many rows as "age", 2, got 1',
        ),
    ],
)
def test_wrong_values(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as error:
        raw_tensors(raw, SPECS)
    assert str(error.value) == message


BOX, OTHER = [0.0, 0.25, 0.5, 1.0], [0.5, 0.5, 1.0, 1.0]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("boxes", [[BOX, OTHER], [], None, [BOX]], [[BOX, OTHER], [], [], [BOX]]),
        ("boxes", [np.array([BOX]), np.zeros((0, 4))], [[BOX], []]),
        ("boxes", np.array([[BOX], [OTHER]]), [[BOX], [OTHER]]),
        ("boxes", [[[0, 0, 1, 1]]], [[[0.0, 0.0, 1.0, 1.0]]]),
        ("boxes", [[], []], [[], []]),
        ("boxes", [], []),
        ("boxes", tf.ragged.constant([[BOX], []], ragged_rank=1), [[BOX], []]),
        (
            "boxes",
            tf.RaggedTensor.from_row_lengths([BOX], tf.constant([0, 1], tf.int32)),
            [[], [BOX]],
        ),
        ("box_labels", [["a", b"b", None], [], ("é",)], [[b"a", b"b", b""], [], ["é".encode()]]),
        ("box_labels", tf.ragged.constant([["a"], []]), [[b"a"], []]),
    ],
)
def test_ragged_values(name: str, values: Any, expected: list[Any]) -> None:
    tensor = raw_tensors({name: values}, {name: RAGGED[name]})[name]
    assert RAGGED[name].is_compatible_with(tensor)
    assert tensor.row_splits.dtype == tf.int64
    assert tensor.to_list() == expected


def test_ragged_columns_not_given_are_empty_in_every_row() -> None:
    tensors = raw_tensors({"image": ["a", "b"]}, RAGGED)
    assert tensors["boxes"].to_list() == tensors["box_labels"].to_list() == [[], []]
    assert all(spec.is_compatible_with(tensors[name]) for name, spec in RAGGED.items())
    tensors = raw_tensors({"boxes": [[BOX], []]}, RAGGED)
    assert tensors["image"].numpy().tolist() == [b"", b""]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            {"boxes": [[], [BOX[:3]]]},
            'column "boxes", row 1: expected values of shape (None, 4), '
            "got [[0.0, 0.25, 0.5]] of shape (1, 3)",
        ),
        (
            {"boxes": [BOX]},
            'column "boxes", row 0: expected values of shape (None, 4), '
            "got [0.0, 0.25, 0.5, 1.0] of shape (4,)",
        ),
        (
            {"boxes": [[[0, 0, 1, "1"]]]},
            "column \"boxes\", row 0: expected a finite number, got '1'",
        ),
        (
            {"box_labels": ["cat"]},
            "column \"box_labels\", row 0: expected values of shape (None,), got 'cat' of shape ()",
        ),
        (
            {"box_labels": [[], ["a", 1]]},
            'column "box_labels", row 1: expected text, got 1',
        ),
        ({"boxes": 1.0}, 'column "boxes": expected a list of the values of each row, got 1.0'),
        (
            {"boxes": tf.zeros([2, 1, 4])},
            'column "boxes": expected a ragged float32 tensor of shape (None, None, 4), '
            "got float32 of shape (2, 1, 4)",
        ),
        (
            {"boxes": tf.ragged.constant([[BOX]])},
            'column "boxes": expected a ragged float32 tensor of shape (None, None, 4), '
            "got ragged float32 of shape (1, None, None)",
        ),
        (
            {"image": tf.ragged.constant([["a"]])},
            'column "image": expected a string tensor of shape (None,), '
            "got ragged string of shape (1, None)",
        ),
        (
            {"image": ["a"], "boxes": [[], []]},
            'column "boxes": expected as many rows as "image", 1, got 2',
        ),
    ],
)
def test_wrong_ragged_values(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as error:
        raw_tensors(raw, RAGGED)
    assert str(error.value) == message


def test_names_as_a_signature_spells_them() -> None:
    specs = {name: tf.TensorSpec([None], tf.int64) for name in ("a-b", "a b", "c-d")}
    result = raw_tensors({"a-b": [1], "c_d": [2]}, specs)
    assert {name: tensor.numpy().tolist() for name, tensor in result.items()} == {
        "a-b": [1],
        "a b": [MISSING_INT64],
        "c-d": [2],
    }
    for raw, message in (
        ({"a_b": [1]}, 'got "a_b", which stands for "a-b" and "a b"; name the column'),
        ({"c_d": [1], "c-d": [1]}, 'expected the column "c-d" once, got it as "c_d" and as "c-d"'),
    ):
        with pytest.raises(DataError, match=message):
            raw_tensors(raw, specs)
