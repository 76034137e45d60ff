"""Near duplicates in a pipeline: found among the looks of all images, told of, and dropped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam.pvalue import AsSingleton

from ..runtime.elements import Bucket
from ..shuffle.fingerprint import Lane
from .perceptual_hash import NearDuplicates, find_groups, leave_out

__all__ = [
    "DropNearDuplicates",
    "HashBatch",
    "NearDuplicateFindings",
    "find_near",
    "places",
    "without",
]

Place: TypeAlias = tuple[str, str, str]
"""(split, file name, SHA-256): what tells one image from another."""


@dataclass(frozen=True)
class HashBatch:
    """What some images of a split look like, for finding near duplicates.

    Attributes:
      split: The split.
      names: The file name of each, [n].
      digests: The SHA-256 of each file in hex, [n].
      lo: The second lane of the key of each, which orders copies of a file; uint64, [n].
      hashes: The difference hash of each; uint64, [n].
    """

    split: str
    names: tuple[str, ...]
    digests: tuple[str, ...]
    lo: Lane
    hashes: npt.NDArray[np.uint64]


@dataclass(frozen=True)
class NearDuplicateFindings:
    """What was found.

    Attributes:
      found: The numbers, and examples.
      dropped: The images to leave out.
    """

    found: NearDuplicates
    dropped: frozenset[Place] = frozenset()


def find_near(looks: Iterable[HashBatch], *, drop: bool) -> NearDuplicateFindings:
    """Find the pictures that look the same.

    Args:
      looks: Of the images of all splits, in any order.
      drop: Whether to leave out all but one of each group.
    """
    seen = _seen(looks)
    images = sorted(seen)
    groups = find_groups(np.array([seen[image][1] for image in images], np.uint64))
    splits, names = ([image[i] for image in images] for i in range(2))
    found = NearDuplicates.of(groups, names=names, splits=splits)
    if not drop:
        return NearDuplicateFindings(found)
    # Of copies of a file the same one stays as where rows are distinct.
    keys = [f"{image[2]}{seen[image][0]:016x}" for image in images]
    left_out = leave_out(groups, keys=keys, splits=splits)
    return NearDuplicateFindings(found, frozenset(images[place] for place in left_out.tolist()))


def _seen(looks: Iterable[HashBatch]) -> dict[Place, tuple[int, int]]:
    """The second lane of the key of each image, the smallest where it comes twice; and its hash."""
    seen: dict[Place, tuple[int, int]] = {}
    for look in looks:
        columns = (look.names, look.digests, look.lo.tolist(), look.hashes.tolist())
        for name, digest, lo, value in zip(*columns, strict=True):
            place = (look.split, name, digest)
            seen[place] = min(seen.get(place, (lo, value)), (lo, value))
    return seen


@dataclass
class DropNearDuplicates(beam.PTransform):  # type: ignore[misc]
    """Leaves out images that look like another one: PCollection[Bucket] -> PCollection[Bucket].

    Attributes:
      findings: Facts about the images, among them those to drop; one element.
    """

    findings: beam.PCollection[Any]

    def expand(self, buckets: beam.PCollection[Bucket]) -> beam.PCollection[Bucket]:
        """Add the stage."""
        near = self.findings | "NearDuplicates" >> beam.Map(lambda facts: facts.near_duplicates)
        return buckets | "Drop" >> beam.Map(without, AsSingleton(near))


def without(bucket: Bucket, near: NearDuplicateFindings) -> Bucket:
    """The bucket without the images that are dropped; it counts them as repeats."""
    if not near.dropped:
        return bucket
    return Bucket(
        bucket.split,
        bucket.index,
        partial(_kept, bucket, near.dropped),
        partial(_repeats, bucket, near.dropped),
    )


def _kept(bucket: Bucket, dropped: frozenset[Place]) -> Iterator[pa.RecordBatch]:
    for batch in bucket.open():
        kept = [place not in dropped for place in places(bucket.split, batch)]
        yield batch.filter(pa.array(kept, pa.bool_()))


def _repeats(bucket: Bucket, dropped: frozenset[Place]) -> int:
    gone = sum(place in dropped for batch in bucket.open() for place in places(bucket.split, batch))
    return bucket.repeats() + gone


def places(split: str, batch: pa.RecordBatch) -> Iterator[Place]:
    """What tells the images of some rows of a split from all others."""
    names, digests = (batch.column(name).to_pylist() for name in ("filename", "sha256"))
    return ((split, name, digest) for name, digest in zip(names, digests, strict=True))
