"""`Analyze` over buckets, and `AnalyzeDataset` in place of the stock one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig
from tfx_bsl.tfxio.tensor_to_arrow import TensorsToRecordBatchConverter

from recordmill.pipelines.analysis.analyze import Analyze
from recordmill.pipelines.analysis.analyze_dataset import AnalyzeDataset
from recordmill.pipelines.analysis.traced_fn import trace_fn
from recordmill.pipelines.runtime.elements import Bucket

Inputs = dict[str, Any]

SPECS = {
    "x": tf.TensorSpec([None], tf.float32, name="x"),
    "word": tf.TensorSpec([None], tf.string, name="word"),
}


class ColumnsFeed:
    """Feeds columns as they are."""

    def setup(self) -> None:
        """Nothing to load."""

    def type_specs(self) -> dict[str, tf.TypeSpec]:
        return SPECS

    def __call__(self, batch: pa.RecordBatch) -> dict[str, tf.Tensor]:
        return {name: tf.constant(batch.column(name).to_numpy(False)) for name in SPECS}


class Rows:
    """Opens batches made of a seed."""

    def __init__(self, seed: int, sizes: tuple[int, ...], words: int) -> None:
        self._seed, self._sizes, self._words = seed, sizes, words

    def __call__(self) -> Iterator[pa.RecordBatch]:
        random = np.random.default_rng(self._seed)
        for size in self._sizes:
            numbers = pa.array(random.integers(0, self._words, size)).cast(pa.string())
            words = pc.binary_join_element_wise("w", numbers, "")
            x = random.normal(1e3, 1.0, size).astype(np.float32)
            yield pa.RecordBatch.from_pydict({"x": x, "word": words})


class ListFirst:
    """Folds the first number of each batch into a list, in order."""

    def setup(self) -> None:
        """Nothing to load."""

    def start(self) -> list[float]:
        return []

    def add(self, accumulator: list[float], batch: pa.RecordBatch) -> list[float]:
        return [*accumulator, batch.column("x")[0].as_py()]

    def merge(self, accumulators: list[list[float]]) -> list[float]:
        return [number for accumulator in accumulators for number in accumulator]


def _buckets(split: str, count: int, *, words: int = 9) -> list[Bucket]:
    return [
        Bucket(split, index, Rows(index, (20, 7 + index) if index % 4 else (), words))
        for index in range(count)
    ]


def features(inputs: Inputs) -> Inputs:
    word, x = inputs["word"], inputs["x"]
    tft.vocabulary(word, weights=x, vocab_filename="weighted", store_frequency=True)
    tft.vocabulary(
        word,
        labels=tf.cast(x > 1e3, tf.int64),
        vocab_filename="labelled",
        store_frequency=True,
        min_diff_from_avg=0,
    )
    z = tft.scale_to_z_score(x)
    return {
        "z": z,
        "word": tft.compute_and_apply_vocabulary(word, vocab_filename="words"),
        "per_word": tft.scale_to_z_score_per_key(z, word),
        "bucket": tft.bucketize(z, 5),
    }


def light(inputs: Inputs) -> Inputs:
    word = tft.compute_and_apply_vocabulary(inputs["word"], vocab_filename="words")
    return {"z": tft.scale_to_z_score(inputs["x"]), "word": word}


def no_analyzer(inputs: Inputs) -> Inputs:
    return {"x": inputs["x"] * 2.0}


def _longest(words: Any) -> np.int64:
    return np.int64(max((len(word) for batch in words for word in batch[0]), default=0))


class LongestWord(beam.PTransform):  # type: ignore[misc]
    """An analyzer that is a Beam transform."""

    def expand(self, pcoll: Any) -> Any:
        return (pcoll | beam.combiners.ToList() | beam.Map(_longest),)


def custom(inputs: Inputs) -> Inputs:
    (longest,) = tft.experimental.ptransform_analyzer(
        [inputs["word"]], LongestWord(), [tf.int64], [[]]
    )
    return {"x": inputs["x"] / tf.cast(longest, tf.float32), "z": tft.scale_to_z_score(inputs["x"])}


@dataclass
class Run:
    """What a run of `Analyze` gave."""

    directory: Path
    transform_fn: list[str]
    folds: dict[tuple[str, str], Any]

    def files(self) -> dict[str, bytes]:
        """What was written, without the model itself, which names its functions by a counter."""
        return {
            str(path.relative_to(self.directory)): path.read_bytes()
            for path in self.directory.rglob("*")
            if path.is_file() and path.suffix != ".pb"
        }

    @cached_property
    def transformed(self) -> Mapping[str, np.ndarray[Any, Any]]:
        """What the graph makes of some rows."""
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


def _assert_same(one: Run, other: Run) -> None:
    assert one.files() == other.files()
    for name, values in one.transformed.items():
        np.testing.assert_array_equal(values, other.transformed[name], err_msg=name)


def test_writes_what_tensorflow_transform_reads_and_nothing_else(tmp_path: Path) -> None:
    run = _run(_buckets("train", 5), tmp_path / "out", light)
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
    buckets = _buckets("train", 13)
    expected = _run(buckets, tmp_path / "expected")
    for name, some, flags in [
        ("backwards", buckets[::-1], []),
        ("threads", buckets, ["--direct_num_workers=2", "--direct_running_mode=multi_threading"]),
        ("replayed", buckets, ["--direct_runner_bundle_repeat=2"]),
    ]:
        _assert_same(expected, _run(some, tmp_path / name, features, *flags))


def test_folds_every_bucket_in_order_and_analyzes_the_splits_asked_for(tmp_path: Path) -> None:
    train, evaluation = _buckets("train", 6), _buckets("eval", 3)
    run = _run(train[::-1] + evaluation, tmp_path / "out", light, also={"first": ListFirst()})
    assert run.folds == {
        ("first", split): [batch.column("x")[0].as_py() for b in some for batch in b.open()]
        for split, some in (("train", train), ("eval", evaluation))
    }
    _assert_same(run, _run(train, tmp_path / "alone", light))


def test_several_splits_are_analyzed_in_their_order(tmp_path: Path) -> None:
    some, more = _buckets("a", 4), _buckets("b", 2)
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
    run = _run(buckets, tmp_path / "out", function, also={"first": ListFirst()})
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
        _run(_buckets("train", 2), tmp_path / "out", asserting)


def test_what_cannot_be_fused_is_left_to_stock(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    buckets = _buckets("train", 3) + _buckets("eval", 2)
    with caplog.at_level(logging.WARNING, "recordmill"):
        run = _run(buckets, tmp_path / "out", custom, also={"first": ListFirst()})
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


CONVERTER = TensorsToRecordBatchConverter(SPECS)
CONFIG = TensorAdapterConfig(CONVERTER.arrow_schema(), CONVERTER.tensor_representations())


def _transformed_by(
    analyze: Callable[[Any], Any], function: Any, folder: Path
) -> tuple[dict[str, bytes], str, str]:
    """Files, transformed rows, and the schema as known before, of an analysis by stock means."""
    batches = [
        CONVERTER.convert(ColumnsFeed()(batch))
        for bucket in _buckets("train", 4)
        for batch in bucket.open()
    ]
    out = folder / "out"
    with (
        beam.Pipeline(runner=FnApiRunner()) as pipeline,
        tft_beam.Context(temp_dir=str(folder / "temporary")),
    ):
        dataset = (pipeline | beam.Create(batches, reshuffle=False), CONFIG)
        transform_fn = dataset | analyze(function)
        schema = str(transform_fn[1].schema)
        _ = transform_fn | tft_beam.WriteTransformFn(str(out))
        (data, _) = (dataset, transform_fn) | tft_beam.TransformDataset(output_record_batches=True)
        _ = (
            data
            | beam.Map(lambda pair: repr(pair[0].to_pydict()))
            | beam.io.WriteToText(str(folder / "rows"), shard_name_template="")
        )
    run = Run(out, [], {})
    return run.files(), (folder / "rows").read_text(), schema


@pytest.mark.slow
def test_analyze_dataset_takes_the_place_of_the_stock_one(tmp_path: Path) -> None:
    ours = _transformed_by(AnalyzeDataset, features, tmp_path / "ours")
    assert ours == _transformed_by(tft_beam.AnalyzeDataset, features, tmp_path / "stock")


def test_analyze_dataset_falls_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _, rows, _ = _transformed_by(AnalyzeDataset, custom, tmp_path)
    assert rows
    assert "is a Beam transform of the caller" in caplog.text


def test_analyze_dataset_takes_instance_dicts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    metadata = tft.DatasetMetadata.from_feature_spec({"x": tf.io.FixedLenFeature([], tf.float32)})
    with (
        beam.Pipeline(runner=FnApiRunner()) as pipeline,
        tft_beam.Context(temp_dir=str(tmp_path / "temporary")),
    ):
        dataset = (pipeline | beam.Create([{"x": 1.0}, {"x": 3.0}]), metadata)
        transform_fn = dataset | AnalyzeDataset(_only_z)
        _ = transform_fn | tft_beam.WriteTransformFn(str(tmp_path / "out"))
    assert "the input is described by a DatasetMetadata" in caplog.text
    output = tft.TFTransformOutput(str(tmp_path / "out"))
    assert output.transform_raw_features({"x": tf.constant([2.0])})["z"].numpy().tolist() == [0.0]


def _only_z(inputs: Inputs) -> Inputs:
    return {"z": tft.scale_to_z_score(inputs["x"])}


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
