"""`Analyze` over buckets."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from helpers.analyze_cases import ColumnsFeed, Inputs, Rows, buckets_of, custom, features, files_of

from recordmill.pipelines.analysis.analyze import Analyze
from recordmill.pipelines.analysis.traced_fn import trace_fn
from recordmill.pipelines.runtime.elements import Bucket


class ListFirst:
    """Folds the first number of each batch into a list, in order."""

    def setup(self) -> None:
        """Do nothing."""

    def start(self) -> list[float]:
        return []

    def add(self, accumulator: list[float], batch: pa.RecordBatch) -> list[float]:
        return [*accumulator, batch.column("x")[0].as_py()]

    def merge(self, accumulators: list[list[float]]) -> list[float]:
        return [number for accumulator in accumulators for number in accumulator]


def light(inputs: Inputs) -> Inputs:
    word = tft.compute_and_apply_vocabulary(inputs["word"], vocab_filename="words")
    return {"z": tft.scale_to_z_score(inputs["x"]), "word": word}


def no_analyzer(inputs: Inputs) -> Inputs:
    return {"x": inputs["x"] * 2.0}


@dataclass
class Run:
    """Result of a run of `Analyze`."""

    directory: Path
    transform_fn: list[str]
    folds: dict[tuple[str, str], Any]

    def files(self) -> dict[str, bytes]:
        """The files but the model."""
        return files_of(self.directory)

    @cached_property
    def transformed(self) -> Mapping[str, np.ndarray[Any, Any]]:
        """Return the outputs of the graph for rows."""
        output = tft.TFTransformOutput(str(self.directory))
        (batch,) = Rows(99, (50,), 9)()
        features = output.transform_raw_features(ColumnsFeed()(batch))
        return {name: value.numpy() for name, value in features.items()}


def _run(
    buckets: list[Bucket],
    directory: Path,
    function: Callable[[Inputs], Inputs] = features,
    *flags: str,
    **options: Any,
) -> Run:
    seen = directory.parent / f"{directory.name}-seen"
    with beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(list(flags))) as pipeline:
        analyze = Analyze(trace_fn(function, ColumnsFeed()), str(directory), **options)
        analyzed = pipeline | beam.Create(buckets, reshuffle=False) | analyze
        for name, values in analyzed._asdict().items():
            text = values | f"Show {name}" >> beam.Map(repr)
            _ = text | f"Write {name}" >> beam.io.WriteToText(
                f"{seen}-{name}", "", shard_name_template=""
            )
    transform_fn, folds = (
        [eval(line) for line in Path(f"{seen}-{name}").read_text().splitlines()]
        for name in ("transform_fn", "folds")
    )
    return Run(directory, transform_fn, {(name, split): value for name, split, value in folds})


def _assert_same(expected: Run, actual: Run) -> None:
    assert expected.files() == actual.files()
    for name, values in expected.transformed.items():
        np.testing.assert_array_equal(values, actual.transformed[name], err_msg=name)


def test_writes_what_tensorflow_transform_reads_and_nothing_else(tmp_path: Path) -> None:
    run = _run(buckets_of("train", 5), tmp_path / "out", light)
    assert run.transform_fn == [str(tmp_path / "out")]
    assert sorted(path.name for path in run.directory.iterdir()) == [
        "transform_fn",
        "transformed_metadata",
    ]
    output = tft.TFTransformOutput(str(run.directory))
    assert sorted(output.transformed_feature_spec()) == ["word", "z"]
    assert output.vocabulary_size_by_name("words") == 9
    assert np.abs(run.transformed["z"].mean()) < 1


@pytest.mark.slow
def test_bits_do_not_depend_on_order_bundles_or_workers(tmp_path: Path) -> None:
    buckets = buckets_of("train", 13)
    expected = _run(buckets, tmp_path / "expected")
    for name, some, flags in [
        ("backwards", buckets[::-1], []),
        ("threads", buckets, ["--direct_num_workers=2", "--direct_running_mode=multi_threading"]),
        ("replayed", buckets, ["--direct_runner_bundle_repeat=2"]),
    ]:
        _assert_same(expected, _run(some, tmp_path / name, features, *flags))


def test_folds_every_bucket_in_order_and_analyzes_the_splits_asked_for(tmp_path: Path) -> None:
    train, evaluation = buckets_of("train", 6), buckets_of("eval", 3)
    run = _run(train[::-1] + evaluation, tmp_path / "out", light, folds={"first": ListFirst()})
    assert run.folds == {
        ("first", split): [batch.column("x")[0].as_py() for b in some for batch in b.open()]
        for split, some in (("train", train), ("eval", evaluation))
    }
    _assert_same(run, _run(train, tmp_path / "alone", light))


def test_several_splits_are_analyzed_in_their_order(tmp_path: Path) -> None:
    some, more = buckets_of("a", 4), buckets_of("b", 2)
    run = _run(more + some, tmp_path / "out", light, splits=("a", "b"))
    renamed = [Bucket("train", index, bucket.open) for index, bucket in enumerate(some + more)]
    _assert_same(run, _run(renamed, tmp_path / "one", light))


@pytest.mark.parametrize(
    "buckets",
    [[], [Bucket("eval", 0, Rows(0, (5,), 3))], [Bucket("train", 0, Rows(0, (), 3))]],
    ids=["none", "only_others", "empty"],
)
@pytest.mark.parametrize("function", [no_analyzer, features])
def test_no_rows_give_one_directory(
    buckets: list[Bucket], function: Callable[[Inputs], Inputs], tmp_path: Path
) -> None:
    if function is features:
        function = _vocabulary_and_buckets
    run = _run(buckets, tmp_path / "out", function, folds={"first": ListFirst()})
    assert run.transform_fn == [str(tmp_path / "out")]
    assert sorted(run.folds) == sorted({("first", bucket.split) for bucket in buckets})
    assert run.transformed


def _vocabulary_and_buckets(inputs: Inputs) -> Inputs:
    word = tft.compute_and_apply_vocabulary(inputs["word"], vocab_filename="words")
    return {"word": word, "bucket": tft.bucketize(tft.scale_to_z_score(inputs["x"]), 3)}


def test_a_failing_assertion_of_the_function_fails_the_run(tmp_path: Path) -> None:
    def asserting(inputs: Inputs) -> Inputs:
        tf.debugging.assert_less(inputs["x"], 900.0, message="too large")
        return {"z": tft.scale_to_z_score(inputs["x"])}

    with pytest.raises(Exception, match="too large"):
        _run(buckets_of("train", 2), tmp_path / "out", asserting)


def test_an_unsupported_analyzer_falls_back_to_stock(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    buckets = buckets_of("train", 3) + buckets_of("eval", 2)
    with caplog.at_level(logging.WARNING, "recordmill"):
        run = _run(buckets, tmp_path / "out", custom, folds={"first": ListFirst()})
    assert [record.getMessage() for record in caplog.records if "recordmill" in record.name] == [
        "analysis is left to tensorflow_transform, which is slower: "
        'analyzer "PTransform[ptransform]" is a Beam transform of the caller'
    ]
    assert run.transform_fn == [str(tmp_path / "out")]
    assert sorted(run.folds) == [("first", "eval"), ("first", "train")]
    assert sorted(path.name for path in run.directory.iterdir()) == [
        "transform_fn",
        "transformed_metadata",
    ]
    (batch,) = Rows(99, (50,), 9)()
    np.testing.assert_array_equal(run.transformed["x"], batch.column("x").to_numpy() / 2)


def _words(inputs: Inputs) -> Inputs:
    tft.vocabulary(inputs["word"], vocab_filename="all", store_frequency=True)
    often = tft.compute_and_apply_vocabulary(
        inputs["word"], frequency_threshold=3, vocab_filename="often", num_oov_buckets=1
    )
    return {"often": often}


@pytest.mark.slow
def test_a_vocabulary_of_a_million_tokens(tmp_path: Path) -> None:
    buckets = [Bucket("train", index, Rows(index, (65_536,) * 2, 1_200_000)) for index in range(20)]
    run = _run(buckets, tmp_path / "out", _words)
    words = pa.concat_arrays(
        [batch.column("word") for bucket in buckets for batch in bucket.open()]
    )
    counts = words.value_counts().to_pylist()
    ordered = sorted(((row["counts"], row["values"]) for row in counts), reverse=True)
    assert len(ordered) > 1_000_000
    assets = run.directory / "transform_fn" / "assets"
    assert (assets / "all").read_text() == "".join(f"{n} {word}\n" for n, word in ordered)
    assert (assets / "often").read_text() == "".join(f"{word}\n" for n, word in ordered if n >= 3)
