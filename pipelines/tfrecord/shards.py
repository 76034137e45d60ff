"""Shards: assembles the TFRecord files of a split from one segment file for each bucket.

A split is the concatenation of its segments, and a shard is a range of its records. Ranges are cut
between any two records, not at segments, so a split has the requested number of shards, which
differ by one record at most, however few buckets there are. No record is decoded here; segments
are copied as bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import apache_beam as beam
import google_crc32c

from ...schemas.errors import DataError, RecipeError
from ...schemas.manifest import Shard
from ..runtime import filesystem as files
from ..runtime.thread_pool import ElementFn, ThreadedDoFn
from .framing import encode_frames, frame_ends, read_frames

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Segment",
    "SegmentSlice",
    "ShardPlan",
    "WriteShards",
    "measure_shard",
    "plan_shards",
    "shard_name",
    "write_segment",
]

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Segment:
    """A temporary file with the framed records of one bucket.

    Attributes:
      split: Name of the split: "train", "eval", …
      index: Index of the bucket in its split.
      path: Path of the file.
      records: Number of records.
      bytes: Size in bytes.
      crc32c: CRC-32C of all bytes, computed in memory before they were written.
    """

    split: str
    index: int
    path: str
    records: int
    bytes: int
    crc32c: int


@dataclass(frozen=True)
class SegmentSlice:
    """The records [start, stop) of a segment."""

    segment: Segment
    start: int
    stop: int

    @property
    def is_complete(self) -> bool:
        """True where it has all records of its segment."""
        return (self.start, self.stop) == (0, self.segment.records)


@dataclass(frozen=True)
class ShardPlan:
    """The plan of shard `index` of the `count` shards of a split."""

    split: str
    index: int
    count: int
    slices: tuple[SegmentSlice, ...]

    @property
    def records(self) -> int:
        """Number of records of the shard."""
        return sum(part.stop - part.start for part in self.slices)


def write_segment(
    folder: str, *, split: str, index: int, batches: Iterable[Sequence[bytes] | pa.Array]
) -> Segment:
    """Write the records of a bucket to a segment file; writing it again replaces it.

    Args:
      folder: Path of the folder of the segments.
      split: Split of the bucket.
      index: Index of the bucket in its split.
      batches: Records in canonical order; each batch is framed and written as one block. No
        batches make an empty segment.

    Raises:
      DataError: The file cannot be written.
    """
    path = files.join(folder, f"{split}-{index:05d}.segment")
    records = size = crc = 0
    with files.create(path, durable=False) as file:
        for batch in batches:
            block = encode_frames(batch)
            file.write(block)
            records, size = records + len(batch), size + len(block)
            crc = google_crc32c.extend(crc, block)
    return Segment(split, index, path, records, size, crc)


def shard_name(split: str, index: int, count: int, *, compression: str = "") -> str:
    """Return the path of a shard in its dataset.

    >>> shard_name("train", 2, 4, compression="GZIP")
    'train/data-00002-of-00004.tfrecord.gz'
    """
    suffix = ".gz" if compression == "GZIP" else ""
    return f"{split}/data-{index:05d}-of-{count:05d}.tfrecord{suffix}"


def plan_shards(
    segments: Iterable[Segment], *, split: str, target_bytes: int, count: int | None = None
) -> tuple[ShardPlan, ...]:
    """Divide the records of a split into shards of equal numbers of records.

    Args:
      segments: All segments of the split, in any order.
      split: Name of the split.
      target_bytes: Approximate size of a shard before compression. The number of shards is the
        total size divided by this, rounded, and at least one.
      count: Number of shards; `target_bytes` is then ignored.

    Returns:
      Shards in order, whose numbers of records differ by one at most. Some are empty where there
      are fewer records than `count`; without `count`, no records make one empty shard.

    Raises:
      DataError: Two segments have the same index.
    """
    ordered = sorted(segments, key=lambda segment: segment.index)
    for segment, following in pairwise(ordered):
        if segment.index == following.index:
            raise DataError(
                f"{segment.path} and {following.path} are both segment {segment.index} of "
                f"{split}. This is a bug in recordmill; nothing was published."
            )
    size = sum(segment.bytes for segment in ordered)
    shards = count or max(1, (2 * size + target_bytes) // (2 * target_bytes))
    records = sum(segment.records for segment in ordered)
    cuts = [records * shard // shards for shard in range(shards + 1)]
    return tuple(
        ShardPlan(split, index, shards, tuple(_slices(ordered, start, stop)))
        for index, (start, stop) in enumerate(pairwise(cuts))
    )


def _slices(segments: Sequence[Segment], start: int, stop: int) -> Iterator[SegmentSlice]:
    """Yield the slices that contain the records [start, stop) of the concatenated segments."""
    offset = 0
    for segment in segments:
        bounds = max(start - offset, 0), min(stop - offset, segment.records)
        if bounds[0] < bounds[1]:
            yield SegmentSlice(segment, *bounds)
        offset += segment.records


@dataclass
class WriteShards(beam.PTransform):  # type: ignore[misc]
    """PCollection[Segment] -> PCollection[(split, index of the shard, Shard)].

    Every shard is read back after it is written. A segment that is part of one shard alone is
    deleted after that; the caller deletes the others when the pipeline ends.

    Attributes:
      directory: Path of the folder of the dataset; the paths of the shards are relative to it.
      splits: Names of the splits that get shards, even without records.
      target_bytes: Approximate size of a shard before compression.
      counts: Number of shards by split; `target_bytes` decides for a split without an entry.
      compression: "" or "GZIP"; the bytes of gzip depend on the zlib that Python is linked with.

    Raises:
      RecipeError: A number of shards or the target is below one.
    """

    directory: str
    splits: Sequence[str]
    target_bytes: int = 128_000_000
    counts: Mapping[str, int] = field(default_factory=dict)
    compression: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        for name, number in {"target_bytes": self.target_bytes, **self.counts}.items():
            if number < 1:
                raise RecipeError(f"shards: {name}: expected at least 1, got {number}")

    def expand(
        self, segments: beam.PCollection[Segment]
    ) -> beam.PCollection[tuple[str, int, Shard]]:
        """Plan the shards of all segments, and write each."""
        return (
            segments
            | "GatherSegments" >> beam.CombineGlobally(beam.combiners.ToListCombineFn())
            # [Segment]
            | "PlanShards" >> beam.FlatMap(self._plan)
            # ShardPlan
            | "SpreadShards" >> beam.Reshuffle()
            | "WriteShards" >> beam.ParDo(ThreadedDoFn(_Write(self.directory, self.compression)))
            # (split, index, Shard)
        )

    def _plan(self, segments: list[Segment]) -> Iterator[ShardPlan]:
        for split in self.splits:
            yield from plan_shards(
                [segment for segment in segments if segment.split == split],
                split=split,
                target_bytes=self.target_bytes,
                count=self.counts.get(split),
            )


@dataclass(frozen=True)
class _Write(ElementFn):
    """Writes one planned shard."""

    directory: str
    compression: str

    def __call__(self, element: ShardPlan, *side_inputs: Any) -> list[tuple[str, int, Shard]]:
        shard = _write_once(element, directory=self.directory, compression=self.compression)
        return [(element.split, element.index, shard)]


def _write_once(plan: ShardPlan, *, directory: str, compression: str) -> Shard:
    """Write a planned shard, verify it, and delete its segments; skip what is done already.

    A runner may repeat the work of a bundle. Segments are deleted last, and the first one first:
    when that one is missing, the shard is complete.
    """
    name = shard_name(plan.split, plan.index, plan.count, compression=compression)
    spent = [part.segment.path for part in plan.slices if part.is_complete]
    if spent and not files.exists(spent[0]):
        shard = measure_shard(directory, name=name, compression=compression)
    else:
        path = files.join(directory, name)
        crc = _write(plan, path, compression=compression)
        shard = _read_back(path, crc, name=name, records=plan.records)
    for path in spent:
        files.remove(path)
    return shard


def _write(plan: ShardPlan, path: str, *, compression: str) -> int:
    """Write the file, and return the CRC-32C of its bytes, computed in memory."""
    deflate = zlib.compressobj(wbits=31) if compression == "GZIP" else None
    crc = 0
    with files.create(path) as file:
        for block in _blocks(plan.slices, deflate):
            file.write(block)
            crc = google_crc32c.extend(crc, block)
    return crc


def _blocks(slices: Iterable[SegmentSlice], deflate: Any | None) -> Iterator[bytes]:
    """Yield the content of the file, one block for each slice."""
    for part in slices:
        block = _read_slice(part)
        yield deflate.compress(block) if deflate else block
    if deflate:
        yield deflate.flush()


def _read_slice(part: SegmentSlice) -> bytes:
    """Read the frames of a slice, and verify its whole segment."""
    segment = part.segment
    data = files.read_bytes(segment.path)
    if google_crc32c.value(data) != segment.crc32c:
        raise _changed(segment.path)
    if part.is_complete:
        return data
    ends = [0, *frame_ends(data, path=segment.path)]
    if len(ends) - 1 != segment.records:
        raise DataError(
            f"{segment.path}: {len(ends) - 1:,} records where {segment.records:,} were written. "
            "This is a bug in recordmill; nothing was published."
        )
    return data[ends[part.start] : ends[part.stop]]


def _read_back(path: str, crc: int, *, name: str, records: int) -> Shard:
    """Hash a shard as it is stored; DataError where its bytes are not those that were written."""
    stored_crc = 0
    with files.read(path) as file:
        tally = _Tally(file)
        while block := tally.read(_CHUNK):
            stored_crc = google_crc32c.extend(stored_crc, block)
    if stored_crc != crc:
        raise _changed(path)
    return Shard(name, records, tally.size, tally.sha256)


def _changed(path: str) -> DataError:
    return DataError(
        f"{path}: reads back as other bytes than were written. "
        "Check the disk and its filesystem; nothing was published."
    )


def measure_shard(directory: str, *, name: str, compression: str) -> Shard:
    """Measure a stored shard: hash every byte, and read every record and verify its checksums.

    Args:
      directory: Path of the dataset.
      name: Path of the shard in it.
      compression: "" or "GZIP".

    Raises:
      DataError: The file cannot be read, or a record in it is damaged or truncated; the message
        names the shard, as `name`, and the record.
    """
    with files.read(files.join(directory, name)) as file:
        tally = _Tally(file)
        frames = tally if compression == "" else gzip.GzipFile(fileobj=cast(BinaryIO, tally))
        records = sum(1 for _ in read_frames(frames, path=name))
    return Shard(name, records, tally.size, tally.sha256)


class _Tally:
    """A stream that hashes and counts the bytes read from it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._digest.update(data)
        self.size += len(data)
        return data

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()
