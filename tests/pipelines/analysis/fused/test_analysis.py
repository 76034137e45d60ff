"""The parts of the fused analysis, and what it says no to."""

from __future__ import annotations

import inspect
import itertools
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from apache_beam.internal import pickler
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_transform import analyzer_nodes, analyzers, nodes
from tensorflow_transform.beam import analyzer_impls, beam_nodes

from recordmill.pipelines.analysis.fused import analysis as fused
from recordmill.pipelines.analysis.fused import graph as fused_graph
from recordmill.pipelines.analysis.fused import plan as fused_plan
from recordmill.pipelines.analysis.fused import vocabulary as fused_vocabulary
from recordmill.pipelines.analysis.fused.fold import GatherCombinedPerKey
from recordmill.pipelines.analysis.fused.sums import PARTITIONS, Sums, partition_of

Inputs = dict[str, Any]

SPECS = {
    "x": tf.TensorSpec([None], tf.float32, name="x"),
    "word": tf.TensorSpec([None], tf.string, name="word"),
}


class _ColumnsFeed:
    """Feeds columns as they are."""

    def setup(self) -> None:
        """Nothing to load."""

    def type_specs(self) -> dict[str, tf.TypeSpec]:
        return SPECS

    def __call__(self, batch: pa.RecordBatch) -> dict[str, tf.Tensor]:
        return {name: tf.constant(batch.column(name).to_numpy(False)) for name in SPECS}


def _batch(x: list[float], word: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"x": pa.array(x, pa.float32()), "word": word})


def features(inputs: Inputs) -> Inputs:
    z = tft.scale_to_z_score(inputs["x"])
    word = tft.compute_and_apply_vocabulary(inputs["word"], vocab_filename="words")
    return {"z": z, "word": word, "bucket": tft.bucketize(z, 3)}


def _analyze(analysis: fused.Analysis, batches: list[pa.RecordBatch], folder: Path) -> list[Any]:
    """The analysis in this process: the values of the analyzers."""
    bindings = None
    for phase in range(analysis.phases):
        fold = analysis.fold(_ColumnsFeed(), phase, bindings)
        fold.setup()
        accumulator = fold.start()
        for batch in batches:
            accumulator = fold.add(accumulator, batch)
        pieces = [piece for _, piece in fold.split(accumulator)]
        bindings = fused.finish(analysis, phase, pieces, folder=str(folder), before=bindings)
    return [] if bindings is None else [binding.value for binding in bindings.values]


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
        fused.trace(features, SPECS)
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
        (_unknown, 'analyzer "new" is of an unknown kind, _NewAnalyzer'),
    ],
)
def test_what_cannot_be_fused_is_named(function: Any, message: str) -> None:
    with pytest.raises(fused.NotFusable) as error:
        fused.trace(function, SPECS)
    assert str(error.value) == message


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


def _vocabulary(inputs: Inputs) -> Inputs:
    tft.vocabulary(inputs["word"], vocab_filename="words", store_frequency=True)
    return inputs


def test_a_large_vocabulary_leaves_in_pieces(tmp_path: Path) -> None:
    analysis = fused.trace(_vocabulary, SPECS)
    fold = analysis.fold(_ColumnsFeed(), 0)
    fold.setup()
    words = [f"word{i}" for i in range(5000)]
    pieces: dict[str, list[Any]] = {}
    for some in (words, words[:4500], words[:10]):
        accumulator = fold.add(fold.start(), _batch([0.0] * len(some), some))
        for name, piece in fold.split(accumulator):
            pieces.setdefault(name, []).append(pickler.loads(pickler.dumps(piece)))
    label = "VocabularyAccumulate[vocabulary]"
    assert sorted(pieces) == ["", *sorted(f"{label}/{place}" for place in range(PARTITIONS))]
    merged = [fold.merge(some) for some in pieces.values()]
    bindings = fused.finish(analysis, 0, merged, folder=str(tmp_path))
    path = Path(str(bindings.values[-1].value))
    counts = Counter(words) + Counter(words[:4500]) + Counter(words[:10])
    ordered = sorted(((count, word) for word, count in counts.items()), reverse=True)
    assert path.read_text() == "".join(f"{count} {word}\n" for count, word in ordered)


@given(st.lists(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 9)), max_size=8), max_size=5))
def test_sums_are_sums_however_they_are_cut(parts: list[list[tuple[int, int]]]) -> None:
    expected: Counter[int] = Counter()
    pieces: dict[int, list[Sums]] = {}
    for rows in parts:
        sums = Sums(("key",))
        table = pa.table({"key": [key for key, _ in rows], "n": [n for _, n in rows]})
        sums.add([table.cast(pa.schema([("key", pa.int64()), ("n", pa.int64())]))])
        for place, piece in enumerate(sums.split(2)):
            pieces.setdefault(place, []).append(piece)
        for key, n in rows:
            expected[key] += n
    if not parts:
        return
    joined = Sums.joined({place: Sums.merged(some) for place, some in pieces.items()})
    table = joined.settle()
    rows_of = [] if table is None else table.to_pylist()
    assert sorted((row["key"], row["n"]) for row in rows_of) == sorted(expected.items())


def test_partitions_are_the_same_in_every_process() -> None:
    tokens = pa.chunked_array([pa.array([b"", b"a", b"\xff"], pa.binary())])
    assert partition_of(tokens, 16).tolist() == [15, 3, 7]
    integers = pa.chunked_array([pa.array([-1, 0, 17], pa.int8())])
    assert partition_of(integers, 16).tolist() == [15, 0, 1]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=2)), unique_by=lambda pair: pair[1])
)
def test_entries_come_by_count_and_then_by_token(counted: list[tuple[int, bytes]]) -> None:
    table = fused_vocabulary.table_of_pairs(counted)
    operation = SimpleNamespace(
        top_k=4,
        frequency_threshold=1,
        informativeness_threshold=float("-inf"),
        key_fn=None,
        input_dtype="string",
    )
    kept = fused_vocabulary.prune(operation, table).to_pylist()
    expected = sorted(((count, token) for count, token in counted if count), reverse=True)[:4]
    dummy = [analyzers.get_empy_vocabulary_dummy_value("string")]
    assert [(row["metric"], row["token"]) for row in kept] == (expected or dummy)


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
