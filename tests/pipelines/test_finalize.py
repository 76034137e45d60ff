from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from tensorflow_metadata.proto.v0.schema_pb2 import IntDomain
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io, schema_utils

from recordmill.pipelines.finalize import vocab_sizes


def test_vocab_sizes(tmp_path: Path) -> None:
    integer = tf.io.FixedLenFeature([], tf.int64)
    words = tf.io.RaggedFeature(
        tf.int64,
        value_key="words$ragged_values",
        partitions=[tf.io.RaggedFeature.RowLengths("words$row_lengths_1")],
        row_splits_dtype=tf.int64,
    )
    spec = dict.fromkeys(["word", "label", "nothing", "hour", "count"], integer)
    domains = {
        "word": IntDomain(max=4, is_categorical=True),
        "words": IntDomain(max=6, is_categorical=True),
        "label": IntDomain(min=-1, max=1, is_categorical=True),
        "nothing": IntDomain(min=-1, max=-1, is_categorical=True),
        "hour": IntDomain(max=23),
    }
    schema = schema_utils.schema_from_feature_spec(
        spec | {"words": words, "x": tf.io.FixedLenFeature([2], tf.float32)}, domains
    )
    metadata = dataset_metadata.DatasetMetadata(schema)
    metadata_io.write_metadata(metadata, str(tmp_path / "transformed_metadata"))
    assert vocab_sizes(str(tmp_path)) == {
        "word": 5,
        "words": 7,
        "label": 2,
        "nothing": 0,
        "hour": 0,
        "count": 0,
    }
