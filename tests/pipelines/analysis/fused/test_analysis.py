"""The fused analysis of a function, phase by phase."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow_transform as tft
from apache_beam.internal import pickler
from helpers.analyze_cases import SPECS, ColumnsFeed, Inputs

from recordmill.pipelines.analysis.fused import analysis as fused
from recordmill.pipelines.analysis.fused import graph as fused_graph
from recordmill.pipelines.analysis.fused.sums import PARTITIONS


def _batch(x: list[float], word: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"x": pa.array(x, pa.float32()), "word": word})


def features(inputs: Inputs) -> Inputs:
    z = tft.scale_to_z_score(inputs["x"])
    word = tft.compute_and_apply_vocabulary(inputs["word"], vocab_filename="words")
    return {"z": z, "word": word, "bucket": tft.bucketize(z, 3)}


def _analyze(analysis: fused.Analysis, batches: list[pa.RecordBatch], folder: Path) -> list[Any]:
    """Analyze in this process; return the values of the analyzers."""
    bindings = None
    for phase in range(analysis.phases):
        fold = analysis.fold(ColumnsFeed(), phase, bindings)
        fold.setup()
        accumulator = fold.start()
        for batch in batches:
            accumulator = fold.add(accumulator, batch)
        pieces = [piece for _, piece in fold.split(accumulator)]
        bindings = fused.finish(analysis, phase, pieces, folder=str(folder), before=bindings)
    return [] if bindings is None else [binding.value for binding in bindings.values]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda inputs: {}, "The preprocessing function returned an empty dict"),
        (lambda inputs: [inputs["x"]], "A `preprocessing_fn` must return a Dict"),
    ],
)
def test_functions_without_outputs_are_refused(function: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fused.trace(function, SPECS)


def test_a_function_without_analyzers_takes_no_pass() -> None:
    assert fused.trace(lambda inputs: {"x": inputs["x"] + 1}, SPECS).phases == 0


def test_the_values_of_two_phases(tmp_path: Path) -> None:
    analysis = fused.trace(features, SPECS)
    batches = [_batch([1.0, 2.0], ["b", "a"]), _batch([3.0, 6.0], ["a", "c"])]
    values = _analyze(analysis, batches, tmp_path)
    assert analysis.phases == 2
    assert analysis.assets == {"words": "words"}
    paths = [str(value) for value in values if np.asarray(value).dtype.kind in "US"]
    assert [Path(path).read_bytes() for path in paths] == [b"a\nc\nb\n"]
    numbers = [np.asarray(value).tolist() for value in values if str(value) not in paths]
    assert numbers == [3.0, 3.5, 3, 3, [[pytest.approx(-0.535, abs=1e-3), 0.0]]]


def test_another_process_traces_again_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = [_batch([1.0, 2.0, 6.0], ["b", "a", "a"])]
    analysis = fused.trace(features, SPECS)
    here = _analyze(analysis, batches, tmp_path)
    copied = pickler.loads(pickler.dumps(analysis))
    monkeypatch.setattr(fused_graph, "_REMEMBERED", type(fused_graph._REMEMBERED)())
    there = _analyze(copied, batches, tmp_path)
    assert [np.shape(value) for value in there] == [np.shape(value) for value in here]
    for value, other in zip(here, there, strict=True):
        if np.asarray(value).dtype.kind not in "US":
            np.testing.assert_array_equal(value, other)


def _vocabulary(inputs: Inputs) -> Inputs:
    tft.vocabulary(inputs["word"], vocab_filename="words", store_frequency=True)
    return inputs


def test_a_large_vocabulary_is_partitioned(tmp_path: Path) -> None:
    analysis = fused.trace(_vocabulary, SPECS)
    fold = analysis.fold(ColumnsFeed(), 0)
    fold.setup()
    words = [f"word{i}" for i in range(5000)]
    pieces: dict[str, list[Any]] = {}
    for tokens in (words, words[:4500], words[:10]):
        accumulator = fold.add(fold.start(), _batch([0.0] * len(tokens), tokens))
        for name, piece in fold.split(accumulator):
            pieces.setdefault(name, []).append(pickler.loads(pickler.dumps(piece)))
    label = "VocabularyAccumulate[vocabulary]"
    assert sorted(pieces) == ["", *sorted(f"{label}/{index}" for index in range(PARTITIONS))]
    merged = [fold.merge(accumulators) for accumulators in pieces.values()]
    bindings = fused.finish(analysis, 0, merged, folder=str(tmp_path))
    path = Path(str(bindings.values[-1].value))
    counts = Counter(words) + Counter(words[:4500]) + Counter(words[:10])
    ordered = sorted(((count, word) for word, count in counts.items()), reverse=True)
    assert path.read_text() == "".join(f"{count} {word}\n" for count, word in ordered)
