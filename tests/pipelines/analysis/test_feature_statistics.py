"""Statistics of transformed features, as the transform stage computes and merges them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from apache_beam.pvalue import AsSingleton, TaggedOutput
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io, schema_utils

from recordmill.pipelines.analysis.feature_statistics import FeaturesPart, MergeFeatures
from recordmill.pipelines.analysis.tensors import SchemaTensorAdapter
from recordmill.pipelines.runtime.elements import Bucket
from recordmill.pipelines.runtime.thread_pool import ThreadedDoFn
from recordmill.pipelines.tables.transform import TransformRows
from recordmill.schemas.column import Column
from recordmill.schemas.schema import Schema
from recordmill.schemas.statistics.features import FeaturesFold

SCHEMA = Schema((Column("x", "int64"), Column("word", "string")))
FEED = SchemaTensorAdapter(SCHEMA)


def batches(start: int, count: int) -> Iterator[pa.RecordBatch]:
    for first in range(start, start + count, 2):
        rows = [{"x": x, "word": f"w{x % 3}"} for x in range(first, min(first + 2, start + count))]
        yield pa.RecordBatch.from_pylist(rows, schema=SCHEMA.arrow_schema())


def bucket(index: int, split: str = "train") -> Bucket:
    return Bucket(split, index, partial(batches, 5 * index, 5))


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write a folder as tensorflow_transform does."""
    folder = tmp_path_factory.mktemp("graph")
    module = tf.Module()

    def transform(inputs: dict[str, Any]) -> dict[str, Any]:
        pair = tf.cast(tf.stack([inputs["x"], inputs["x"] * 2], axis=1), tf.float32)
        return {"pair": pair, "word": tf.strings.upper(inputs["word"])}

    module.transform_fn = tf.function(transform, input_signature=[FEED.type_specs()])
    module.transform_fn = module.transform_fn.get_concrete_function()
    tf.saved_model.save(module, str(folder / "transform_fn"))
    spec = {
        "pair": tf.io.FixedLenFeature([2], tf.float32),
        "word": tf.io.FixedLenFeature([], tf.string),
    }
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(spec))
    metadata_io.write_metadata(metadata, str(folder / "transformed_metadata"))
    return str(folder)


def outputs(graph: str, folder: Path, *, statistics: bool) -> list[Any]:
    work = TransformRows(FEED, str(folder), statistics=statistics)
    work.setup()
    return work(bucket(3), graph)


def test_a_bucket_gives_its_statistics_beside_its_segment(graph: str, tmp_path: Path) -> None:
    segment, tagged = outputs(graph, tmp_path, statistics=True)
    assert segment.records == 5
    assert isinstance(tagged, TaggedOutput) and tagged.tag == "statistics"
    assert tagged.value[:2] == ("train", 3)
    (dataset,) = FeaturesFold().to_proto({"train": tagged.value.profile}).datasets
    pair, word = dataset.features
    assert (pair.num_stats.mean, pair.num_stats.max) == (25.5, 38.0)
    assert pair.num_stats.common_stats.avg_num_values == 2
    assert word.string_stats.top_values[0].value == "W1"


def test_without_statistics_there_is_but_the_segment(graph: str, tmp_path: Path) -> None:
    (segment,) = outputs(graph, tmp_path, statistics=False)
    (other, _) = outputs(graph, tmp_path, statistics=True)
    assert Path(segment.path).read_bytes() == Path(other.path).read_bytes()


def test_parts_are_merged_in_the_order_of_buckets(graph: str, tmp_path: Path) -> None:
    order = list(range(6))
    random.Random(0).shuffle(order)
    fold = FeaturesFold()

    def check(profiles: list[tuple[str, Any]]) -> None:
        assert {split: profile.rows for split, profile in profiles} == {"train": 25, "eval": 5}
        profile = dict(profiles)["train"]
        values = np.repeat(np.arange(25, dtype=np.float32), 2) * np.tile([1, 2], 25)
        assert profile.features["pair"].values.moments.mean == values.mean()

    with beam.Pipeline(FnApiRunner()) as p:
        folder = p | "Folder" >> beam.Create([graph])
        buckets = [bucket(i) if i < 5 else bucket(i, "eval") for i in order]
        done = (
            p
            | "Buckets" >> beam.Create(buckets, reshuffle=False)
            | beam.ParDo(
                ThreadedDoFn(TransformRows(FEED, str(tmp_path), statistics=True)),
                AsSingleton(folder),
            ).with_outputs("statistics", main="segments")
        )
        assert_that(done.statistics | MergeFeatures(), check)
    parts = [FeaturesPart("train", 0, fold.start())]
    assert parts[0].profile.rows == 0
