"""Image files into rows with what is known of them: open -> check -> key.

The key of an image is a hash of its bytes, so copies of a file stand beside each other and in one
split, whatever they are called.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...schemas.errors import DataError
from ...schemas.images import BOX_LABELS, BOXES, IMAGE, LABEL, ImageSchema
from ...transforms._ops.orientation import upright_boxes
from ..config.image_limits import ImageLimits
from ..runtime import filesystem as files
from ..runtime.elements import Reject
from ..selection.convert import Reason, convert
from ..shuffle.fingerprint import Lane, mix64
from .annotations.refs import ImageRef
from .appearance import Appearance
from .boxes.frames import stored_size
from .boxes.marks import BoxMarks, box_marks, clip_to_picture
from .check import BadImage, OpenedImage, check_bytes

__all__ = [
    "FileRead",
    "GoodImage",
    "as_rows",
    "digest_of",
    "further_values",
    "keys_of",
    "open_file",
    "read_file",
    "reject_of",
    "split_lane",
    "with_looks",
]

_LOOKS = ("brightness", "contrast", "mean_red", "mean_green", "mean_blue")


@dataclass(frozen=True)
class GoodImage:
    """An image that can be decoded.

    Attributes:
      ref: As it was listed.
      sha256: Of the bytes of the file.
      size: Of the file, in bytes.
      image: What was found of it.
      boxes: Relative to the upright image, inside it; float32 [n, 4].
      marks: What is doubtful of them.
    """

    ref: ImageRef
    sha256: bytes
    size: int
    image: OpenedImage
    boxes: npt.NDArray[np.float32]
    marks: BoxMarks


@dataclass(frozen=True)
class FileRead:
    """The bytes of a file, and their SHA-256."""

    data: bytes
    sha256: bytes


def open_file(
    ref: ImageRef,
    file: FileRead,
    schema: ImageSchema,
    *,
    limits: ImageLimits,
    check: Callable[..., OpenedImage],
    frame: str = "stored",
) -> GoodImage:
    """A file as an image that can be used.

    Args:
      ref: As it was listed.
      file: What `read_file` gave of it.
      schema: What it has to have.
      limits: What is too large.
      check: `open_image` or `check_image`.
      frame: That of its boxes: "upright" or "stored".

    Raises:
      BadImage: It is none, or its class or boxes are wrong.
    """
    check_bytes(ref.size_bytes, limits)
    _check_classes(ref, schema)
    image = check(file.data, limits=limits)
    boxes, size = _boxes(ref, image, frame)
    return GoodImage(ref, file.sha256, len(file.data), image, boxes, box_marks(ref, size))


def read_file(ref: ImageRef, limits: ImageLimits) -> FileRead:
    """The bytes of a file; of one beyond the limit no more than show that.

    Raises:
      DataError: It cannot be read, or its size is not the one that was listed.
    """
    expected = min(ref.size_bytes, limits.max_bytes + 1)
    with files.read(ref.path) as file:
        data = file.read(min(ref.size_bytes, limits.max_bytes) + 1)
    if len(data) != expected:
        got = "more" if len(data) > expected else f"{len(data):,}"
        raise DataError(
            f"{ref.path}: the file changed while it was read: expected the {ref.size_bytes:,} "
            f"bytes that were listed, got {got}. Run again when nothing writes to it."
        )
    return FileRead(data, hashlib.sha256(data).digest())


def digest_of(ref: ImageRef, sha256: bytes) -> int:
    """The digest of the name and the bytes of an image."""
    return int.from_bytes(hashlib.sha256(ref.name.encode() + b"\0" + sha256).digest(), "big")


def reject_of(ref: ImageRef, bad: BadImage) -> Reject:
    """A bad image under its own path, or the line of the annotation that is wrong of it."""
    of_annotation = bad.reason in ("bad_box", "not_in_domain")
    file, line = (ref.source, ref.line) if of_annotation else (ref.path, 1)
    return Reject(file, line, None, bad.reason, bad.message, ref.path)


def _check_classes(ref: ImageRef, schema: ImageSchema) -> None:
    """Raise BadImage where a class is none of the schema's, or there is none."""
    named = ref.classes if schema.kind == "detection" else (ref.label or "",)
    for name in named:
        if name not in schema.classes:
            known = ", ".join(f'"{one}"' for one in schema.classes)
            shown = json.dumps(name, ensure_ascii=False)
            raise BadImage("not_in_domain", f"{ref.name}: expected a class of {known}, got {shown}")


