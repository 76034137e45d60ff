from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from recordmill.pipelines.parity.comparison import (
    Comparison,
    ModelParity,
    _graph_problems,
    _missing_signatures,
    difference,
    rows_of,
)

SIDES = ("stored", "graph:")
AFTER_1 = float(np.nextafter(np.float32(1), np.float32(2)))
FAR = 1.0 + 3 * (AFTER_1 - 1.0)


def compare(expected: dict[str, Any], got: dict[str, Any]) -> Comparison:
    comparison = Comparison()
    rows = len(next(iter(expected.values())))
    sources = [f"a.csv:{row + 2}" for row in range(rows)]
    comparison.add(expected, got, sources=sources, kind="feature", sides=SIDES)
    return comparison


def test_values_that_are_equal_or_a_unit_apart() -> None:
    comparison = compare(
        {"x": np.float32([1, 2]), "t": np.array([b"a", b"b"], object), "only": np.ones(2)},
        {"x": np.float32([AFTER_1, 2]), "t": np.array([b"a", b"b"], object)},
    )
    assert (comparison.problems, comparison.max_ulps) == ([], 1)


def test_values_that_differ() -> None:
    texts = [np.array([first, b"a", b"b"], object) for first in (b"\xff", b"b")]
    comparison = compare(
        {"x": np.float32([1, 2, 3]), "n": np.array([1, 2, 3]), "t": texts[0]},
        {"x": np.float32([FAR, 2, 4]), "n": np.array([1, 2, 4]), "t": texts[1]},
    )
    assert comparison.problems == [
        'a.csv:2: feature "x": stored 1.0, graph: 1.0000004 (3 units in the last place); and 1 '
        "more rows",
        'a.csv:4: feature "n": stored 3, graph: 4',
        r'''a.csv:2: feature "t": stored "\\xff", graph: "b"''',
    ]


def test_twenty_problems_are_told() -> None:
    sides = ({f"f{n}": np.array([value]) for n in range(30)} for value in (0, 1))
    assert len(compare(*sides).problems) == 20


def test_rows_of_ragged_and_sparse_tensors() -> None:
    ragged = tf.ragged.constant([[1, 2], []])
    assert [[part.tolist() for part in row] for row in rows_of(ragged)] == [[[1, 2]], [[]]]
    nested = tf.ragged.constant([[[1], [2, 3]], []])
    assert [[part.tolist() for part in row] for row in rows_of(nested)] == [
        [[1, 2, 3], [0, 1, 3]],
        [[], [0]],
    ]
    sparse = tf.SparseTensor([[0, 2], [2, 0]], ["a", "b"], [3, 4])
    assert [[part.tolist() for part in row] for row in rows_of(sparse)] == [
        [[b"a"], [[2]]],
        [[], []],
        [[b"b"], [[0]]],
    ]
    assert [row[0].tolist() for row in rows_of(np.array([[1, 2], [3, 4]]))] == [[[1, 2]], [[3, 4]]]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([1, 2], [1, 2, 3], (0, ("values of shape (2,)", "of shape (3,)"))),
        ([1.0], [AFTER_1], (1, None)),
        ([float("nan")], [float("nan")], (0, None)),
    ],
)
def test_the_difference_of_two_rows(one: Any, other: Any, expected: Any) -> None:
    kind = np.float32 if isinstance(one[0], float) else np.int64
    assert difference((np.array(one, kind),), (np.array(other, kind),)) == expected


def test_another_transform_graph() -> None:
    manifest: Any = SimpleNamespace(transform_fn={"sha256": "ab"})
    for told, problems in (
        ({}, []),
        ({"transform_fn": {"sha256": "ab"}}, []),
        ({"transform_fn": "x"}, []),
        (
            {"transform_fn": {"sha256": "cd"}},
            ["m/1: the model was exported over the transform graph of another dataset"],
        ),
    ):
        served = SimpleNamespace(info=told, path="m/1")
        assert [*_graph_problems(served, manifest)] == problems


def test_signatures_that_a_model_has_not() -> None:
    served = SimpleNamespace(signatures={"serving_default": None, "transform": None})
    assert [*_missing_signatures(served)] == [
        'the model has no signature "examples", so predictions of tf.Examples were not compared',
        'the model has no signature "records", so its predictions as it was trained were not '
        "compared",
    ]


def test_the_result_in_words() -> None:
    parity = ModelParity({"train": 1200, "eval": 64}, 1, ("JSON lines", "tf.Examples"))
    assert parity.compared == (
        "1,200 of train, 64 of eval rows, 1 feature, by JSON lines, tf.Examples"
    )
    assert parity.result == "all values are equal"
    assert ModelParity({}, 2, (), max_ulps=1).result == (
        "floats are at most 1 unit in the last place apart"
    )
    images = ModelParity(
        {"train": 3}, 2, (), largest_pixel_difference=4, prediction_difference=0.02
    )
    assert images.compared == "3 of train images, 2 features, by "
    assert images.result == (
        "a sample of a pixel differs by 4 at most; predictions as trained and as served differ by "
        "0.02 at most"
    )
