"""A function traced before any data is read; `test_analyze` analyzes such functions."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from recordmill.pipelines.analysis.checked_fn import CheckedFn
from recordmill.pipelines.analysis.tensors import SchemaTensorAdapter
from recordmill.pipelines.analysis.traced_fn import trace_fn
from recordmill.schemas import Column, RecipeError, Schema

ADAPTER = SchemaTensorAdapter(Schema((Column("x", "float32"),)))


def test_a_function_without_analyzers_has_a_constant_graph() -> None:
    traced = trace_fn(lambda inputs: {"y": inputs["x"] + 1}, ADAPTER)
    assert traced.constant is traced.analysis is not None
    assert traced.not_fusable is None


def test_a_function_with_an_analyzer() -> None:
    traced = trace_fn(lambda inputs: {"y": tft.scale_to_z_score(inputs["x"])}, ADAPTER)
    assert traced.analysis is not None and traced.analysis.phases > 0
    assert traced.constant is None


def test_an_analyzer_that_only_stock_tensorflow_transform_knows() -> None:
    def function(inputs: dict[str, Any]) -> dict[str, Any]:
        mean = tft.experimental.ptransform_analyzer(
            [inputs["x"]], beam.CombineGlobally(max), [tf.float32], [[]]
        )
        return {"y": inputs["x"] - mean[0]}

    traced = trace_fn(function, ADAPTER)
    assert (traced.analysis, traced.constant) == (None, None)
    assert "a Beam transform of the caller" in str(traced.not_fusable)


def test_a_function_that_fails() -> None:
    with pytest.raises(RecipeError, match=r"^recipe r: .*KeyError: 'X'; there are x$"):
        trace_fn(CheckedFn("r", lambda inputs: {"y": inputs["X"]}), ADAPTER)
