from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import tensorflow as tf
import tensorflow_transform as tft
from helpers.analyze_cases import Inputs

from recordmill.pipelines.analysis.fused import analysis as fused


def test_a_function_that_changes_is_caught(tmp_path: Path) -> None:
    turn = itertools.count()

    def changing(inputs: Inputs) -> Inputs:
        first, second = ("x", "y") if next(turn) else ("y", "x")
        return {"a": inputs[first] - tft.min(inputs[first]), "b": inputs[second]}

    specs = {name: tf.TensorSpec([None], tf.float32, name=name) for name in "xy"}
    analysis = fused.trace(changing, specs)
    with pytest.raises(RuntimeError) as error:
        fused.export(analysis, fused.Bindings(), str(tmp_path / "model"))
    assert str(error.value) == (
        "preprocessing_fn asks for other analyzers each time it is traced "
        "(min/min_and_max/temporary_analyzer_output/PlaceholderWithDefault:0): call them in a "
        "fixed order, not in that of a set, or give each a name"
    )
