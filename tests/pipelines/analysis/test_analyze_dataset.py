"""`AnalyzeDataset` in place of the stock one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from helpers.analyze_cases import SPECS, ColumnsFeed, Inputs, buckets_of, custom, features, files_of
from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig
from tfx_bsl.tfxio.tensor_to_arrow import TensorsToRecordBatchConverter

from recordmill.pipelines.analysis.analyze_dataset import AnalyzeDataset

CONVERTER = TensorsToRecordBatchConverter(SPECS)


CONFIG = TensorAdapterConfig(CONVERTER.arrow_schema(), CONVERTER.tensor_representations())


def _transformed_by(
    analyze: Callable[[Any], Any], function: Any, folder: Path
) -> tuple[dict[str, bytes], str, str]:
    """Files, transformed rows, and the schema as known before, of an analysis by stock means."""
    batches = [
        CONVERTER.convert(ColumnsFeed()(batch))
        for bucket in buckets_of("train", 4)
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
    return files_of(out), (folder / "rows").read_text(), schema


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
