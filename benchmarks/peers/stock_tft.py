"""tensorflow_transform, used as its documentation and its census example say.

Text lines, `BeamRecordCsvTFXIO`, `AnalyzeAndTransformDataset` with record batches, and
`EncodeTransformedDataset` into `WriteToTFRecord`; Beam's in-process runner with its defaults.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from typing import Any

import apache_beam as beam
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tfx_bsl.public import tfxio

from .arguments import parse
from .problems import PROBLEMS, Problem

__all__ = ["prepare"]


def prepare(problem: Problem, inputs: Mapping[str, str], output: str) -> None:
    """Write `train` and `eval` TFRecords and the transform graph.

    Args:
      problem: What to prepare.
      inputs: The file of the split "train", and of "eval" if there is one.
      output: The folder to write.
    """
    metadata = tft.DatasetMetadata.from_feature_spec(
        {
            column.name: tf.io.FixedLenFeature((), tf.dtypes.as_dtype(column.type))
            for column in problem.schema.inputs
        }
    )
    source = tfxio.BeamRecordCsvTFXIO(
        physical_format="text", column_names=list(problem.schema.names), schema=metadata.schema
    )
    config = source.TensorAdapterConfig()
    with (
        tempfile.TemporaryDirectory() as scratch,
        beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([])) as pipeline,
        tft_beam.Context(temp_dir=scratch),
    ):
        raw = {
            split: (
                _lines(pipeline, path, problem.header_lines[split], split)
                | split >> source.BeamSource(),
                config,
            )
            for split, path in inputs.items()
        }
        train, transform_fn = raw["train"] | tft_beam.AnalyzeAndTransformDataset(
            problem.preprocessing_fn, output_record_batches=True
        )
        _write(train, output, "train")
        if "eval" in raw:
            evaluation = (raw["eval"], transform_fn) | tft_beam.TransformDataset(
                output_record_batches=True
            )
            _write(evaluation, output, "eval")
        _ = transform_fn | tft_beam.WriteTransformFn(output)


def _lines(pipeline: Any, path: str, header_lines: int, split: str) -> Any:
    """Read the lines of a file, without the blanks after commas, which the decoder would keep."""
    return (
        pipeline
        | f"Read {split}"
        >> beam.io.ReadFromText(
            path, skip_header_lines=header_lines, coder=beam.coders.BytesCoder()
        )
        | f"Fix commas of {split}" >> beam.Map(lambda line: line.replace(b", ", b","))
    )


def _write(dataset: Any, output: str, split: str) -> None:
    _ = (
        dataset
        | f"Encode {split}" >> tft_beam.EncodeTransformedDataset()
        | f"Write {split}" >> beam.io.WriteToTFRecord(os.path.join(output, split, "data"))
    )


if __name__ == "__main__":
    name, files, folder = parse()
    prepare(PROBLEMS[name], files, folder)
