from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from recordmill.schemas.column import MISSING_INT64
from recordmill.schemas.errors import RecipeError
from recordmill.transforms import numeric
from recordmill.transforms.missing import fill_missing
from recordmill.transforms.serving.transform_graph import TransformGraph

NAN = float("nan")
TYPES = {"f": float, "i": int, "same": float, "time": int, "none": float, "no_ints": int}
COLUMNS: dict[str, Any] = {
    "f": [1.0, 2.0, NAN, 3.0, 4.0, float("inf"), 10.0, 4.0],
    "i": [1, 2, MISSING_INT64, 3, 4, MISSING_INT64, 10, 4],
    "same": [0.1] * 7 + [NAN],
    "time": [1_700_000_000 + second for second in range(8)],
    "none": [NAN] * 8,
    "no_ints": [MISSING_INT64] * 8,
}


def preprocessing_fn(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    outputs = {}
    for name, x in inputs.items():
        outputs |= {
            f"{name}/z_score": numeric.z_score(x),
            f"{name}/min_max": numeric.min_max(x, output_min=-1.0, output_max=1.0),
            f"{name}/mean": numeric.impute(x),
            f"{name}/median": numeric.impute(x, strategy="median"),
            f"{name}/quantiles": numeric.bucketize_by_quantiles(x, num_buckets=3),
        }
    outputs["log_z_score"] = numeric.z_score(numeric.log(inputs["i"]))
    return outputs


@pytest.fixture(scope="module")
def graph(analyze: Callable[..., Path]) -> TransformGraph:
    return TransformGraph(f"{analyze(preprocessing_fn, COLUMNS | {'types': TYPES})}/transform_fn")


@pytest.fixture(scope="module")
def outputs(graph: TransformGraph) -> dict[str, np.ndarray]:
    dtypes = {float: tf.float32, int: tf.int64}
    raw = {name: tf.constant(COLUMNS[name], dtypes[kind]) for name, kind in TYPES.items()}
    return {name: value.numpy() for name, value in graph(raw).items()}


@pytest.mark.slow
class TestAnalyzed:
    def test_no_output_is_nan(self, outputs: dict[str, np.ndarray]) -> None:
        assert [name for name, x in outputs.items() if not np.isfinite(x).all()] == []
        dtypes = {name: x.dtype.name for name, x in outputs.items()}
        assert {k: v for k, v in dtypes.items() if v != "float32"} == {
            f"{name}/quantiles": "int64" for name in TYPES
        }

    @pytest.mark.parametrize("name", ["f", "i"])
    def test_z_score(self, outputs: dict[str, np.ndarray], name: str) -> None:
        good = np.array([1, 2, 3, 4, 10, 4])
        scaled = (np.array([1, 2, 4, 3, 4, 4, 10, 4]) - good.mean()) / good.std()
        assert outputs[f"{name}/z_score"].tolist() == scaled.astype(np.float32).tolist()

    def test_z_score_of_a_timestamp_keeps_its_seconds(self, outputs: dict[str, np.ndarray]) -> None:
        seconds = np.arange(8)
        scaled = (seconds - seconds.mean()) / seconds.std()
        np.testing.assert_allclose(outputs["time/z_score"], scaled, rtol=1e-6)

    @pytest.mark.parametrize("name", ["same", "none", "no_ints"])
    def test_z_score_without_variance_is_exactly_zero(
        self, outputs: dict[str, np.ndarray], name: str
    ) -> None:
        assert outputs[f"{name}/z_score"].tolist() == [0.0] * 8

    @pytest.mark.parametrize("name", ["f", "i"])
    def test_min_max(self, outputs: dict[str, np.ndarray], name: str) -> None:
        ninths = np.array([0, 1, 0, 2, 3, 0, 9, 3])
        np.testing.assert_allclose(outputs[f"{name}/min_max"], ninths / 9 * 2 - 1, atol=1e-7)

    @pytest.mark.parametrize("name", ["same", "none", "no_ints"])
    def test_min_max_without_a_range_is_output_min(
        self, outputs: dict[str, np.ndarray], name: str
    ) -> None:
        assert outputs[f"{name}/min_max"].tolist() == [-1.0] * 8

    @pytest.mark.parametrize(
        ("name", "mean", "median"),
        [("f", 4.0, 4.0), ("i", 4.0, 4.0), ("none", 0.0, 0.0), ("no_ints", 0.0, 0.0)],
    )
    def test_impute(
        self, outputs: dict[str, np.ndarray], name: str, mean: float, median: float
    ) -> None:
        raw = np.array([1, 2, NAN, 3, 4, NAN, 10, 4]) if name in "fi" else np.full(8, NAN)
        gaps = np.isnan(raw)
        assert outputs[f"{name}/mean"].tolist() == np.where(gaps, mean, raw).tolist()
        assert outputs[f"{name}/median"].tolist() == np.where(gaps, median, raw).tolist()

    @pytest.mark.parametrize("name", ["f", "i"])
    def test_bucketize_by_quantiles(self, outputs: dict[str, np.ndarray], name: str) -> None:
        assert outputs[f"{name}/quantiles"].tolist() == [0, 0, 3, 1, 2, 3, 2, 2]

    def test_bucketize_by_quantiles_of_nothing(self, outputs: dict[str, np.ndarray]) -> None:
        assert outputs["none/quantiles"].tolist() == [3] * 8
        assert outputs["no_ints/quantiles"].tolist() == [3] * 8

    def test_log_then_z_score(self, outputs: dict[str, np.ndarray]) -> None:
        good = np.log1p(np.array([1, 2, 3, 4, 10, 4]))
        first = (math.log1p(1) - good.mean()) / good.std()
        assert outputs["log_z_score"][[0, 2]].tolist() == [pytest.approx(first, rel=1e-6), 0.0]

    def test_served_values_beyond_what_was_analyzed(self, graph: TransformGraph) -> None:
        raw = {
            name: tf.constant([100], tf.float32 if kind is float else tf.int64)
            for name, kind in TYPES.items()
        }
        served = {name: value.numpy().item() for name, value in graph(raw).items()}
        assert served["i/min_max"] == 21.0
        assert served["same/z_score"] == pytest.approx(99.9)
        assert served["none/z_score"] == 100.0
        assert (served["i/quantiles"], served["none/quantiles"]) == (2, 2)


@pytest.mark.slow
def test_empty_data(analyze: Callable[..., Path]) -> None:
    columns: dict[str, Any] = {"f": [], "i": []}
    types = {"types": {"f": float, "i": int}}

    def only_two(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return preprocessing_fn({"f": inputs["f"], "i": inputs["i"]})

    graph = TransformGraph(f"{analyze(only_two, columns | types)}/transform_fn")
    raw = {"f": tf.constant([5.0, NAN]), "i": tf.constant([5, MISSING_INT64], tf.int64)}
    served = {name: value.numpy().tolist() for name, value in graph(raw).items()}
    assert {name: value for name, value in served.items() if name.startswith("i/")} == {
        "i/z_score": [5.0, 0.0],
        "i/min_max": [-1.0, -1.0],
        "i/mean": [5.0, 0.0],
        "i/median": [5.0, 0.0],
        "i/quantiles": [2, 3],
    }


def test_log() -> None:
    x = tf.constant([0, 1, -1, -5, MISSING_INT64], tf.int64)
    result = numeric.log(x)
    assert result.dtype == tf.float32
    np.testing.assert_array_equal(result, np.float32([0, math.log(2), NAN, NAN, NAN]))
    np.testing.assert_array_equal(numeric.log(tf.constant([-0.5])), np.float32([math.log(0.5)]))


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({}, [-5, 0, 7, MISSING_INT64]),
        ({"minimum": 0}, [0, 0, 7, MISSING_INT64]),
        ({"maximum": 0}, [-5, 0, 0, MISSING_INT64]),
        ({"minimum": -1.5, "maximum": 2.5}, [-1, 0, 2, MISSING_INT64]),
    ],
)
def test_clip(bounds: dict[str, float], expected: list[int]) -> None:
    ints = numeric.clip(tf.constant([-5, 0, 7, MISSING_INT64], tf.int64), **bounds)
    assert (ints.dtype, ints.numpy().tolist()) == (tf.int64, expected)


