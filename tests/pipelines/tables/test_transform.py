"""The transform of a bucket: with graphs made by hand, and with one of stock TFT."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.pvalue import AsSingleton
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io, schema_utils

from recordmill.pipelines.analysis.tensors import SchemaTensorAdapter
from recordmill.pipelines.analysis.transform_function import configure_tensorflow_threads
from recordmill.pipelines.runtime.elements import Bucket
from recordmill.pipelines.runtime.thread_pool import ThreadedDoFn
from recordmill.pipelines.tables.transform import TransformRows
from recordmill.pipelines.tfrecord.framing import read_frames
from recordmill.pipelines.tfrecord.shards import Segment
from recordmill.schemas.column import Column
from recordmill.schemas.errors import DataError
from recordmill.schemas.schema import Schema

SCHEMA = Schema((Column("x", "int64"), Column("word", "string"), Column("size", "float32")))
FEED = SchemaTensorAdapter(SCHEMA)
ROWS = [(1, "a b", 0.5), (2, "b", None), (3, None, -1.5), (None, "c a b", 2.0), (5, "zz", 0.0)]


def rows_in_batches(rows: Sequence[tuple[Any, ...]], size: int) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(rows), size):
        some = [dict(zip(SCHEMA.names, row, strict=True)) for row in rows[start : start + size]]
        yield pa.RecordBatch.from_pylist(some, schema=SCHEMA.arrow_schema())


def bucket(
    rows: Sequence[tuple[Any, ...]] = ROWS, *, size: int = 2, split: str = "train", index: int = 3
) -> Bucket:
    return Bucket(split, index, partial(rows_in_batches, rows, size))


def save_graph(folder: Path, preprocess: Any) -> str:
    """A folder as tensorflow_transform writes it, of dense outputs, without an analysis."""
    module = tf.Module()
    module.transform_fn = tf.function(preprocess, input_signature=[FEED.type_specs()])
    module.transform_fn = module.transform_fn.get_concrete_function()
    tf.saved_model.save(module, str(folder / "transform_fn"))
    spec = {
        name: tf.io.FixedLenFeature(output.shape[1:], output.dtype)
        for name, output in module.transform_fn.structured_outputs.items()
    }
    schema = schema_utils.schema_from_feature_spec(spec)
    metadata_io.write_metadata(
        dataset_metadata.DatasetMetadata(schema), str(folder / "transformed_metadata")
    )
    return str(folder)


def simple(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {
        "x_and_next": tf.stack([inputs["x"], inputs["x"] + 1], axis=1),
        "word": tf.strings.upper(inputs["word"]),
        "size": inputs["size"] * 2,
    }


def failing(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    small = tf.debugging.assert_less(inputs["x"], tf.constant(4, tf.int64), "too large", name="few")
    with tf.control_dependencies([small]):
        return {"x": tf.identity(inputs["x"]), "word": inputs["word"]}


def halving(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {"x": inputs["x"], "half": inputs["x"][::2]}


def run(element: Bucket, graph: str, directory: Path) -> Segment:
    work = pickle.loads(pickle.dumps(TransformRows(FEED, str(directory))))
    work.setup()
    (segment,) = work(element, graph)
    return segment  # type: ignore[no-any-return]


def records_of(segment: Segment) -> list[bytes]:
    with open(segment.path, "rb") as stream:
        return list(read_frames(stream, path=segment.path))


def test_a_bucket_becomes_the_segment_of_its_examples(tmp_path: Path) -> None:
    segment = run(bucket(), save_graph(tmp_path, simple), tmp_path)
    assert (segment.split, segment.index, segment.records) == ("train", 3, 5)
    assert segment.bytes == os.path.getsize(segment.path)
    spec = {
        "x_and_next": tf.io.FixedLenFeature([2], tf.int64),
        "word": tf.io.FixedLenFeature([], tf.string),
        "size": tf.io.FixedLenFeature([], tf.float32),
    }
    parsed = tf.io.parse_example(records_of(segment), spec)
    lowest = -(2**63)
    assert parsed["x_and_next"].numpy().tolist() == [
        [1, 2],
        [2, 3],
        [3, 4],
        [lowest, lowest + 1],
        [5, 6],
    ]
    assert parsed["word"].numpy().tolist() == [b"A B", b"B", b"", b"C A B", b"ZZ"]
    np.testing.assert_array_equal(parsed["size"].numpy(), [1.0, np.nan, -3.0, 4.0, 0.0])


def test_an_empty_bucket_becomes_an_empty_segment(tmp_path: Path) -> None:
    segment = run(bucket([]), save_graph(tmp_path, simple), tmp_path)
    assert (segment.records, segment.bytes, records_of(segment)) == (0, 0, [])


def test_the_segment_does_not_depend_on_the_batches(tmp_path: Path) -> None:
    graph = save_graph(tmp_path, simple)
    digests = {run(bucket(size=size), graph, tmp_path).crc32c for size in (1, 2, 5)}
    assert len(digests) == 1


def test_an_op_that_fails_is_named_with_its_columns(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        run(bucket(), save_graph(tmp_path, failing), tmp_path)
    assert str(caught.value) == (
        'train: the transform graph failed at "few/Assert/AssertGuard/Assert", which reads "x" and '
        'makes "word", "x": assertion failed: [too large] '
        "[Condition x < y did not hold element-wise:] "
        "[x (inputs:0) = ] [5] [y (Const:0) = ] [4]"
    )


def test_a_feature_that_loses_rows_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        run(bucket(size=5), save_graph(tmp_path, halving), tmp_path)
    assert str(caught.value) == (
        'train: feature "half": expected a value for each of 5 rows, got 3; '
        "the preprocessing_fn must keep the rows as they are"
    )


def test_it_runs_in_a_pipeline(tmp_path: Path) -> None:
    graph = save_graph(tmp_path, simple)
    expected = [run(bucket(index=index), graph, tmp_path) for index in range(3)]
    with beam.Pipeline(runner=FnApiRunner()) as p:
        folder = p | "Graph" >> beam.Create([graph])
        segments = (
            p
            | "Buckets" >> beam.Create([bucket(index=index) for index in range(3)])
            | beam.ParDo(ThreadedDoFn(TransformRows(FEED, str(tmp_path))), AsSingleton(folder))
        )
        assert_that(segments, equal_to(expected))


@pytest.mark.slow
def test_one_thread_an_op_and_as_many_as_cores_for_ops() -> None:
    code = (
        "import tensorflow as tf\n"
        "from recordmill.pipelines.tables import transform\n"
        "transform.configure_tensorflow_threads()\n"
        "tf.constant(1)\n"
        "transform.configure_tensorflow_threads()\n"
        "print(tf.config.threading.get_intra_op_parallelism_threads(),\n"
        "      tf.config.threading.get_inter_op_parallelism_threads())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1 0\n"
    assert "already running" not in done.stderr


def test_threads_are_left_alone_once_tensorflow_runs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(threads: int) -> None:
        raise RuntimeError("Intra op parallelism cannot be modified after initialization.")

    monkeypatch.setattr(tf.config.threading, "set_intra_op_parallelism_threads", refuse)
    configure_tensorflow_threads()
    assert caplog.messages == [
        "TensorFlow is already running with several threads an op: the last bits of floats can "
        "depend on the number of cores"
    ]


def every_form(inputs: dict[str, tf.Tensor]) -> dict[str, Any]:
    """Dense, sparse and ragged outputs of every form that a tf.Example has."""
    words = tf.strings.split(inputs["word"])
    letters = tf.strings.unicode_split(words, "UTF-8")
    rows = tf.shape(inputs["x"], out_type=tf.int64)[0]
    diagonal = tf.stack([tf.range(rows), tf.range(rows) % 2, tf.range(rows) % 3], axis=1)
    return {
        "dense": tf.stack([inputs["size"], -inputs["size"]], axis=1),
        "z": tft.scale_to_z_score(tf.where(tf.math.is_nan(inputs["size"]), 0.0, inputs["size"])),
        "id": tft.compute_and_apply_vocabulary(inputs["word"], num_oov_buckets=1),
        "varlen": words.to_sparse(),
        "sparse": tf.SparseTensor(diagonal, inputs["x"], [rows, 2, 3]),
        "ragged": words,
        "ragged_pairs": words.with_values(
            tf.stack([tf.strings.length(words.values), tf.strings.length(words.values)], axis=1)
        ).with_values(tf.ones([tf.size(words.values), 2])),
        "ragged_twice": letters,
    }


@pytest.mark.slow
def test_it_equals_the_encoding_of_stock_tft(tmp_path: Path) -> None:
    (batch,) = rows_in_batches(ROWS, len(ROWS))
    config = FEED.tensor_adapter_config()
    with beam.Pipeline(runner=FnApiRunner()) as p, tft_beam.Context(str(tmp_path / "tmp")):
        raw = p | beam.Create([FEED.to_arrow(batch)])
        (transformed, metadata), transform_fn = (
            raw,
            config,
        ) | tft_beam.AnalyzeAndTransformDataset(every_form, output_record_batches=True)
        _ = transform_fn | tft_beam.WriteTransformFn(str(tmp_path / "graph"))
        encoded = (transformed, metadata) | tft_beam.EncodeTransformedDataset()
        _ = encoded | beam.Map(bytes.hex) | beam.io.WriteToText(str(tmp_path / "stock"))
    stock = [
        bytes.fromhex(line)
        for path in tmp_path.glob("stock*")
        for line in path.read_text().splitlines()
    ]
    ours = records_of(run(bucket(size=5), str(tmp_path / "graph"), tmp_path))
    assert sorted(map(parsed, ours)) == sorted(map(parsed, stock))


def parsed(record: bytes) -> list[tuple[str, bytes]]:
    features = tf.train.Example.FromString(record).features.feature
    return sorted((name, feature.SerializeToString()) for name, feature in features.items())
