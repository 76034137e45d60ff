"""A chunk of image files into rows with keys: open -> look -> choose -> press.

With a press, an image is decoded once: the graph makes the pixels that are looked at and that
become records, and only what it fails on is checked by itself, to be rejected. Without, each file
is checked to its last byte, and the rows carry the bytes. Checked so are the files, too, of a
graph that decodes by operations of its own, which do not refuse a cut JPEG.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pyarrow as pa
import tensorflow as tf

from ...schemas.errors import DataError
from ...schemas.images import ImageSchema
from ..config.image_limits import ImageLimits
from ..config.images import Images
from ..config.input import Input
from ..config.recipe import Recipe
from ..runtime.elements import Reject
from ..selection.read_counts import ReadCounts, sum_read_counts
from ..selection.select import CleanBatch, select_rows
from ..shuffle.fingerprint import Lane
from ..shuffle.layout import IMAGES
from .annotations.refs import ImageRef, Listing
from .appearance import Appearance, compute_appearance
from .boxes.frames import FrameEvidence, evidence_of
from .boxes.marks import BoxEvidence
from .check import BadImage, check_image, open_image
from .counts import with_marks
from .encoder import TRAINING, ImageRecordEncoder, Pictures, encoded_rows
from .files import (
    GoodImage,
    as_rows,
    digest_of,
    further_values,
    keys_of,
    open_file,
    read_file,
    reject_of,
    split_lane,
    with_looks,
)
from .near_duplicates import HashBatch

__all__ = ["Chunk", "ChunkRead", "Tally", "chunks", "read_chunk"]

_CHUNK_IMAGES = 256
_CHUNK_BYTES = 16 << 20
_FEW_CHUNKS = 8
_DIGEST = 1 << 256
_NO_HASH = -1


@dataclass(frozen=True)
class Chunk:
    """Some images of one input, which one worker reads.

    Attributes:
      position: (place of the input, place of the chunk in it).
      source: The pattern of the input.
      split: The split the input names.
      images: What to read.
      rejects: Annotations that name no image that can be read; in the first chunk, all of them.
    """

    position: tuple[int, int]
    source: str
    split: str | None
    images: tuple[ImageRef, ...]
    rejects: tuple[Reject, ...] = ()


@dataclass(frozen=True)
class Tally:
    """What was read of an input; adds up in any order.

    Attributes:
      records: The images and the bad annotations.
      bytes: Of the image files.
      digest: The sum, modulo 2**256, of the digest of what names the images, and of the SHA-256
        of (name, SHA-256 of the bytes) of each image.
      formats: How many images there were of each format.
      converted: How many of each format went through Pillow, since TensorFlow cannot decode them.
      without_end_marker: How many JPEGs lacked nothing but their end marker.
      frames: What the images show of the frame of their boxes.
    """

    records: int = 0
    bytes: int = 0
    digest: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    converted: Counter[str] = field(default_factory=Counter)
    without_end_marker: int = 0
    frames: FrameEvidence = field(default_factory=FrameEvidence)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.records + other.records,
            self.bytes + other.bytes,
            (self.digest + other.digest) % _DIGEST,
            self.formats + other.formats,
            self.converted + other.converted,
            self.without_end_marker + other.without_end_marker,
            self.frames + other.frames,
        )


def chunks(place: int, one: Input, listing: Listing) -> Iterator[Chunk]:
    """The images of an input, up to 256 and 16 MB at a time, or one larger image.

    Of few images there are at least 8 chunks, so that there is work for several threads.
    """
    most = min(_CHUNK_IMAGES, -(-len(listing.images) // _FEW_CHUNKS))
    held: list[ImageRef] = []
    size = index = 0
    rejects = listing.rejects
    for ref in listing.images:
        if held and (len(held) == most or size + ref.size_bytes > _CHUNK_BYTES):
            yield Chunk((place, index), one.pattern, one.split, tuple(held), rejects)
            held, size, index, rejects = [], 0, index + 1, ()
        held.append(ref)
        size += ref.size_bytes
    if held or rejects:
        yield Chunk((place, index), one.pattern, one.split, tuple(held), rejects)


@dataclass(frozen=True)
class ChunkRead:
    """What became of a chunk.

    Attributes:
      cleaned: Its rows, chosen and split, and the rejects.
      rows: The same rows, for the shuffle: where there is a press with their records in place of
        their bytes, and of boxes with how many are doubtful.
      tally: What was read.
      hashes: The difference hash of each image that was good, before some were left out; -1 where
        it is too flat to tell.
      boxes: By split, what is known of the boxes of the rows; empty where images have a label.
    """

    cleaned: CleanBatch
    rows: pa.RecordBatch
    tally: Tally
    hashes: Sequence[int]
    boxes: Mapping[str, BoxEvidence] = field(default_factory=dict)

    def looks(self) -> Iterator[HashBatch]:
        """What the rows of each split look like."""
        cleaned = self.cleaned
        names = cleaned.batch.column("filename").to_pylist()
        digests = cleaned.batch.column("sha256").to_pylist()
        for index, split in enumerate(cleaned.splits):
            chosen = [
                row
                for row in np.flatnonzero(cleaned.split == index).tolist()
                if self.hashes[cleaned.rows[row]] != _NO_HASH
            ]
            if chosen:
                yield HashBatch(
                    split,
                    tuple(names[row] for row in chosen),
                    tuple(digests[row] for row in chosen),
                    cleaned.lo[chosen],
                    np.array([self.hashes[cleaned.rows[row]] for row in chosen], np.uint64),
                )


@dataclass(frozen=True)
class _Stretch:
    """Some good images, one after the other; their `pictures` only where there is a press."""

    start: int
    rows: pa.RecordBatch
    looks: Sequence[Appearance]
    pictures: Pictures | None = None


def read_chunk(
    chunk: Chunk,
    recipe: Recipe,
    schema: ImageSchema,
    images: Images,
    press: ImageRecordEncoder | None = None,
    *,
    frame: str = "stored",
) -> ChunkRead:
    """Read and check the images of a chunk; those that are bad become rejects.

    Args:
      chunk: What to read.
      recipe: Which images count.
      schema: What they have.
      images: How they are checked.
      press: Makes their records, where the graph is there already.
      frame: That of boxes: "upright" or "stored".

    Raises:
      DataError: The graph fails on an image that is good.
    """
    whole = press is None or not press.refuses_cut_jpegs
    good, rejects, tally = _opened(chunk, schema, images.limits, whole=whole, frame=frame)
    values, good, bad_values = further_values(good, schema)
    bad: dict[int, Reject] = {}
    rows = as_rows(good, values, schema)
    stretches = (
        _Graph(press, images.limits, good, bad).stretches(rows) if press else _seen(good, rows)
    )
    chooser = _Chooser(chunk, recipe, keys_of(good, recipe.seed), split_lane(good))
    hashes = [_NO_HASH] * len(good)
    kept: list[CleanBatch] = []
    pressed: list[pa.RecordBatch] = []
    for stretch in stretches:
        for place, look in enumerate(stretch.looks, stretch.start):
            hashes[place] = _NO_HASH if look.dhash is None else look.dhash
        kept.append(chooser.choose(stretch))
        if press and stretch.pictures:
            pressed.append(_pressed(press, stretch.pictures, kept[-1], stretch.start))
    rejects += [*chunk.rejects, *bad_values, *bad.values()]
    cleaned = _joined([*kept, chooser.reject(rejects, rows.slice(0, 0))])
    tally += _formats([one for place, one in enumerate(good) if place not in bad])
    shuffled = pa.concat_batches(pressed or [cleaned.batch])
    if schema.kind == "classification":
        return ChunkRead(cleaned, shuffled, tally, hashes)
    shuffled = with_marks(shuffled, [good[place].marks for place in cleaned.rows.tolist()])
    return ChunkRead(cleaned, shuffled, tally, hashes, _boxes_by_split(cleaned, good))


def _opened(
    chunk: Chunk, schema: ImageSchema, limits: ImageLimits, *, whole: bool, frame: str
) -> tuple[list[GoodImage], list[Reject], Tally]:
    """The images that are good as far as they are looked at, the other ones, and what was read."""
    good: list[GoodImage] = []
    rejects: list[Reject] = []
    tally = Tally(records=len(chunk.rejects))
    for ref in chunk.images:
        file = read_file(ref, limits)
        tally += Tally(1, ref.size_bytes, digest_of(ref, file.sha256))
        try:
            check = check_image if whole else open_image
            good.append(open_file(ref, file, schema, limits=limits, check=check, frame=frame))
        except BadImage as bad:
            rejects.append(reject_of(ref, bad))
    return good, rejects, tally


def _seen(good: Sequence[GoodImage], rows: pa.RecordBatch) -> Iterator[_Stretch]:
    """All images at once, as their check has seen them."""
    yield _Stretch(0, rows, [cast(Appearance, one.image) for one in good])


@dataclass(frozen=True)
class _Graph:
    """Sends the images of a chunk through the graph; those that are bad go to `bad`, by place."""

    press: ImageRecordEncoder
    limits: ImageLimits
    good: Sequence[GoodImage]
    bad: dict[int, Reject]

    def stretches(self, rows: pa.RecordBatch) -> Iterator[_Stretch]:
        """The images that are good, as many at once as memory allows."""
        start = 0
        for some in IMAGES.cut(rows):
            yield from self._stretches(start, some)
            start += some.num_rows

    def _stretches(self, start: int, rows: pa.RecordBatch) -> Iterator[_Stretch]:
        """All of them at once, or else each alone."""
        try:
            pictures = self.press.pictures(rows)
        except tf.errors.OpError as error:
            if rows.num_rows == 1:
                self.bad[start] = self._reject(self.good[start], self.press.explain(error, rows))
                return
            for row in range(rows.num_rows):
                yield from self._stretches(start + row, rows.slice(row, 1))
        else:
            looks = compute_appearance(shot.picture.pixels for shot in pictures.shots)
            yield _Stretch(start, rows, looks, pictures)

    def _reject(self, one: GoodImage, fault: str) -> Reject:
        """What is wrong with an image that the graph fails on; DataError where nothing is."""
        if not one.image.converted:
            try:
                check_image(one.image.encoded, limits=self.limits, thorough=True)
            except BadImage as bad:
                return reject_of(one.ref, bad)
        raise DataError(f"{one.ref.path}: {fault}")


@dataclass(frozen=True)
class _Chooser:
    """Splits the images of a chunk and chooses among them, some at a time."""

    chunk: Chunk
    recipe: Recipe
    keys: tuple[Lane, Lane]
    lane: Lane

    def choose(self, stretch: _Stretch) -> CleanBatch:
        """What becomes of good images."""
        rows = with_looks(stretch.rows, stretch.looks)
        return self._choose(rows, stretch.start, ())

    def reject(self, rejects: Sequence[Reject], none: pa.RecordBatch) -> CleanBatch:
        """What becomes of bad ones; `none` is a batch without rows."""
        ordered = sorted(rejects, key=lambda reject: (reject.file, reject.line))
        return self._choose(none, 0, ordered)

    def _choose(self, rows: pa.RecordBatch, start: int, rejects: Sequence[Reject]) -> CleanBatch:
        stop = start + rows.num_rows
        hi, lo = self.keys
        return select_rows(
            rows,
            places=np.arange(start, stop, dtype=np.int64),
            keys=(hi[start:stop], lo[start:stop]),
            lane=self.lane[start:stop],
            rejects=rejects,
            split=self.chunk.split,
            file=self.chunk.source,
            records=rows.num_rows + len(rejects),
            splitting=self.recipe.split,
            seed=self.recipe.seed,
            filters=self.recipe.filters,
            sampling=self.recipe.sampling,
        )


def _pressed(
    press: ImageRecordEncoder, pictures: Pictures, cleaned: CleanBatch, start: int
) -> pa.RecordBatch:
    """The rows that were kept, with the records of their pictures, which begin at a place."""
    training = [cleaned.splits[index] == TRAINING for index in cleaned.split.tolist()]
    chosen = (cleaned.rows - start).tolist()
    return encoded_rows(cleaned.batch, press.records(pictures, chosen=chosen, copies=training))


def _boxes_by_split(cleaned: CleanBatch, good: Sequence[GoodImage]) -> dict[str, BoxEvidence]:
    """Add up what is known of the boxes of the images that were kept."""
    return {
        split: sum(
            (
                BoxEvidence.of(good[place].ref, good[place].marks)
                for place in cleaned.rows[rows].tolist()
            ),
            BoxEvidence(),
        )
        for split, rows in cleaned.by_split()
    }


def _joined(parts: Sequence[CleanBatch]) -> CleanBatch:
    """What became of all stretches of a chunk, and of its bad images."""
    return CleanBatch(
        batch=pa.concat_batches([part.batch for part in parts]),
        rows=np.concatenate([part.rows for part in parts]),
        hi=np.concatenate([part.hi for part in parts]),
        lo=np.concatenate([part.lo for part in parts]),
        splits=parts[0].splits,
        split=np.concatenate([part.split for part in parts]),
        rejects=tuple(reject for part in parts for reject in part.rejects),
        ledger=sum_read_counts([ReadCounts(part.ledger) for part in parts]).ledger,
    )


def _formats(good: Sequence[GoodImage]) -> Tally:
    return Tally(
        formats=Counter(one.image.format for one in good),
        converted=Counter(one.image.format for one in good if one.image.converted),
        without_end_marker=sum(one.image.lacks_end_marker for one in good),
        frames=FrameEvidence.sum(map(_frame_evidence, good)),
    )


def _frame_evidence(one: GoodImage) -> FrameEvidence:
    return evidence_of(one.ref, (one.image.width, one.image.height), one.image.orientation)
