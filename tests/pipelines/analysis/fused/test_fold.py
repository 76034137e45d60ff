from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow_transform as tft
from helpers.analyze_cases import SPECS, Inputs
from tensorflow_transform import analyzers
from tensorflow_transform.beam import analyzer_impls, beam_nodes

from recordmill.pipelines.analysis.fused import analysis as fused
from recordmill.pipelines.analysis.fused.fold import (
    GatherCombined,
    GatherCombinedPerKey,
    gatherers_of,
)
from recordmill.pipelines.analysis.fused.plan import NotFusable
from recordmill.pipelines.analysis.fused.sums import PARTITION_FROM, PARTITIONS


def test_quantiles_per_key_are_those_of_the_rows_one_by_one() -> None:
    combiner = analyzers.QuantilesCombiner(4, 0.01, np.float32, output_shape=(3,))
    random = np.random.default_rng(0)
    keys = random.choice(np.array([b"a", b"b", b"\xff"], object), 5000)
    values = random.normal(size=5000).astype(np.float32)
    part = GatherCombinedPerKey(("key", "x"), combiner).add({}, [keys, values])
    one_by_one: dict[bytes, Any] = {}
    for key, row in analyzer_impls._split_inputs_by_key([keys, values]):
        accumulator = one_by_one.setdefault(key, combiner.create_accumulator())
        combiner.add_input(accumulator, row)
    assert sorted(part) == sorted(one_by_one)
    for key, accumulator in part.items():
        got = combiner.extract_output(accumulator)[0]
        np.testing.assert_array_equal(got, combiner.extract_output(one_by_one[key])[0])


MEDIAN = analyzers.QuantilesCombiner(2, 0.01, np.float32)


def test_a_combiner_folds_batches_as_the_rows_at_once() -> None:
    gather = GatherCombined(("x",), MEDIAN)
    values = [np.float32([1, 2]), np.float32([3, 4, 9])]
    parts = [gather.add(gather.start(), [some]) for some in values]
    (whole,) = (gather.add(gather.start(), [np.concatenate(values)]),)
    pieces = gather.split(gather.merge(parts))
    assert list(pieces) == [None]
    merged = MEDIAN.extract_output(gather.join(pieces))
    np.testing.assert_array_equal(merged[0], MEDIAN.extract_output(whole)[0])


@pytest.mark.parametrize(("keys", "pieces"), [(3, 1), (PARTITION_FROM, PARTITIONS)])
def test_many_keys_are_cut_by_their_hash_and_joined_again(keys: int, pieces: int) -> None:
    gather = GatherCombinedPerKey(("key", "x"), MEDIAN)
    names = np.array([f"k{number}".encode() for number in range(keys)], object)
    part = gather.add(gather.start(), [names, np.arange(keys, dtype=np.float32)])
    cut = gather.split(part)
    assert len(cut) == pieces
    joined = gather.join(cut)
    assert sorted(joined) == sorted(names)
    assert float(MEDIAN.extract_output(joined[b"k2"])[0][0]) == 2


def test_the_gatherers_of_a_phase() -> None:
    def function(inputs: Inputs) -> Inputs:
        word = tft.compute_and_apply_vocabulary(inputs["word"], vocab_filename="words")
        return {"word": word, "z": tft.scale_to_z_score_per_key(inputs["x"], inputs["word"])}

    plan = fused.trace(function, SPECS).plan
    gatherers = gatherers_of(plan, 0)
    assert sorted(type(one).__name__ for one in gatherers.values()) == [
        "GatherCombinedPerKey",
        "GatherVocabulary",
    ]
    assert set().union(*(one.keys for one in gatherers.values())) <= plan.tensors[0].keys()
    assert gatherers_of(plan, 1) == {}


def test_an_analyzer_that_reads_no_tensors_of_the_graph() -> None:
    plan = fused.trace(lambda inputs: {"x": inputs["x"] - tft.max(inputs["x"])}, SPECS).plan
    kind = beam_nodes.ExtractFromDict
    steps = tuple(step for step in plan.steps if step.kind is not kind)
    with pytest.raises(NotFusable) as error:
        gatherers_of(replace(plan, steps=steps), 0)
    assert str(error.value) == (
        'analyzer "CacheableCombineAccumulate[max#min_and_max]" does not read tensors of the graph'
    )
