"""A chunk of image files into checked rows with keys: open -> check -> key -> choose.

The key of an image is a hash of its bytes, so copies of a file stand beside each other and in one
split, whatever they are called. Nothing here makes pixels for good: the rows carry the encoded
bytes, which the transform graph decodes as a server does.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..schemas.images import BOX_LABELS, BOXES, IMAGE, LABEL, ImageSchema
from ..transforms.orientation import upright_boxes
from . import files
from .clean import Cleaned, choose
from .convert import Reason, convert
from .elements import Reject
from .image_check import BadImage, CheckedImage, Limits, check_bytes, check_image
from .image_near import Look
from .image_options import Images
from .image_refs import ImageRef, Listing
from .keys import Lane, mix64
from .read import Input
from .recipe import Recipe

__all__ = ["Chunk", "ChunkRead", "Tally", "chunks", "read_chunk"]

_CHUNK_IMAGES = 64
_CHUNK_BYTES = 4 << 20
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
    """

    records: int = 0
    bytes: int = 0
    digest: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    converted: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.records + other.records,
            self.bytes + other.bytes,
            (self.digest + other.digest) % _DIGEST,
            self.formats + other.formats,
            self.converted + other.converted,
        )


def chunks(place: int, one: Input, listing: Listing) -> Iterator[Chunk]:
    """The images of an input, up to 64 and 4 MB at a time, or one larger image."""
    held: list[ImageRef] = []
    size = index = 0
    rejects = listing.rejects
    for ref in listing.images:
        if held and (len(held) == _CHUNK_IMAGES or size + ref.size_bytes > _CHUNK_BYTES):
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
      tally: What was read.
      hashes: The difference hash of each image that was good, before some were left out; -1 where
        it is too flat to tell.
    """

    cleaned: Cleaned
    tally: Tally
    hashes: Sequence[int]

    def looks(self) -> Iterator[Look]:
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
                yield Look(
                    split,
                    tuple(names[row] for row in chosen),
                    tuple(digests[row] for row in chosen),
                    cleaned.lo[chosen],
                    np.array([self.hashes[cleaned.rows[row]] for row in chosen], np.uint64),
                )


@dataclass(frozen=True)
class _Good:
    """An image that can be decoded.

    Attributes:
      ref: As it was listed.
      sha256: Of the bytes of the file.
      size: Of the file, in bytes.
      image: What was found of it.
      boxes: Relative to the upright image, inside it; float32 [n, 4].
    """

    ref: ImageRef
    sha256: bytes
    size: int
    image: CheckedImage
    boxes: npt.NDArray[np.float32]


def read_chunk(chunk: Chunk, recipe: Recipe, schema: ImageSchema, images: Images) -> ChunkRead:
    """Reads and checks the images of a chunk; those that are bad become rejects."""
    good: list[_Good] = []
    rejects = list(chunk.rejects)
    tally = Tally(records=len(chunk.rejects))
    for ref in chunk.images:
        data = _read(ref, images.limits)
        sha256 = hashlib.sha256(data).digest()
        tally += Tally(1, ref.size_bytes, _digest(ref, sha256))
        try:
            check_bytes(ref.size_bytes, images.limits)
            _check_classes(ref, schema)
            image = check_image(data, limits=images.limits)
            good.append(_Good(ref, sha256, len(data), image, _boxes(ref, image)))
        except BadImage as bad:
            rejects.append(_reject(ref, bad))
    values, good, bad_values = _further(good, schema)
    rejects += bad_values
    tally += Tally(
        formats=Counter(one.image.format for one in good),
        converted=Counter(one.image.format for one in good if one.image.converted),
    )
    cleaned = choose(
        _batch(good, values, schema),
        places=np.arange(len(good), dtype=np.int64),
        keys=_keys(good, recipe.seed),
        lane=_lane([_decides(one) for one in good]),
        rejects=sorted(rejects, key=lambda reject: (reject.file, reject.line)),
        split=chunk.split,
        file=chunk.source,
        records=len(chunk.images) + len(chunk.rejects),
        splitting=recipe.split,
        seed=recipe.seed,
        filters=recipe.filters,
        sampling=recipe.sampling,
    )
    hashes = [_NO_HASH if one.image.dhash is None else one.image.dhash for one in good]
    return ChunkRead(cleaned, tally, hashes)


def _read(ref: ImageRef, limits: Limits) -> bytes:
    """The bytes of a file; of one beyond the limit no more than show that."""
    with files.read(ref.path) as file:
        return bytes(file.read(limits.max_bytes + 1))


def _digest(ref: ImageRef, sha256: bytes) -> int:
    return int.from_bytes(hashlib.sha256(ref.name.encode() + b"\0" + sha256).digest(), "big")


def _reject(ref: ImageRef, bad: BadImage) -> Reject:
    """A bad image under its own path, or the line of the annotation that is wrong of it."""
    of_annotation = bad.reason in ("bad_box", "not_in_domain")
    file, line = (ref.source, ref.line) if of_annotation else (ref.path, 1)
    return Reject(file, line, None, bad.reason, bad.message, ref.path)


def _check_classes(ref: ImageRef, schema: ImageSchema) -> None:
    """Raises BadImage where a class is none of the schema's, or there is none."""
    named = ref.classes if schema.kind == "detection" else (ref.label or "",)
    for name in named:
        if name not in schema.classes:
            known = ", ".join(f'"{one}"' for one in schema.classes)
            shown = json.dumps(name, ensure_ascii=False)
            raise BadImage("not_in_domain", f"{ref.name}: expected a class of {known}, got {shown}")


