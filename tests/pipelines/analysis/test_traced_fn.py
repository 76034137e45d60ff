from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from helpers.analyze_cases import ColumnsFeed, custom

from recordmill.pipelines.analysis.traced_fn import trace_fn

Inputs = dict[str, Any]


def test_a_function_with_analyzers() -> None:
    def function(inputs: Inputs) -> Inputs:
        return {"x": tft.scale_to_z_score(inputs["x"])}

    traced = trace_fn(function, ColumnsFeed())
    assert traced.function is function
    assert traced.analysis is not None and traced.analysis.phases == 1
    assert (traced.constant, traced.not_fusable) == (None, None)


def test_a_function_whose_graph_depends_on_no_data() -> None:
    traced = trace_fn(lambda inputs: {"x": tf.identity(inputs["x"])}, ColumnsFeed())
    assert traced.constant is traced.analysis is not None


def test_a_function_for_stock_tensorflow_transform() -> None:
    traced = trace_fn(custom, ColumnsFeed())
    assert (traced.analysis, traced.constant) == (None, None)
    assert str(traced.not_fusable) == (
        'analyzer "PTransform[ptransform]" is a Beam transform of the caller'
    )
