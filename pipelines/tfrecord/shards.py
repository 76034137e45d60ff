"""Segments into shards: from one framed file a bucket to the TFRecord files of a split.

A split is its segments one after the other, and a shard is a run of its records: cut to the
record, so that a split has as many shards as asked for and they differ by one record at most,
however few buckets there were. Nothing here decodes a record; segments are copied as bytes.
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
    "Piece",
    "Segment",
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
    """The framed records of one bucket, in a file of the run.

    Attributes:
      split: "train", "eval", …
      index: The bucket's place in its split.
      path: The file.
      records: How many records it holds.
      bytes: Its size.
      crc32c: Of all its bytes, as they were before they were written.
    """

    split: str
    index: int
    path: str
    records: int
    bytes: int
    crc32c: int


@dataclass(frozen=True)
class Piece:
    """The records [start, stop) of a segment."""

    segment: Segment
    start: int
    stop: int

    @property
    def whole(self) -> bool:
        """Whether it is all of its segment."""
        return (self.start, self.stop) == (0, self.segment.records)


@dataclass(frozen=True)
class ShardPlan:
    """What goes into the shard `index` of the `count` shards of a split."""

    split: str
    index: int
    count: int
    pieces: tuple[Piece, ...]

    @property
    def records(self) -> int:
        """The records the shard will hold."""
        return sum(piece.stop - piece.start for piece in self.pieces)


def write_segment(
    folder: str, *, split: str, index: int, batches: Iterable[Sequence[bytes] | pa.Array]
) -> Segment:
    """Write the records of a bucket to a segment file; writing it again replaces it.

    Args:
      folder: Where the run keeps its segments.
      split: The bucket's split.
      index: The bucket's place in its split.
      batches: The records in canonical order, some at a time; each lot is framed and written as
        one block. No batch makes an empty segment.

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
    """The path of a shard in its dataset.

    >>> shard_name("train", 2, 4, compression="GZIP")
    'train/data-00002-of-00004.tfrecord.gz'
    """
    suffix = ".gz" if compression == "GZIP" else ""
    return f"{split}/data-{index:05d}-of-{count:05d}.tfrecord{suffix}"


def plan_shards(
    segments: Iterable[Segment], *, split: str, target_bytes: int, count: int | None = None
) -> tuple[ShardPlan, ...]:
    """Cuts the records of a split into shards of equal numbers of records.

    Args:
      segments: All segments of the split, in any order.
      split: The split.
      target_bytes: About how large a shard is before compression. The number of shards is the
        whole size over this, rounded, and at least one.
      count: Exactly how many shards; `target_bytes` does not matter then.

    Returns:
      Shards in order, whose numbers of records differ by one at most. Some hold none where there
      are fewer records than `count`; no records by size make one empty shard.

    Raises:
      DataError: Two segments have one place.
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
        ShardPlan(split, index, shards, tuple(_pieces(ordered, start, stop)))
        for index, (start, stop) in enumerate(pairwise(cuts))
    )


def _pieces(segments: Sequence[Segment], start: int, stop: int) -> Iterator[Piece]:
    """The pieces that the records [start, stop) of all the segments lie in."""
    first = 0
    for segment in segments:
        inside = max(start - first, 0), min(stop - first, segment.records)
        if inside[0] < inside[1]:
            yield Piece(segment, *inside)
        first += segment.records


@dataclass
class WriteShards(beam.PTransform):  # type: ignore[misc]
    """PCollection[Segment] -> PCollection[(split, index of the shard, Shard)].

    Every shard is read again once it is written. A segment that lies in one shard is deleted
    after that; the others can go when the pipeline ends.

    Attributes:
      directory: The folder of the dataset, which the paths of the shards are relative to.
      splits: The splits that get shards, also without records.
      target_bytes: About how large a shard is before compression.
      counts: Exactly how many shards a split gets; one that is not named goes by size.
      compression: "" or "GZIP", whose bytes are those of the zlib that Python is linked with.

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
        for what, number in {"target_bytes": self.target_bytes, **self.counts}.items():
            if number < 1:
                raise RecipeError(f"shards: {what}: expected at least 1, got {number}")

    def expand(
        self, segments: beam.PCollection[Segment]
    ) -> beam.PCollection[tuple[str, int, Shard]]:
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
    """The work of a worker: one planned shard."""

    directory: str
    compression: str

    def __call__(self, element: ShardPlan, *side_inputs: Any) -> list[tuple[str, int, Shard]]:
        shard = _write_once(element, directory=self.directory, compression=self.compression)
        return [(element.split, element.index, shard)]


def _write_once(plan: ShardPlan, *, directory: str, compression: str) -> Shard:
    """The planned shard, written, checked, and its segments deleted.

    A runner can do the same work again. Segments are deleted last, the first one first, so when
    that one is gone the shard stands.
    """
    name = shard_name(plan.split, plan.index, plan.count, compression=compression)
    spent = [piece.segment.path for piece in plan.pieces if piece.whole]
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
    """Write the file; return the CRC-32C of its bytes as they were in memory."""
    deflate = zlib.compressobj(wbits=31) if compression == "GZIP" else None
    crc = 0
    with files.create(path) as file:
        for block in _blocks(plan.pieces, deflate):
            file.write(block)
            crc = google_crc32c.extend(crc, block)
    return crc


def _blocks(pieces: Iterable[Piece], deflate: Any | None) -> Iterator[bytes]:
    """What goes into the file, a piece at a time."""
    for piece in pieces:
        block = _read_piece(piece)
        yield deflate.compress(block) if deflate else block
    if deflate:
        yield deflate.flush()


def _read_piece(piece: Piece) -> bytes:
    """The frames of a piece, its whole segment checked."""
    segment = piece.segment
    data = files.read_bytes(segment.path)
    if google_crc32c.value(data) != segment.crc32c:
        raise _changed(segment.path)
    if piece.whole:
        return data
    ends = [0, *frame_ends(data, path=segment.path)]
    if len(ends) - 1 != segment.records:
        raise DataError(
            f"{segment.path}: {len(ends) - 1:,} records where {segment.records:,} were written. "
            "This is a bug in recordmill; nothing was published."
        )
    return data[ends[piece.start] : ends[piece.stop]]


def _read_back(path: str, crc: int, *, name: str, records: int) -> Shard:
    """The shard as it is stored; DataError where that is not what was written."""
    stored = 0
    with files.read(path) as file:
        tally = _Tally(file)
        while block := tally.read(_CHUNK):
            stored = google_crc32c.extend(stored, block)
    if stored != crc:
        raise _changed(path)
    return Shard(name, records, tally.size, tally.sha256)


def _changed(path: str) -> DataError:
    return DataError(
        f"{path}: reads back as other bytes than were written. "
        "Check the disk and its filesystem; nothing was published."
    )


def measure_shard(directory: str, *, name: str, compression: str) -> Shard:
    """What a shard really is: every byte hashed, every record read and its checksums checked.

    Args:
      directory: The dataset.
      name: The shard's path in it.
      compression: "" or "GZIP".

    Raises:
      DataError: The file cannot be read, or a record in it is damaged or cut short; the message
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
