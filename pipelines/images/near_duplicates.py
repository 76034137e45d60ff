"""Find near duplicates by the hashes of all images, and drop them from buckets."""

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
    "drop_images",
    "image_ids",
]

ImageId: TypeAlias = tuple[str, str, str]
"""(split, file name, SHA-256), which identifies an image."""


@dataclass(frozen=True)
class HashBatch:
    """Difference hashes of images of a split.

    Attributes:
      split: Name of the split.
      names: File name of each image, [n].
      digests: SHA-256 of each file in hex, [n].
      lo: Second lane of the key of each image, which orders copies of a file; uint64, [n].
      hashes: Difference hash of each image; uint64, [n].
    """

    split: str
    names: tuple[str, ...]
    digests: tuple[str, ...]
    lo: Lane
    hashes: npt.NDArray[np.uint64]


@dataclass(frozen=True)
class NearDuplicateFindings:
    """Near duplicates of a dataset, and the images to drop.

    Attributes:
      summary: Counts and examples.
      dropped: Images to drop.
    """

    summary: NearDuplicates
    dropped: frozenset[ImageId] = frozenset()


def find_near(batches: Iterable[HashBatch], *, drop: bool) -> NearDuplicateFindings:
    """Find the images that look the same.

    Args:
      batches: Hashes of the images of all splits, in any order.
      drop: Whether to drop all but one image of each group.
    """
    hashes = _hashes_by_image(batches)
    images = sorted(hashes)
    groups = find_groups(np.array([hashes[image][1] for image in images], np.uint64))
    splits, names = ([image[i] for image in images] for i in range(2))
    summary = NearDuplicates.of(groups, names=names, splits=splits)
    if not drop:
        return NearDuplicateFindings(summary)
    # Keys as of rows, so that of equal files the same copy stays as with distinct rows.
    keys = [f"{image[2]}{hashes[image][0]:016x}" for image in images]
    indices = leave_out(groups, keys=keys, splits=splits).tolist()
    return NearDuplicateFindings(summary, frozenset(images[index] for index in indices))


def _hashes_by_image(batches: Iterable[HashBatch]) -> dict[ImageId, tuple[int, int]]:
    """Return (lo, hash) of each image; of an image that occurs twice, with the smallest lo."""
    hashes: dict[ImageId, tuple[int, int]] = {}
    for batch in batches:
        columns = (batch.names, batch.digests, batch.lo.tolist(), batch.hashes.tolist())
        for name, digest, lo, value in zip(*columns, strict=True):
            image = (batch.split, name, digest)
            hashes[image] = min(hashes.get(image, (lo, value)), (lo, value))
    return hashes


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
        return buckets | "Drop" >> beam.Map(drop_images, AsSingleton(near))


def drop_images(bucket: Bucket, near: NearDuplicateFindings) -> Bucket:
    """Return a bucket without the dropped images; it counts them as repeats."""
    if not near.dropped:
        return bucket
    return Bucket(
        bucket.split,
        bucket.index,
        partial(_remaining, bucket, near.dropped),
        partial(_repeats, bucket, near.dropped),
    )


def _remaining(bucket: Bucket, dropped: frozenset[ImageId]) -> Iterator[pa.RecordBatch]:
    for batch in bucket.open():
        mask = [image not in dropped for image in image_ids(bucket.split, batch)]
        yield batch.filter(pa.array(mask, pa.bool_()))


def _repeats(bucket: Bucket, dropped: frozenset[ImageId]) -> int:
    images = (image for batch in bucket.open() for image in image_ids(bucket.split, batch))
    return bucket.repeats() + sum(image in dropped for image in images)


def image_ids(split: str, batch: pa.RecordBatch) -> Iterator[ImageId]:
    """Return an iterator over the ids of the images of rows."""
    names, digests = (batch.column(name).to_pylist() for name in ("filename", "sha256"))
    return ((split, name, digest) for name, digest in zip(names, digests, strict=True))
