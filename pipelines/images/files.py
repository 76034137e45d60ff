"""Read image files to rows: open -> check -> key.

The key of an image is a hash of its bytes, so copies of a file are adjacent and in the same split,
whatever their names.
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
    "with_appearances",
]

_APPEARANCE = ("brightness", "contrast", "mean_red", "mean_green", "mean_blue")


@dataclass(frozen=True)
class GoodImage:
    """Image that can be decoded.

    Attributes:
      ref: Image as it was listed.
      sha256: Digest of the bytes of the file.
      size: Size of the file, in bytes.
      image: Opened or checked image.
      boxes: Boxes relative to the upright image, clipped to it; float32, [n, 4].
      marks: Marks of doubtful boxes.
    """

    ref: ImageRef
    sha256: bytes
    size: int
    image: OpenedImage
    boxes: npt.NDArray[np.float32]
    marks: BoxMarks


@dataclass(frozen=True)
class FileRead:
    """Bytes of a file, and their SHA-256."""

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
    """Check the bytes, the class and the boxes of an image.

    Args:
      ref: Image as it was listed.
      file: Bytes of the file, by `read_file`.
      schema: Schema of the images.
      limits: Limits of size.
      check: `open_image` or `check_image`.
      frame: Frame of its boxes: "upright" or "stored".

    Raises:
      BadImage: The file is not a usable image, or its class or boxes are wrong.
    """
    check_bytes(ref.size_bytes, limits)
    _check_classes(ref, schema)
    image = check(file.data, limits=limits)
    boxes, size = _boxes(ref, image, frame)
    return GoodImage(ref, file.sha256, len(file.data), image, boxes, box_marks(ref, size))


def read_file(ref: ImageRef, limits: ImageLimits) -> FileRead:
    """Read the bytes of a file, at most one more than the limit or its listed size.

    Raises:
      DataError: The file cannot be read, or its size is not the one that was listed.
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
    """Return a digest of the name and the bytes of an image, as an integer."""
    return int.from_bytes(hashlib.sha256(ref.name.encode() + b"\0" + sha256).digest(), "big")


def reject_of(ref: ImageRef, bad: BadImage) -> Reject:
    """Return the reject of a bad image: at its own path, or at the line of its bad annotation."""
    in_annotation = bad.reason in ("bad_box", "not_in_domain")
    file, line = (ref.source, ref.line) if in_annotation else (ref.path, 1)
    return Reject(file, line, None, bad.reason, bad.message, ref.path)


def _check_classes(ref: ImageRef, schema: ImageSchema) -> None:
    """Raise BadImage for a class that is not in the schema, or is missing."""
    names = ref.classes if schema.kind == "detection" else (ref.label or "",)
    for name in names:
        if name not in schema.classes:
            classes = ", ".join(f'"{class_}"' for class_ in schema.classes)
            got = json.dumps(name, ensure_ascii=False)
            raise BadImage("not_in_domain", f"{ref.name}: expected a class of {classes}, got {got}")


def _boxes(
    ref: ImageRef, image: OpenedImage, frame: str
) -> tuple[npt.NDArray[np.float32], tuple[int, int]]:
    """Return the upright, relative, clipped boxes of an image, and the size of their frame."""
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
    """Return the size of the frame of the boxes; raise BadImage if the annotation states another.

    It may state the size of the upright or of the stored picture, whatever the frame of its boxes.
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
    """Convert the further columns; return values and images without bad ones, and the rejects."""
    bad: dict[int, Reject] = {}
    arrays = []
    for index, column in enumerate(schema.further):
        texts = [image.ref.values[index] for image in good]
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
    rows = [row for row in range(len(good)) if row not in bad]
    arrays = [array.take(pa.array(rows, pa.int64())) for array in arrays]
    return arrays, [good[row] for row in rows], list(bad.values())


def as_rows(
    good: Sequence[GoodImage], values: Sequence[pa.Array], schema: ImageSchema
) -> pa.RecordBatch:
    """Return rows of `ImageSchema.arrow_schema()`, without the appearance of the images.

    Args:
      good: Images, one a row.
      values: Values of the further columns, by `further_values`.
      schema: Schema of the images.
    """
    arrow = schema.arrow_schema()
    columns: dict[str, Any] = {
        IMAGE: [file.image.encoded for file in good],
        "filename": [file.ref.name for file in good],
        "sha256": [file.sha256.hex() for file in good],
        "bytes": [file.size for file in good],
        LABEL: [file.ref.label for file in good],
        BOXES: [file.boxes.tolist() for file in good],
        BOX_LABELS: [list(file.ref.classes) for file in good],
    }
    for name in ("format", "width", "height"):
        columns[name] = [getattr(file.image, name) for file in good]
    columns |= {name: pa.nulls(len(good), pa.float32()) for name in _APPEARANCE}
    columns |= {column.name: array for column, array in zip(schema.further, values, strict=True)}
    return pa.RecordBatch.from_arrays(
        [_array(columns[field.name], field.type) for field in arrow], schema=arrow
    )


def with_appearances(rows: pa.RecordBatch, appearances: Iterable[Appearance]) -> pa.RecordBatch:
    """Return rows with the appearance of their images."""
    values = list(appearances)
    columns = dict(zip(rows.schema.names, rows.columns, strict=True))
    for name in _APPEARANCE:
        columns[name] = pa.array([getattr(value, name) for value in values], pa.float32())
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=rows.schema)


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    if not pa.types.is_dictionary(kind):
        return values if isinstance(values, pa.Array) else pa.array(values, kind)
    texts = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    return texts.dictionary_encode()


def keys_of(good: list[GoodImage], seed: int) -> tuple[Lane, Lane]:
    """Return both lanes of the keys: of the bytes of the file, and of its name and annotation."""
    salt = mix64(np.array([seed & (2**64 - 1)], np.uint64))
    return (
        mix64(_lane([image.sha256 for image in good]) ^ salt),
        mix64(_lane([_annotation_digest(image) for image in good]) ^ salt),
    )


def _annotation_digest(image: GoodImage) -> bytes:
    ref = image.ref
    content = [ref.name, ref.label, image.boxes.tolist(), ref.classes, ref.values]
    return hashlib.sha256(json.dumps(content).encode()).digest()


def split_lane(good: Sequence[GoodImage]) -> Lane:
    """Return the hash that decides the split of each image: of its group, or else of its bytes."""
    return _lane(
        [hashlib.sha256(image.ref.group.encode() or image.sha256).digest() for image in good]
    )


def _lane(digests: Sequence[bytes]) -> Lane:
    return np.array([int.from_bytes(digest[:8], "little") for digest in digests], np.uint64)
