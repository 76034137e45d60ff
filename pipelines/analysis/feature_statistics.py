"""Statistics of transformed features: computed for each bucket, merged in the order of buckets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import apache_beam as beam

from ...schemas.statistics.features import FeaturesFold, FeaturesProfile
from ..runtime.ordered_fold import Block, CombineBuckets, FoldWork, Key

__all__ = ["MergeFeatures", "FeaturesPart"]


class FeaturesPart(NamedTuple):
    """Statistics of the transformed features of a bucket."""

    split: str
    bucket: int
    profile: FeaturesProfile


class MergeFeatures(beam.PTransform):  # type: ignore[misc]
    """PCollection[FeaturesPart] -> PCollection[(split, FeaturesProfile)], one a split."""

    def expand(self, parts: beam.PCollection[FeaturesPart]) -> beam.PCollection[tuple[str, Any]]:
        """Merge the parts of each split."""
        return (
            parts
            | "Merge" >> CombineBuckets(_Merge())  # (Key, FeaturesProfile)
            | "OfSplit" >> beam.MapTuple(lambda key, profile: (key[1], profile))
        )


class _Merge(FoldWork):
    """Merges parts, each of which is the fold of a bucket already."""

    def setup(self) -> None:
        """Do nothing: there is nothing to load."""

    def __call__(self, element: Any, *side_inputs: Any) -> Iterator[tuple[Key, Block]]:
        part: FeaturesPart = element
        yield ("features", part.split, ""), (0, 0, part.bucket, part.profile)

    def merge(self, key: Key, accumulators: list[Any]) -> Any:
        """Merge the profiles of buckets."""
        return FeaturesFold().merge(accumulators)
