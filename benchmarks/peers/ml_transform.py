"""Beam's `MLTransform`, doing as near the same as its interface allows.

What differs: it takes one dict a row and gives one `beam.Row` a row, whose names must be Python's,
so "capital-gain" becomes "capital_gain"; it has no operation over several columns, so crosses are
joined as text while parsing and only hashed by it (into other buckets than a cross has); it has no
cleaning, so blanks and the label's final dot go while parsing; it writes no records, so each row
becomes a `tf.train.Example` here; and reading its artifacts for eval takes a second pipeline.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.ml.transforms.base import MLTransform
from apache_beam.ml.transforms.tft import (
    ApplyBuckets,
    ComputeAndApplyVocabulary,
    HashStrings,
    ScaleToZScore,
)
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from recordmill.schemas.column import Column
from recordmill.schemas.schema import Schema
from recordmill.transforms.census import AGE_BOUNDARIES, CROSS_BUCKETS

from .arguments import parse
from .problems import PROBLEMS, Problem

__all__ = ["prepare"]

_AGE = "age_bucket"
_CROSSES = ("education_x_occupation", "age_bucket_x_education_x_occupation")


@dataclass(frozen=True)
class ReadRow:
    """Function from a line to the dict for MLTransform: numbers as floats, the rest as text."""

    schema: Schema

    def __call__(self, line: str) -> dict[str, Any]:
        fields = zip(self.schema, line.split(","), strict=True)
        return {
            _identifier(column): text.strip() if column.type == "string" else float(text)
            for column, text in fields
            if column.role in ("feature", "label")
        }


def add_census_columns(row: dict[str, Any]) -> dict[str, Any]:
    """Add features of several columns, which MLTransform lacks, to a row; clean the label."""
    work = f"{row['education']}_{row['occupation']}"
    bucket = bisect_right(AGE_BOUNDARIES, row["age"])
    return row | {
        "income": row["income"].rstrip("."),
        _AGE: row["age"],
        _CROSSES[0]: work,
        _CROSSES[1]: f"{bucket}_{work}",
    }


def prepare(problem: Problem, inputs: Mapping[str, str], output: str, *, census: bool) -> None:
    """Write `train` and `eval` TFRecords and MLTransform's artifacts.

    Args:
      problem: What to prepare.
      inputs: The file of the split "train", and of "eval" if there is one.
      output: The folder to write.
      census: Whether to make the age buckets and the crosses.
    """
    artifacts = os.path.join(output, "artifacts")
    modes = {
        "train": lambda: MLTransform(
            write_artifact_location=artifacts, transforms=_operations(problem.schema, census)
        ),
        "eval": lambda: MLTransform(read_artifact_location=artifacts),
    }
    for split, path in inputs.items():
        with beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([])) as pipeline:
            rows = (
                pipeline
                | beam.io.ReadFromText(path, skip_header_lines=problem.header_lines[split])
                | "Drop blank lines" >> beam.Filter(str.strip)
                | "Parse" >> beam.Map(ReadRow(problem.schema))
            )
            if census:
                rows |= beam.Map(add_census_columns)
            _ = (
                rows
                | modes[split]()
                | "Encode" >> beam.Map(encode)
                | beam.io.WriteToTFRecord(os.path.join(output, split, "data"))
            )


def _operations(schema: Schema, census: bool) -> list[Any]:
    numbers = [_identifier(column) for column in schema.inputs if column.type != "string"]
    categories = [_identifier(column) for column in schema.inputs if column.type == "string"]
    operations = [
        ScaleToZScore(numbers),
        ComputeAndApplyVocabulary(categories, num_oov_buckets=1, vocab_filename="vocabulary"),
    ]
    if census:
        operations += [
            ApplyBuckets([_AGE], AGE_BOUNDARIES),
            HashStrings(list(_CROSSES), CROSS_BUCKETS),
        ]
    return operations


def _identifier(column: Column) -> str:
    return column.name.replace("-", "_")


def encode(row: Any) -> bytes:
    """Return the serialized `tf.train.Example` of a row of arrays."""
    features = tf.train.Features()
    for name, values in row.as_dict().items():
        if values.dtype.kind == "i":
            features.feature[name].int64_list.value.extend(values)
        else:
            features.feature[name].float_list.value.extend(values)
    record: bytes = tf.train.Example(features=features).SerializeToString()
    return record


if __name__ == "__main__":
    name, files, folder = parse()
    prepare(PROBLEMS[name], files, folder, census=name == "adult")
