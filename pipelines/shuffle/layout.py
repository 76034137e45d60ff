"""`BucketLayout`: how many buckets rows go to, and how the rows of a bucket are cut into batches.

Both depend on the rows alone, so neither the sums nor the shards depend on files, blocks, runner
or workers.
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
"""The columns that carry the two lanes of a row's 128-bit key between clean and shuffle."""

FILE, LINE = "__recordmill_file", "__recordmill_line"
"""The columns that tell where each row of a table is from, from clean on: path, and line from 1.

What is made of rows does not depend on them."""

ENCODED_BYTES = "__encoded_bytes"
"""The column of how large the image was in rows that carry its records in its place."""

RECORDS = "__records"
"""The column of the records of each image."""

BATCH_ROWS = 32_768
"""Rows in a batch of a table's bucket; the last one may be shorter."""

_BATCH_IMAGES = 32
_BATCH_PIXELS = 1 << 24

_MOST_COLUMNS = 256
"""Further columns of a table weigh nothing: what a bucket costs a column wants enough rows."""

_FEW_BUCKETS = 8
MAX_BUCKETS = 1024
"""A split has no more buckets, whatever its weight."""


@dataclass(frozen=True)
class BucketLayout:
    """How rows are laid out. Its functions are top-level ones, so it pickles.

    Attributes:
      weigh: The weight of some rows with their keys: a sum over the rows.
      cut: Cuts the rows of a bucket, in canonical order and without keys, into batches.
      small: The weight of a bucket while there are few, so that few rows make work for several
        threads.
      large: The weight of a bucket once there are 8 of them.
      equal: The key columns that a row and its repeats share.
    """

    weigh: Callable[[pa.RecordBatch], int]
    cut: Callable[[pa.RecordBatch], Iterator[pa.RecordBatch]]
    small: int
    large: int
    equal: tuple[str, ...] = KEY

    def buckets(self, weight: int) -> int:
        """The number of buckets of a split: a power of two, from the weight of its rows.

        Beyond 1,024 buckets, buckets grow.

        >>> [TABLE.buckets(rows * 15) for rows in (0, 32_561, 2_083_904)]
        [1, 2, 32]
        """
        wanted = max(-(-weight // self.large), min(-(-weight // self.small), _FEW_BUCKETS), 1)
        return int(min(1 << (wanted - 1).bit_length(), MAX_BUCKETS))


def _values(rows: pa.RecordBatch) -> int:
    ours = sum(name in (*KEY, FILE, LINE) for name in rows.schema.names)
    return int(rows.num_rows * min(rows.num_columns - ours, _MOST_COLUMNS))


def _cut_rows(rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    for start in range(0, rows.num_rows, BATCH_ROWS):
        yield rows.slice(start, BATCH_ROWS)


def _encoded_bytes(rows: pa.RecordBatch) -> int:
    return int(pc.sum(pc.binary_length(rows.column(IMAGE))).as_py() or 0)


def _bytes_there_were(rows: pa.RecordBatch) -> int:
    return int(pc.sum(rows.column(ENCODED_BYTES)).as_py() or 0)


def _record_bytes(rows: pa.RecordBatch) -> int:
    return int(pc.sum(pc.binary_length(rows.column(RECORDS).flatten())).as_py() or 0)


def _whole(rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    if rows.num_rows:
        yield rows


def _cut_images(rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Batches of at most 32 images, and of 2^24 pixels once decoded, or of one larger image."""
    pixels = np.multiply(*(rows.column(name).to_numpy() for name in ("width", "height")))
    start, held = 0, 0
    for row, size in enumerate(pixels.tolist()):
        if row > start and (held + size > _BATCH_PIXELS or row - start == _BATCH_IMAGES):
            yield rows.slice(start, row - start)
            start, held = row, 0
        held += size
    if rows.num_rows:
        yield rows.slice(start)


TABLE = BucketLayout(_values, _cut_rows, small=1 << 18, large=1 << 20)
"""Weighs values: rows times columns, of which 256 count."""

IMAGES = BucketLayout(_encoded_bytes, _cut_images, small=1 << 20, large=1 << 23, equal=KEY[:1])
"""Weighs the bytes of the encoded images; files of the same bytes are repeats."""

TILED_IMAGES = replace(IMAGES, large=IMAGES.large // 2)
"""Where an image becomes several records: those of a bucket are held, to be ordered."""

ENCODED_IMAGES = replace(IMAGES, weigh=_record_bytes, cut=_whole)
"""Where the records of images stand in place of their bytes: weighs the bytes of the records."""

ENCODED_TILES = replace(TILED_IMAGES, weigh=_bytes_there_were, cut=_whole)
"""The same buckets as `TILED_IMAGES`: their records have an order of their own in each."""
