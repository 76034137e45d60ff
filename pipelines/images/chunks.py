"""Reading of a chunk of image files: open -> hash the picture -> select -> encode.

With an encoder, an image is decoded once: the graph makes the pixels that are hashed and that
become records, and only a file on which it fails is checked by itself, to be rejected. Without
one, each file is checked to its last byte, and the rows contain its bytes. Files are checked to
the last byte, too, where the graph decodes by operations of its own, which accept a cut JPEG.
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
from ..config.row_selection import RowSelection
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
    with_appearances,
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
      position: (index of the input, index of the chunk in it).
      source: Pattern of the input.
      split: Split that the input names; None where content decides.
      images: Images to read.
      rejects: Annotations that name no image that can be read; the first chunk has all of them.
    """

    position: tuple[int, int]
    source: str
    split: str | None
    images: tuple[ImageRef, ...]
    rejects: tuple[Reject, ...] = ()


@dataclass(frozen=True)
class Tally:
    """Sums over images of an input; they add up in any order.

    Attributes:
      records: Number of images and of bad annotations.
      bytes: Total size of the image files.
      digest: Sum, modulo 2**256, of the digest of the annotations and of the SHA-256 of
        (name, SHA-256 of the bytes) of each image.
      formats: Number of images of each format.
      converted: Number of images of each format that Pillow decoded, since TensorFlow cannot.
      without_end_marker: Number of JPEGs that lack nothing but their end marker.
      frames: Evidence of the images about the frame of their boxes.
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


def chunks(input_index: int, source: Input, listing: Listing) -> Iterator[Chunk]:
    """Yield the images of an input, up to 256 and 16 MB a chunk, or one larger image.

    Few images are cut into at least 8 chunks, so that several threads have work.
    """
    max_images = min(_CHUNK_IMAGES, -(-len(listing.images) // _FEW_CHUNKS))
    images: list[ImageRef] = []
    size = index = 0
    rejects = listing.rejects
    for ref in listing.images:
        if images and (len(images) == max_images or size + ref.size_bytes > _CHUNK_BYTES):
            yield Chunk((input_index, index), source.pattern, source.split, tuple(images), rejects)
            images, size, index, rejects = [], 0, index + 1, ()
        images.append(ref)
        size += ref.size_bytes
    if images or rejects:
        yield Chunk((input_index, index), source.pattern, source.split, tuple(images), rejects)


@dataclass(frozen=True)
class ChunkRead:
    """Rows of a chunk, and facts about its images.

    Attributes:
      cleaned: Selected rows with their splits, and the rejects.
      rows: The same rows for the shuffle: with an encoder they contain records instead of the bytes
        of images, and with boxes the numbers of doubtful ones.
      tally: Sums over the images read.
      hashes: Difference hash of each good image, before the selection; -1 where the picture is too
        flat to have one.
      boxes: For each split, evidence about the boxes of its rows; empty where images have a label.
    """

    cleaned: CleanBatch
    rows: pa.RecordBatch
    tally: Tally
    hashes: Sequence[int]
    boxes: Mapping[str, BoxEvidence] = field(default_factory=dict)

    def hash_batches(self) -> Iterator[HashBatch]:
        """Yield the hashes of the rows of each split."""
        cleaned = self.cleaned
        names = cleaned.batch.column("filename").to_pylist()
        digests = cleaned.batch.column("sha256").to_pylist()
        for index, split in enumerate(cleaned.splits):
            rows = [
                row
                for row in np.flatnonzero(cleaned.split == index).tolist()
                if self.hashes[cleaned.rows[row]] != _NO_HASH
            ]
            if rows:
                yield HashBatch(
                    split,
                    tuple(names[row] for row in rows),
                    tuple(digests[row] for row in rows),
                    cleaned.lo[rows],
                    np.array([self.hashes[cleaned.rows[row]] for row in rows], np.uint64),
                )


@dataclass(frozen=True)
class _Batch:
    """Consecutive good images, from index `start` on; with `pictures` where there is an encoder."""

    start: int
    rows: pa.RecordBatch
    appearances: Sequence[Appearance]
    pictures: Pictures | None = None


def read_chunk(
    chunk: Chunk,
    schema: ImageSchema,
    images: Images,
    selection: RowSelection,
    encoder: ImageRecordEncoder | None = None,
    *,
    frame: str = "stored",
) -> ChunkRead:
    """Read and check the images of a chunk; bad ones become rejects.

    Args:
      chunk: Images to read.
      schema: Schema of the images.
      images: Settings of the images.
      selection: Filters, sampling and split ratios.
      encoder: Encoder of their records, where the graph is exported before they are read.
      frame: Frame of the boxes, "upright" or "stored".

    Raises:
      DataError: The graph fails on a good image.
    """
    thorough = encoder is None or not encoder.refuses_cut_jpegs
    good, rejects, tally = _open_all(chunk, schema, images.limits, thorough=thorough, frame=frame)
    values, good, bad_values = further_values(good, schema)
    bad: dict[int, Reject] = {}
    rows = as_rows(good, values, schema)
    batches = (
        _GraphRunner(encoder, images.limits, good, bad).batches(rows)
        if encoder
        else _checked_images(good, rows)
    )
    selector = _Selector(chunk, selection, keys_of(good, selection.seed), split_lane(good))
    hashes = [_NO_HASH] * len(good)
    selected: list[CleanBatch] = []
    encoded: list[pa.RecordBatch] = []
    for batch in batches:
        for index, appearance in enumerate(batch.appearances, batch.start):
            hashes[index] = _NO_HASH if appearance.dhash is None else appearance.dhash
        selected.append(selector.select(batch))
        if encoder and batch.pictures:
            encoded.append(_encoded(encoder, batch.pictures, selected[-1], batch.start))
    rejects += [*chunk.rejects, *bad_values, *bad.values()]
    cleaned = _concat([*selected, selector.reject(rejects, rows.slice(0, 0))])
    tally += _formats([image for index, image in enumerate(good) if index not in bad])
    shuffled = pa.concat_batches(encoded or [cleaned.batch])
    if schema.kind == "classification":
        return ChunkRead(cleaned, shuffled, tally, hashes)
    shuffled = with_marks(shuffled, [good[index].marks for index in cleaned.rows.tolist()])
    return ChunkRead(cleaned, shuffled, tally, hashes, _boxes_by_split(cleaned, good))


def _open_all(
    chunk: Chunk, schema: ImageSchema, limits: ImageLimits, *, thorough: bool, frame: str
) -> tuple[list[GoodImage], list[Reject], Tally]:
    """Return the images that open, the rejects of the others, and the tally of both."""
    good: list[GoodImage] = []
    rejects: list[Reject] = []
    tally = Tally(records=len(chunk.rejects))
    for ref in chunk.images:
        file = read_file(ref, limits)
        tally += Tally(1, ref.size_bytes, digest_of(ref, file.sha256))
        try:
            check = check_image if thorough else open_image
            good.append(open_file(ref, file, schema, limits=limits, check=check, frame=frame))
        except BadImage as bad:
            rejects.append(reject_of(ref, bad))
    return good, rejects, tally


def _checked_images(good: Sequence[GoodImage], rows: pa.RecordBatch) -> Iterator[_Batch]:
    """Yield all images at once, with the appearance that their check computed."""
    yield _Batch(0, rows, [cast(Appearance, checked.image) for checked in good])


@dataclass(frozen=True)
class _GraphRunner:
    """Runs the images of a chunk through the graph; bad ones go to `bad`, by index."""

    encoder: ImageRecordEncoder
    limits: ImageLimits
    good: Sequence[GoodImage]
    bad: dict[int, Reject]

    def batches(self, rows: pa.RecordBatch) -> Iterator[_Batch]:
        """Yield the good images, as many at once as memory allows."""
        start = 0
        for batch in IMAGES.cut(rows):
            yield from self._run(start, batch)
            start += batch.num_rows

    def _run(self, start: int, rows: pa.RecordBatch) -> Iterator[_Batch]:
        """Yield the images at once; where the graph fails on one of them, one by one."""
        try:
            pictures = self.encoder.pictures(rows)
        except tf.errors.OpError as error:
            if rows.num_rows == 1:
                self.bad[start] = self._reject(self.good[start], self.encoder.explain(error, rows))
                return
            for row in range(rows.num_rows):
                yield from self._run(start + row, rows.slice(row, 1))
        else:
            pixels = (output.picture.pixels for output in pictures.outputs)
            yield _Batch(start, rows, compute_appearance(pixels), pictures)

    def _reject(self, good: GoodImage, fault: str) -> Reject:
        """Return the reject of an image on which the graph fails; DataError where it is good."""
        if not good.image.converted:
            try:
                check_image(good.image.encoded, limits=self.limits, thorough=True)
            except BadImage as bad:
                return reject_of(good.ref, bad)
        raise DataError(f"{good.ref.path}: {fault}")


@dataclass(frozen=True)
class _Selector:
    """Assigns the images of a chunk to splits and selects among them, a batch at a time."""

    chunk: Chunk
    selection: RowSelection
    keys: tuple[Lane, Lane]
    lane: Lane

    def select(self, batch: _Batch) -> CleanBatch:
        """Return the selected rows of good images."""
        rows = with_appearances(batch.rows, batch.appearances)
        return self._select(rows, batch.start, ())

    def reject(self, rejects: Sequence[Reject], empty: pa.RecordBatch) -> CleanBatch:
        """Return a batch of rejects alone; `empty` is a batch without rows."""
        ordered = sorted(rejects, key=lambda reject: (reject.file, reject.line))
        return self._select(empty, 0, ordered)

    def _select(self, rows: pa.RecordBatch, start: int, rejects: Sequence[Reject]) -> CleanBatch:
        stop = start + rows.num_rows
        hi, lo = self.keys
        return select_rows(
            rows,
            positions=np.arange(start, stop, dtype=np.int64),
            keys=(hi[start:stop], lo[start:stop]),
            lane=self.lane[start:stop],
            rejects=rejects,
            split=self.chunk.split,
            file=self.chunk.source,
            records=rows.num_rows + len(rejects),
            selection=self.selection,
        )


def _encoded(
    encoder: ImageRecordEncoder, pictures: Pictures, cleaned: CleanBatch, start: int
) -> pa.RecordBatch:
    """Return the selected rows with the records of their pictures, the first of index `start`."""
    training = [cleaned.splits[index] == TRAINING for index in cleaned.split.tolist()]
    chosen = (cleaned.rows - start).tolist()  # indices in the batch, not in the chunk
    return encoded_rows(cleaned.batch, encoder.records(pictures, chosen=chosen, copies=training))


def _boxes_by_split(cleaned: CleanBatch, good: Sequence[GoodImage]) -> dict[str, BoxEvidence]:
    """Sum the evidence about the boxes of the selected images, by split."""
    return {
        split: sum(
            (
                BoxEvidence.of(good[index].ref, good[index].marks)
                for index in cleaned.rows[rows].tolist()
            ),
            BoxEvidence(),
        )
        for split, rows in cleaned.by_split()
    }


def _concat(parts: Sequence[CleanBatch]) -> CleanBatch:
    """Return all batches of a chunk, its rejects among them, as one."""
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
        formats=Counter(checked.image.format for checked in good),
        converted=Counter(checked.image.format for checked in good if checked.image.converted),
        without_end_marker=sum(checked.image.lacks_end_marker for checked in good),
        frames=FrameEvidence.sum(map(_frame_evidence, good)),
    )


def _frame_evidence(good: GoodImage) -> FrameEvidence:
    return evidence_of(good.ref, (good.image.width, good.image.height), good.image.orientation)
