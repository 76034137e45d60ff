"""`RunOutputs`: outputs of the stages of a run, for the manifest and the metadata files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from ...schemas.manifest import Expansion, Shard, SourceFile
from ...schemas.statistics.features import FeaturesProfile
from ..images.counts import ImageCounts
from ..images.findings import ImageFindings
from ..selection.read_counts import ReadCounts

__all__ = ["ManifestExtras", "RunOutputs"]


@dataclass(frozen=True)
class RunOutputs:
    """Outputs of all stages, as the last one receives them.

    Attributes:
      sources: (index of the input, `SourceFile`), in any order.
      read_counts: Counts of all records up to the shuffle.
      samples: For each split, its rows with the smallest keys.
      repeats: For each split, the number of rows left out as repeats.
      folds: (fold, split, accumulator), in any order.
      vocab_sizes: For each int64 feature, the number of its ids; 0 where it is not categorical.
      shards: (split, index, shard), in any order.
      feature_profiles: For each split, the profile of its transformed features; empty where
        features are not profiled.
      expansions: (split, number of records made of rows), in parts; none where each row became
        one record.
      image_findings: Facts about the images; None for a table.
      image_counts: (split, images and boxes), in parts; none for a table.
    """

    sources: Sequence[tuple[int, SourceFile]]
    read_counts: ReadCounts
    samples: Mapping[str, pa.RecordBatch]
    repeats: Mapping[str, int]
    folds: Sequence[tuple[str, str, Any]]
    vocab_sizes: Mapping[str, int]
    shards: Sequence[tuple[str, int, Shard]]
    feature_profiles: Mapping[str, FeaturesProfile] = field(default_factory=dict)
    expansions: Sequence[tuple[str, Expansion]] = ()
    image_findings: ImageFindings | None = None
    image_counts: Sequence[tuple[str, ImageCounts]] = ()


@dataclass(frozen=True)
class ManifestExtras:
    """Fields of the manifest that only the record source can fill in.

    Attributes:
      parity: Result of the parity check.
      images: Facts about a dataset of images; empty for a table.
    """

    parity: Mapping[str, Any]
    images: Mapping[str, Any] = field(default_factory=dict)
