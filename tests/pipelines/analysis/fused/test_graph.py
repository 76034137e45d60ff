from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
import tensorflow_transform as tft
from helpers.analyze_cases import SPECS, Inputs

from recordmill.pipelines.analysis.fused import analysis as fused
from recordmill.pipelines.analysis.fused import graph as fused_graph
from recordmill.pipelines.analysis.fused.graph import (
    Subgraph,
    check_fingerprint,
    fingerprint,
    phase_graph,
    remembered,
    replacements,
    trace,
)


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
        "preprocessing_fn calls other analyzers each time it is traced "
        "(min/min_and_max/temporary_analyzer_output/PlaceholderWithDefault:0): call them in a "
        "fixed order, not in that of a set, or give each a name"
    )


def test_what_is_remembered_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused_graph, "_REMEMBERED", type(fused_graph._REMEMBERED)())
    numbers = itertools.count()
    assert [remembered(("a",), lambda: next(numbers)) for _ in range(3)] == [0, 0, 0]
    for key in range(7):
        remembered((key,), lambda: next(numbers))
    assert remembered(("a",), lambda: next(numbers)) == 0  # the latest of eight
    remembered(("more",), lambda: next(numbers))
    remembered((0,), lambda: next(numbers))  # which went first
    assert next(numbers) == 10


def _features(inputs: Inputs) -> Inputs:
    tf.debugging.assert_less(inputs["x"], 100.0, message="too large")
    word = tft.compute_and_apply_vocabulary(inputs["word"], vocab_filename="words")
    return {"x": inputs["x"] - tft.max(inputs["x"]), "word": word, "twice": inputs["x"] * 2}


def test_the_inputs_that_analyzers_see() -> None:
    traced = trace(_features, SPECS)
    assert sorted(traced.inputs) == ["word", "x"]
    assert sorted(traced.returned) == ["twice", "word", "x"]
    seen = fingerprint(traced)
    assert {*map(tuple, seen.values())} == {("x",), ("word",)}
    check_fingerprint(trace(_features, SPECS), seen)
    with pytest.raises(RuntimeError, match=r"^preprocessing_fn calls other analyzers"):
        check_fingerprint(traced, {})


def test_eager_calls_before_are_no_part_of_a_trace() -> None:
    tf.compat.v1.get_default_graph().add_to_collection("tft_made_up", 1)
    trace(_features, SPECS)
    assert tf.compat.v1.get_default_graph().get_collection("tft_made_up") == []


INPUTS = {"x": tf.constant([1.0, 2.0]), "word": tf.constant(["a", "b"])}


def _run(part: Subgraph, traced: fused_graph.Trace, inputs: Inputs) -> list[Any]:
    @tf.function(input_signature=[dict(SPECS)], autograph=False)
    def function(given: Inputs) -> list[Any]:
        return part(tf.nest.flatten(given, expand_composites=True))

    return [tensor.numpy().tolist() for tensor in function(inputs)]


def test_a_part_is_what_some_tensors_are_computed_by() -> None:
    traced = trace(_features, SPECS)
    outputs = traced.function.structured_outputs
    part = Subgraph(traced, [outputs["twice"]], checks=False)
    assert part.reads_inputs
    assert _run(part, traced, INPUTS) == [[2.0, 4.0]]
    assert _run(Subgraph(traced, [traced.inputs["x"]], checks=False), traced, INPUTS) == [
        [1.0, 2.0]
    ]
    assert not Subgraph(traced, [], checks=False).reads_inputs


def test_checks_are_a_part_where_they_are_asked_for() -> None:
    traced = trace(_features, SPECS)
    (too_large, fetches) = (INPUTS | {"x": tf.constant([1e3, 0])}, [traced.inputs["word"]])
    assert _run(Subgraph(traced, fetches, checks=False), traced, too_large) == [[b"a", b"b"]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="too large"):
        _run(Subgraph(traced, fetches, checks=True), traced, too_large)


def test_the_graph_of_a_phase_gives_what_its_gatherers_need() -> None:
    analysis = fused.trace(_features, SPECS)
    graph = phase_graph(
        trace(_features, SPECS), SPECS, analysis.plan.tensors[0], analysis.gatherers[0]
    )
    reduced = graph(INPUTS)
    assert set(reduced) == set(analysis.gatherers[0])
    (vocabulary,) = (label for label in reduced if label.startswith("Vocabulary"))
    joined, lengths, counts = reduced[vocabulary]
    assert (joined.item(), lengths.tolist(), counts.tolist()) == (b"ab", [1, 1], [1, 1])
    ((negative_minimum, maximum),) = (one for label, one in reduced.items() if label != vocabulary)
    assert (float(negative_minimum), float(maximum)) == (-1.0, 2.0)


def test_nothing_is_put_in_before_the_first_phase() -> None:
    assert replacements(None) is None
