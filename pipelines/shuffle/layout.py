"""`BucketLayout`: the number of buckets of a split, and the batches of a bucket.

Both depend on the rows alone, so neither sums nor shards depend on files, blocks, runner or
workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.images import IMAGE

__all__ = [
    "BATCH_ROWS",
    "ENCODED_BYTES",
    "TILED_IMAGES",
    "FILE",
    "IMAGES",
    "KEY",
    "LINE",
    "MAX_BUCKETS",
    "ENCODED_IMAGES",
    "ENCODED_TILES",
    "RECORDS",
    "TABLE",
    "BucketLayout",
]

KEY = ("__key_hi", "__key_lo")
"""Columns with the two lanes of the 128-bit key of a row, between clean and shuffle."""

FILE, LINE = "__recordmill_file", "__recordmill_line"
"""Columns with the origin of each row of a table, from clean on: path, and line from 1.

They are for messages; no output depends on them."""

ENCODED_BYTES = "__encoded_bytes"
"""Column with the size of the image file, in rows that contain records instead of its bytes."""

RECORDS = "__records"
"""Column with the records of each image."""

BATCH_ROWS = 32_768
"""Rows in a batch of a table's bucket; the last batch may be shorter."""

_BATCH_IMAGES = 32
_BATCH_PIXELS = 1 << 24

_MAX_WEIGHED_COLUMNS = 256
"""Further columns of a table weigh nothing: a bucket has a cost for each column, which only pays
with enough rows."""

_FEW_BUCKETS = 8
MAX_BUCKETS = 1024
"""Largest number of buckets of a split, whatever its weight."""


@dataclass(frozen=True)
class BucketLayout:
    """Sizes of buckets and batches. Its functions are top-level ones, so it pickles.

    Attributes:
      weigh: Returns the weight of some rows with their keys: a sum over the rows.
      cut: Cuts the rows of a bucket, in canonical order and without keys, into batches.
      small: Weight of a bucket while there are less than 8, so that few rows are work for several
        threads.
      large: Weight of a bucket once there are 8.
      equal: Key columns that a row and its repeats share.
    """

    weigh: Callable[[pa.RecordBatch], int]
    cut: Callable[[pa.RecordBatch], Iterator[pa.RecordBatch]]
    small: int
    large: int
    equal: tuple[str, ...] = KEY

    def buckets(self, weight: int) -> int:
        """Return the number of buckets of a split, a power of two, from the weight of its rows.

        There are never more than 1,024; heavier splits have larger buckets.

        >>> [TABLE.buckets(rows * 15) for rows in (0, 32_561, 2_083_904)]
        [1, 2, 32]
        """
        count = max(-(-weight // self.large), min(-(-weight // self.small), _FEW_BUCKETS), 1)
        return int(min(1 << (count - 1).bit_length(), MAX_BUCKETS))


def _values(rows: pa.RecordBatch) -> int:
    internal = sum(name in (*KEY, FILE, LINE) for name in rows.schema.names)
    return int(rows.num_rows * min(rows.num_columns - internal, _MAX_WEIGHED_COLUMNS))


def _cut_rows(rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    for start in range(0, rows.num_rows, BATCH_ROWS):
        yield rows.slice(start, BATCH_ROWS)


def _encoded_bytes(rows: pa.RecordBatch) -> int:
    return int(pc.sum(pc.binary_length(rows.column(IMAGE))).as_py() or 0)


def _image_bytes(rows: pa.RecordBatch) -> int:
    return int(pc.sum(rows.column(ENCODED_BYTES)).as_py() or 0)


def _record_bytes(rows: pa.RecordBatch) -> int:
    return int(pc.sum(pc.binary_length(rows.column(RECORDS).flatten())).as_py() or 0)


def _as_one_batch(rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    if rows.num_rows:
        yield rows


def _cut_images(rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Yield batches of at most 32 images and 2^24 decoded pixels, or of a single larger image."""
    pixels = np.multiply(*(rows.column(name).to_numpy() for name in ("width", "height")))
    start, batch_pixels = 0, 0
    for row, size in enumerate(pixels.tolist()):
        if row > start and (batch_pixels + size > _BATCH_PIXELS or row - start == _BATCH_IMAGES):
            yield rows.slice(start, row - start)
            start, batch_pixels = row, 0
        batch_pixels += size
    if rows.num_rows:
        yield rows.slice(start)


TABLE = BucketLayout(_values, _cut_rows, small=1 << 18, large=1 << 20)
"""Weighs values: rows times columns, 256 at most."""

IMAGES = BucketLayout(_encoded_bytes, _cut_images, small=1 << 20, large=1 << 23, equal=KEY[:1])
"""Weighs the bytes of the encoded images; files of the same bytes are repeats."""

TILED_IMAGES = replace(IMAGES, large=IMAGES.large // 2)
"""For images that become several records: a bucket's are in memory at once, to be sorted."""

ENCODED_IMAGES = replace(IMAGES, weigh=_record_bytes, cut=_as_one_batch)
"""For rows that contain records instead of the bytes of images: weighs the bytes of records."""

ENCODED_TILES = replace(TILED_IMAGES, weigh=_image_bytes, cut=_as_one_batch)
"""As `ENCODED_IMAGES`, with the buckets of `TILED_IMAGES`, inside which records are sorted."""