def _boxes(ref: ImageRef, image: CheckedImage) -> npt.NDArray[np.float32]:
    """The boxes of an image, upright, relative and clipped to it.

    They count in the pixels of the frame whose size the annotation states: the upright one, or
    the one as stored, before EXIF turns it. Where it states none, or both are of one size, they
    are in the stored one.
    """
    if not ref.boxes:
        return np.zeros((0, 4), np.float32)
    turned = image.orientation >= 5
    width, height = (image.height, image.width) if turned else (image.width, image.height)
    upright = turned and width != height and ref.stated_size == (image.width, image.height)
    if upright:
        width, height = image.width, image.height
    if ref.stated_size not in (None, (width, height)):
        raise BadImage(
            "bad_box",
            f"{ref.name}: its boxes are stated for a picture of {ref.stated_size[0]} x "
            f"{ref.stated_size[1]} pixels, and it has {width} x {height}",
        )
    boxes = np.array(ref.boxes, np.float64) / (height, width, height, width)
    clipped = np.clip(boxes, 0, 1)
    empty = (clipped[:, 2] <= clipped[:, 0]) | (clipped[:, 3] <= clipped[:, 1])
    if empty.any():
        ymin, xmin, ymax, xmax = ref.boxes[int(empty.argmax())]
        raise BadImage(
            "bad_box",
            f"{ref.name}: expected boxes inside its {width} x {height} pixels, got xmin {xmin:g}, "
            f"ymin {ymin:g}, xmax {xmax:g}, ymax {ymax:g}",
        )
    orientation = 1 if upright else image.orientation
    return np.asarray(upright_boxes(clipped.astype(np.float32), orientation), np.float32)


def _further(
    good: list[_Good], schema: ImageSchema
) -> tuple[list[pa.Array], list[_Good], list[Reject]]:
    """The values of the further columns, the images that have them all good, and the rejects."""
    bad: dict[int, Reject] = {}
    arrays = []
    for index, column in enumerate(schema.further):
        texts = [one.ref.values[index] for one in good]
        values = convert(pa.array(texts, pa.string()), column)
        arrays.append(values.good)
        for row in np.flatnonzero(values.reasons).tolist():
            ref = good[row].ref
            shown = json.dumps(texts[row].strip(), ensure_ascii=False)
            message = f"expected {column.expectation()}, got {shown}"
            reason = Reason(values.reasons[row]).name.lower()
            bad.setdefault(
                row, Reject(ref.source, ref.line, column.name, reason, message, ref.path)
            )
    if not bad:
        return arrays, good, []
    kept = [row for row in range(len(good)) if row not in bad]
    taken = [array.take(pa.array(kept, pa.int64())) for array in arrays]
    return taken, [good[row] for row in kept], list(bad.values())


def _batch(good: list[_Good], values: list[pa.Array], schema: ImageSchema) -> pa.RecordBatch:
    arrow = schema.arrow_schema()
    columns: dict[str, Any] = {
        IMAGE: [one.image.encoded for one in good],
        "filename": [one.ref.name for one in good],
        "sha256": [one.sha256.hex() for one in good],
        "bytes": [one.size for one in good],
        LABEL: [one.ref.label for one in good],
        BOXES: [one.boxes.tolist() for one in good],
        BOX_LABELS: [list(one.ref.classes) for one in good],
    }
    for name in ("format", "width", "height", "brightness", "contrast"):
        columns[name] = [getattr(one.image, name) for one in good]
    for name in ("mean_red", "mean_green", "mean_blue"):
        columns[name] = [getattr(one.image, name) for one in good]
    columns |= {column.name: array for column, array in zip(schema.further, values, strict=True)}
    return pa.RecordBatch.from_arrays(
        [_array(columns[one.name], one.type) for one in arrow], schema=arrow
    )


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    if not pa.types.is_dictionary(kind):
        return values if isinstance(values, pa.Array) else pa.array(values, kind)
    texts = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    return texts.dictionary_encode()


def _keys(good: list[_Good], seed: int) -> tuple[Lane, Lane]:
    """Both lanes: of the bytes of the file, and of all else that is known of the image."""
    salt = mix64(np.array([seed & (2**64 - 1)], np.uint64))
    return (
        mix64(_lane([one.sha256 for one in good]) ^ salt),
        mix64(_lane([_rest(one) for one in good]) ^ salt),
    )


def _rest(one: _Good) -> bytes:
    ref = one.ref
    told = [ref.name, ref.label, one.boxes.tolist(), ref.classes, ref.values]
    return hashlib.sha256(json.dumps(told).encode()).digest()


def _decides(one: _Good) -> bytes:
    """The digest of what decides the split of an image: its group, or else its bytes."""
    return hashlib.sha256(one.ref.group.encode() or one.sha256).digest()


def _lane(digests: Sequence[bytes]) -> Lane:
    return np.array([int.from_bytes(digest[:8], "little") for digest in digests], np.uint64)
