"""Runs a `preprocessing_fn` through stock tensorflow_transform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def analyze(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function (preprocessing_fn, columns) -> the folder that TFT writes."""

    def run(preprocessing_fn: Callable[..., Any], columns: Mapping[str, list[Any]]) -> Path:
        import apache_beam as beam
        import tensorflow as tf
        import tensorflow_transform.beam as tft_beam
        from apache_beam.runners.portability.fn_api_runner import FnApiRunner
        from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

        dtypes = {int: tf.int64, float: tf.float32, str: tf.string}
        spec = {
            name: tf.io.FixedLenFeature([], dtypes[kind])
            for name, kind in columns.pop("types").items()
        }
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(spec))
        folder = tmp_path_factory.mktemp("tft")
        with (
            beam.Pipeline(runner=FnApiRunner()) as pipeline,
            tft_beam.Context(temp_dir=str(folder / "temporary"), desired_batch_size=4),
        ):
            transform_fn = (
                pipeline | beam.Create(rows),
                metadata,
            ) | tft_beam.AnalyzeDataset(preprocessing_fn)
            _ = transform_fn | tft_beam.WriteTransformFn(str(folder / "output"))
        return folder / "output"

    return run