def _boxes(
    ref: ImageRef, image: OpenedImage, frame: str
) -> tuple[npt.NDArray[np.float32], tuple[int, int]]:
    """The boxes of an image, upright, relative and clipped to it; and the size of their frame."""
    if not ref.boxes:
        return np.zeros((0, 4), np.float32), (image.width, image.height)
    width, height = _frame_size(ref, image, frame)
    clipped = clip_to_picture(ref, (width, height))
    empty = (clipped[:, 2] <= clipped[:, 0]) | (clipped[:, 3] <= clipped[:, 1])
    if empty.any():
        ymin, xmin, ymax, xmax = ref.boxes[int(empty.argmax())]
        relative = ref.box_format.units == "relative"
        inside = "0 to 1, relative to" if relative else "its"
        raise BadImage(
            "bad_box",
            f"{ref.name}: expected boxes inside {inside} {width} x {height} pixels, got xmin "
            f"{xmin:g}, ymin {ymin:g}, xmax {xmax:g}, ymax {ymax:g}",
        )
    orientation = 1 if frame == "upright" else image.orientation
    boxes = upright_boxes(clipped.astype(np.float32), orientation)
    return np.asarray(boxes, np.float32), (width, height)


def _frame_size(ref: ImageRef, image: OpenedImage, frame: str) -> tuple[int, int]:
    """The size of the picture that boxes are of; BadImage where the annotation states another.

    It may state that of the upright picture or that of the stored one, whichever boxes are of.
    """
    upright = (image.width, image.height)
    stored = stored_size(upright, image.orientation)
    if ref.stated_size not in (None, upright, stored):
        raise BadImage(
            "bad_box",
            f"{ref.name}: its boxes are stated for a picture of {ref.stated_size[0]} x "
            f"{ref.stated_size[1]} pixels, and it has {stored[0]} x {stored[1]}",
        )
    return upright if frame == "upright" else stored


def further_values(
    good: list[GoodImage], schema: ImageSchema
) -> tuple[list[pa.Array], list[GoodImage], list[Reject]]:
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


def as_rows(
    good: Sequence[GoodImage], values: Sequence[pa.Array], schema: ImageSchema
) -> pa.RecordBatch:
    """Rows of `ImageSchema.arrow_schema()`; what the images look like is not known yet.

    Args:
      good: The images.
      values: Of the further columns, as `further_values` gives them.
      schema: What they have.
    """
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
    for name in ("format", "width", "height"):
        columns[name] = [getattr(one.image, name) for one in good]
    columns |= {name: pa.nulls(len(good), pa.float32()) for name in _LOOKS}
    columns |= {column.name: array for column, array in zip(schema.further, values, strict=True)}
    return pa.RecordBatch.from_arrays(
        [_array(columns[one.name], one.type) for one in arrow], schema=arrow
    )


def with_looks(rows: pa.RecordBatch, looks: Iterable[Appearance]) -> pa.RecordBatch:
    """The rows, and what their images look like."""
    of_all = list(looks)
    columns = dict(zip(rows.schema.names, rows.columns, strict=True))
    for name in _LOOKS:
        columns[name] = pa.array([getattr(one, name) for one in of_all], pa.float32())
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=rows.schema)


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    if not pa.types.is_dictionary(kind):
        return values if isinstance(values, pa.Array) else pa.array(values, kind)
    texts = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    return texts.dictionary_encode()


def keys_of(good: list[GoodImage], seed: int) -> tuple[Lane, Lane]:
    """Both lanes: of the bytes of the file, and of all else that is known of the image."""
    salt = mix64(np.array([seed & (2**64 - 1)], np.uint64))
    return (
        mix64(_lane([one.sha256 for one in good]) ^ salt),
        mix64(_lane([_rest(one) for one in good]) ^ salt),
    )


def _rest(one: GoodImage) -> bytes:
    ref = one.ref
    told = [ref.name, ref.label, one.boxes.tolist(), ref.classes, ref.values]
    return hashlib.sha256(json.dumps(told).encode()).digest()


def split_lane(good: Sequence[GoodImage]) -> Lane:
    """A hash of what decides the split of each image."""
    return _lane([_decides(one) for one in good])


def _decides(one: GoodImage) -> bytes:
    """The digest of what decides the split of an image: its group, or else its bytes."""
    return hashlib.sha256(one.ref.group.encode() or one.sha256).digest()


def _lane(digests: Sequence[bytes]) -> Lane:
    return np.array([int.from_bytes(digest[:8], "little") for digest in digests], np.uint64)
