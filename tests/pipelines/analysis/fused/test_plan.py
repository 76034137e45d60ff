"""What the plan knows of tensorflow_transform, and what it says no to."""

from __future__ import annotations

import inspect
from typing import Any

import apache_beam as beam
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from helpers.analyze_cases import SPECS, Inputs
from tensorflow_transform import analyzer_nodes, analyzers, nodes
from tensorflow_transform.beam import beam_nodes

from recordmill.pipelines.analysis.fused import analysis as fused
from recordmill.pipelines.analysis.fused import plan as fused_plan


def test_the_installed_tensorflow_transform_is_the_known_one() -> None:
    known = fused_plan.KNOWN_VERSION
    assert tft.__version__.startswith(known + "."), (
        f"tensorflow_transform is now {tft.__version__}: compare what pipelines/fused use of "
        f"it with {known}, run the equality tests, and only then change KNOWN_VERSION"
    )


def test_every_operation_of_tensorflow_transform_was_considered() -> None:
    considered = {*fused_plan.ACCUMULATES, *fused_plan.FINISHES, *fused_plan.FRAME}
    considered |= {*fused_plan.UNFUSABLE, analyzer_nodes.AnalyzerDef, analyzer_nodes.TensorSource}
    there = {
        kind
        for module in (analyzer_nodes, beam_nodes)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, nodes.OperationDef)
    }
    assert there == considered


def test_another_version_is_not_fused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tft, "__version__", "1.22.0")
    with pytest.raises(fused.NotFusable) as error:
        fused.trace(_weighted_labels, SPECS)
    assert str(error.value) == "tensorflow_transform 1.22.0 is not the known version, 1.21"


def _beam_transform(inputs: Inputs) -> Inputs:
    (longest,) = tft.experimental.ptransform_analyzer(
        [inputs["word"]], beam.Map(lambda batch: batch), [tf.int64], [[]], name="longest"
    )
    return {"x": inputs["x"] + tf.cast(longest, tf.float32)}


def _weighted_labels(inputs: Inputs) -> Inputs:
    weights = tf.ones_like(inputs["x"])
    analyzers._vocabulary_analyzer_nodes(
        analyzer_inputs=[inputs["word"], weights, tf.expand_dims(weights, 1)],
        input_dtype="string",
        vocab_ordering_type=analyzers._VocabOrderingType.WEIGHTED_LABELS,
        vocab_filename="labels",
    )
    return inputs


class _NewAnalyzer(analyzer_nodes.VocabularyCount):  # type: ignore[misc]
    """An operation that nobody has seen."""


def _unknown(inputs: Inputs) -> Inputs:
    read = analyzer_nodes.get_input_tensors_value_nodes([inputs["x"]])
    counted = nodes.apply_operation(_NewAnalyzer, read, label="new")
    size = analyzer_nodes.bind_future_as_tensor(
        counted, analyzer_nodes.TensorInfo(tf.int64, [], None)
    )
    return {"x": inputs["x"] + tf.cast(size, tf.float32)}


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (_beam_transform, 'analyzer "PTransform[longest]" is a Beam transform of the caller'),
        (
            _weighted_labels,
            'analyzer "VocabularyAccumulate[]" orders a vocabulary by weighted labels',
        ),
        (_unknown, 'analyzer "new" is of an unknown type, _NewAnalyzer'),
    ],
)
def test_what_cannot_be_fused_is_named(function: Any, message: str) -> None:
    with pytest.raises(fused.NotFusable) as error:
        fused.trace(function, SPECS)
    assert str(error.value) == message
