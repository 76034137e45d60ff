"""The fused analysis equals stock tensorflow_transform for every public analyzer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from helpers import fused_cases as cases
from helpers.fused_cases import BUCKETS, CONFIG, SPECS, Inputs, batch, tensors, write_asset
from tensorflow_transform import common, impl_helper

from recordmill.pipelines.analysis.analyze import Analyze
from recordmill.pipelines.analysis.fused import analysis as fused
from recordmill.pipelines.analysis.traced_fn import trace_fn
from recordmill.pipelines.runtime.elements import Bucket
from recordmill.transforms import categorical, numeric


@dataclass(frozen=True)
class Case:
    """A function, the buckets it is analyzed on, and the runner that stock TFT succeeds on."""

    function: Callable[[Inputs], Inputs]
    buckets: list[list[pa.RecordBatch]]
    runner: Callable[[], Any] = FnApiRunner

    def __str__(self) -> str:
        rows = sum(batch.num_rows for bucket in self.buckets for batch in bucket)
        return f"{self.function.__name__}-{rows}"


def _ids(inputs: Inputs) -> Inputs:
    """Yield ids for which tensorflow_transform has no function, or no range."""
    word, n = inputs["word"], inputs["n"]
    age = numeric.bucketize_by_boundaries(inputs["gaps"], boundaries=(1, 3))
    return {
        "age": age,
        "crossed": categorical.cross([word, n, age], num_buckets=9),
        "hashed": categorical.hash_buckets(n, num_buckets=5),
        "hashed_ragged": categorical.hash_buckets(inputs["ragged"], num_buckets=7),
        "label": categorical.label_ids(word, classes=("apple", "z")),
        "number": n * 2,
    }


CASES = [
    Case(cases.reductions, BUCKETS),
    Case(cases.scales, BUCKETS),
    Case(cases.vocabularies, BUCKETS),
    Case(cases.labelled_vocabularies, BUCKETS),
    Case(cases.phases, BUCKETS),
    # FnApiRunner fails in stock's 3rd phase.
    Case(cases.deep_phases, BUCKETS, BundleBasedDirectRunner),
    Case(cases.sparse_and_ragged, BUCKETS),
    Case(cases.approximate, BUCKETS),
    Case(cases.missing, BUCKETS),
    Case(cases.one_of_each_kind, []),
    Case(cases.annotated, BUCKETS),
    Case(_ids, BUCKETS),
]


@pytest.fixture(autouse=True)
def _assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECORDMILL_TEST_ASSETS", str(tmp_path))
    write_asset.cache_clear()


class _Open:
    def __init__(self, batches: list[pa.RecordBatch]) -> None:
        self._batches = batches

    def __call__(self) -> Iterator[pa.RecordBatch]:
        return iter(self._batches)


def _analyzed(case: Case, directory: str) -> None:
    buckets = [Bucket("train", i, _Open(batches)) for i, batches in enumerate(case.buckets)]
    others = [Bucket("eval", 0, _Open([batch(9, 20)]))]
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        _ = (
            pipeline
            | beam.Create(buckets + others, reshuffle=False)
            | Analyze(trace_fn(case.function, fused.TfxTensorAdapter(CONFIG)), directory)
        )


def _analyzed_by_stock(case: Case, directory: str, temporary: Path) -> None:
    batches = [batch for bucket in case.buckets for batch in bucket]
    with (
        beam.Pipeline(runner=case.runner()) as pipeline,
        tft_beam.Context(temp_dir=str(temporary)),
    ):
        dataset = (pipeline | beam.Create(batches, reshuffle=False), CONFIG)
        transform_fn = dataset | tft_beam.AnalyzeDataset(case.function)
        _ = transform_fn | tft_beam.WriteTransformFn(directory)


def _files(folder: str) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in Path(folder).rglob("*")
        if path.is_file()
    }


def _transformed(directory: str) -> dict[str, np.ndarray[Any, Any]]:
    outputs = tft.TFTransformOutput(directory).transform_raw_features(tensors(5, 40))
    return {
        f"{name}_{i}": part.numpy()
        for name, value in outputs.items()
        for i, part in enumerate(tf.nest.flatten(value, expand_composites=True))
    }


def _assert_equal(expected: str, actual: str) -> None:
    left, right = _files(expected), _files(actual)
    assert sorted(left) == sorted(right)
    for name, content in left.items():
        if "assets" in name or "transformed_metadata" in name:
            assert (name, right[name]) == (name, content)
    wanted, got = _transformed(expected), _transformed(actual)
    assert sorted(wanted) == sorted(got)
    for name, values in wanted.items():
        assert got[name].dtype == values.dtype
        if values.dtype == np.float32:
            np.testing.assert_allclose(got[name], values, 4e-6, 2e-6, err_msg=name)
        else:
            np.testing.assert_array_equal(got[name], values, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_equals_stock_tensorflow_transform(case: Case, tmp_path: Path) -> None:
    stock, ours = str(tmp_path / "stock"), str(tmp_path / "ours")
    _analyzed_by_stock(case, stock, tmp_path / "temporary")
    _analyzed(case, ours)
    _assert_equal(stock, ours)


NEED_NO_DATA = {
    "annotate_asset",
    "apply_buckets",
    "apply_pyfunc",
    "deduplicate_tensor_per_row",
    "get_analyze_input_columns",
    "get_transform_input_columns",
    "hash_strings",
    "make_and_track_object",
    "ngrams",
    "segment_indices",
    "sparse_tensor_left_align",
    "sparse_tensor_to_dense_with_shape",
    "word_count",
}
FALL_BACK = {"ptransform_analyzer"}


def _public_functions() -> set[str]:
    return {
        name
        for module in (tft, tft.experimental)
        for name in vars(module)
        if callable(vars(module)[name])
        and getattr(vars(module)[name], "__module__", "").startswith("tensorflow_transform.")
        and not isinstance(vars(module)[name], type)
    }


def _used_functions(function: Callable[[Inputs], Inputs], folder: str) -> set[str]:
    graph, _, _ = impl_helper.trace_preprocessing_function(function, SPECS, False, folder)
    return {
        name
        for collection in (common.ANALYZER_COLLECTION, common.MAPPER_COLLECTION)
        for counter in graph.get_collection(collection)
        for name in counter
    }


@pytest.mark.slow
def test_every_public_function_of_tensorflow_transform_is_compared(tmp_path: Path) -> None:
    used = set().union(*(_used_functions(case.function, str(tmp_path)) for case in CASES))
    plain = {
        "annotate_sparse_output_shape",
        "annotate_true_sparse_output",
        "get_vocabulary_size_by_name",
    }
    assert _public_functions() - used - NEED_NO_DATA - FALL_BACK - plain == set()