def test_clip_keeps_missing_floats() -> None:
    x = tf.constant([[-5.0], [NAN], [0.25]])
    clipped = numeric.clip(x, minimum=-0.1, maximum=0.1)
    np.testing.assert_array_equal(clipped, np.float32([[-0.1], [NAN], [0.1]]))


def test_impute_a_constant() -> None:
    x = tf.constant([1, MISSING_INT64], tf.int64)
    filled = numeric.impute(x, strategy="constant", fill_value=-0.5)
    assert (filled.dtype, filled.numpy().tolist()) == (tf.float32, [1.0, -0.5])
    assert fill_missing(x, 0).dtype == tf.int64


def test_bucketize_by_boundaries() -> None:
    x = tf.constant([[-3, 18], [17, 25], [99, MISSING_INT64]], tf.int64)
    ids = numeric.bucketize_by_boundaries(x, boundaries=(18, 25))
    assert (ids.dtype, ids.numpy().tolist()) == (tf.int64, [[0, 1], [0, 2], [2, 3]])
    floats = tf.constant([17.5, 18.0, NAN, float("inf")])
    assert numeric.bucketize_by_boundaries(floats, boundaries=[18.0]).numpy().tolist() == [
        0,
        1,
        2,
        2,
    ]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x: numeric.min_max(x, output_min=1.0, output_max=1.0),
            "expected output_min below output_max, got 1.0, 1.0",
        ),
        (
            lambda x: numeric.clip(x, minimum=2, maximum=1),
            "expected minimum up to maximum, got 2, 1",
        ),
        (
            lambda x: numeric.impute(x, strategy="mode"),
            'expected an impute strategy of mean, median, constant, got "mode"',
        ),
        (
            lambda x: numeric.bucketize_by_quantiles(x, num_buckets=1),
            "expected num_buckets of at least 2, got 1",
        ),
        (
            lambda x: numeric.bucketize_by_boundaries(x, boundaries=[2, 1]),
            "expected boundaries in ascending order, got [2, 1]",
        ),
        (
            lambda x: numeric.bucketize_by_boundaries(x, boundaries=[1, 1]),
            "expected boundaries in ascending order, got [1, 1]",
        ),
        (
            lambda x: numeric.bucketize_by_boundaries(x, boundaries=[]),
            "expected boundaries in ascending order, got []",
        ),
    ],
)
def test_wrong_arguments(call: Callable[[tf.Tensor], tf.Tensor], message: str) -> None:
    with pytest.raises(RecipeError) as error:
        call(tf.constant([1.0]))
    assert str(error.value) == message
