"""The statistics of transformed features: a part of each bucket, merged in the order of buckets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import apache_beam as beam

from ...schemas.statistics.features import FeaturesFold, FeaturesProfile
from ..runtime.ordered_fold import Block, CombineBuckets, FoldWork, Key

__all__ = ["MergeFeatures", "Part"]


class Part(NamedTuple):
    """What was found in the records of a bucket."""

    split: str
    bucket: int
    profile: FeaturesProfile


class MergeFeatures(beam.PTransform):  # type: ignore[misc]
    """PCollection[Part] -> PCollection[(split, FeaturesProfile)], one for each split it has."""

    def expand(self, parts: beam.PCollection[Part]) -> beam.PCollection[tuple[str, Any]]:
        return (
            parts
            | "Merge" >> CombineBuckets(_Merge())  # ((name, split, piece), FeaturesProfile)
            | "OfSplit" >> beam.MapTuple(lambda key, profile: (key[1], profile))
        )


class _Merge(FoldWork):
    """Parts are folded already."""

    def setup(self) -> None:
        pass

    def __call__(self, element: Any, *side_inputs: Any) -> Iterator[tuple[Key, Block]]:
        part: Part = element
        yield ("features", part.split, ""), (0, 0, part.bucket, part.profile)

    def merge(self, key: Key, accumulators: list[Any]) -> Any:
        return FeaturesFold().merge(accumulators)
