"""Typed inputs and outputs of the stages that each record source implements.

Plan              decisions made before the pipeline is built
IngestResult      rows with keys, counts, samples and sources
TransformResult   segments of tf.Examples, and what they contain

The elements that flow between stages are in `recordmill.pipelines.runtime.elements`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa

from ..schemas.manifest import Expansion, SourceFile
from ..schemas.statistics.features import FeaturesProfile
from .analysis.traced_fn import TracedFn
from .images.boxes.marks import BoxEvidence
from .images.counts import ImageCounts
from .images.findings import ImageFindings
from .selection.read_counts import ReadCounts
from .shuffle.layout import BucketLayout
from .tfrecord.shards import Segment

__all__ = ["IngestResult", "Plan", "TransformResult"]


@dataclass(frozen=True)
class Plan:
    """Decisions about a run, made before its pipeline is built.

    Attributes:
      traced: Traced `preprocessing_fn`.
      layout: Sizes of buckets and batches.
    """

    traced: TracedFn
    layout: BucketLayout


class IngestResult(NamedTuple):
    """Outputs of reading rows.

    Attributes:
      rows: Elements that the shuffle's sink made of the clean rows: `SortedRun` where it is on
        disk, `KeyedRows` where the runner groups.
      read_counts: `ReadCounts` of records that were read together; one element of all after
        `ReadRows`.
      samples: (split, rows): for each split the rows with the smallest keys, sorted by key, as a
        request would carry them, and the two key columns.
      sources: (index of the input, `SourceFile`), one for each input.
      box_evidence: (split, evidence) of the boxes of images that were read together; the field is
        None where there is nothing to check.
      transform_fn: Folder of the transform graph, where it is exported before the rows are read.
      image_findings: One element; the field is None for a table.
    """

    rows: beam.PCollection[Any]
    read_counts: beam.PCollection[ReadCounts]
    samples: beam.PCollection[tuple[str, pa.RecordBatch]]
    sources: beam.PCollection[tuple[int, SourceFile]]
    box_evidence: beam.PCollection[tuple[str, BoxEvidence]] | None = None
    transform_fn: beam.PCollection[str] | None = None
    image_findings: beam.PCollection[ImageFindings] | None = None


class TransformResult(NamedTuple):
    """Outputs of transforming buckets.

    Attributes:
      segments: Files of framed tf.Examples, one for each bucket.
      feature_profiles: (split, profile of its transformed features), where they are profiled.
      expansions: (split, number of records made of rows), where a row can become several.
      image_counts: (split, images and boxes of a bucket), for a dataset of images.
    """

    segments: beam.PCollection[Segment]
    feature_profiles: beam.PCollection[tuple[str, FeaturesProfile]] | None = None
    expansions: beam.PCollection[tuple[str, Expansion]] | None = None
    image_counts: beam.PCollection[tuple[str, ImageCounts]] | None = None
