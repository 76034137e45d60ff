"""Elements that flow between the stages, and the interfaces that several stages share.

ScannedFile       a file, counted and cut into byte ranges                    scan -> ingest
FileFragment      the byte ranges of a file that one worker reads             scan -> parse
TextBatch         the rows of one byte range of a file, as text, with lines   parse -> clean
Reject            a rejected record, and the reason                           ingest -> publish
Bucket            the cleaned rows of one range of keys, in canonical order   shuffle -> the rest
Fold              a computation in one pass over a bucket                     profile, analyze
RawTensorAdapter  makes the tensors of a batch of rows                        analyze, transform
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    import tensorflow as tf

    from .checksums import Checksums
    from .decompress import Compression

__all__ = [
    "TextBatch",
    "Bucket",
    "RawTensorAdapter",
    "FileFormat",
    "FileFragment",
    "Fold",
    "InputFile",
    "Reject",
    "ScannedFile",
    "StatisticsFold",
    "ByteRange",
]

FileFormat = Literal["csv", "parquet"]


@dataclass(frozen=True)
class InputFile:
    """A file to read.

    Attributes:
      path: Path as the user wrote it, globs expanded.
      split: Split that its rows belong to; None where a hash of the row decides.
      index: Index among the inputs, from 0.
    """

    path: str
    split: str | None
    index: int


@dataclass(frozen=True)
class ByteRange:
    """A range of complete records of one file.

    Attributes:
      index: Index in the file, from 0.
      offset: Byte offset in the decompressed text; for Parquet, the number of records before it.
      size: Size in bytes, decompressed; for Parquet, its share of the decompressed size of the
        columns that are read.
      line: Physical line of its first record, from 1; for Parquet, the number of that record,
        from 1.
      lines: Number of physical lines; for Parquet, of records.
      records: Number of records, at least one. Blank lines and comment lines do not count.
      row_group: For Parquet, the index of its row group, from 0.
      stored: For Parquet, the byte offsets in the file where that row group begins and ends.
    """

    index: int
    offset: int
    size: int
    line: int
    lines: int
    records: int
    row_group: int = 0
    stored: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class ScannedFile:
    """A file as the scan measured it.

    Attributes:
      file: The file.
      compression: Compression of a CSV, detected by content: "", "gzip" or "bzip2".
      size: Size as stored, in bytes.
      sha256: SHA-256 of the stored bytes, in hex.
      records: Number of records, without the header.
      blank_lines: Number of empty lines.
      comment_lines: Number of comment lines.
      byte_ranges: Byte ranges that cover all records, in order.
      checksums: Checksums of the stored bytes.
      format: Format, detected by content.
    """

    file: InputFile
    compression: Compression
    size: int
    sha256: str
    records: int
    blank_lines: int
    comment_lines: int
    byte_ranges: tuple[ByteRange, ...]
    checksums: Checksums = field(repr=False)
    format: FileFormat = "csv"


@dataclass(frozen=True)
class FileFragment:
    """The unit of parsing: byte ranges of a file that one worker reads.

    A plain CSV has one range in each fragment. A compressed CSV can only be read from its start,
    so one fragment has all its ranges. A row group of Parquet is decoded as a unit, so its ranges
    share a fragment too.

    Attributes:
      file: The file.
      compression: As in `ScannedFile`.
      byte_ranges: Byte ranges, in order.
      checksums: Checksums of the stored bytes that contain them.
      format: As in `ScannedFile`.
    """

    file: InputFile
    compression: Compression
    byte_ranges: tuple[ByteRange, ...]
    checksums: Checksums = field(repr=False)
    format: FileFormat = "csv"


@dataclass(frozen=True)
class Reject:
    r"""A rejected record.

    Attributes:
      file: Path of the file.
      line: Physical line the record begins on, from 1; for Parquet, the number of the record.
      column: Name of the bad column, or None where the whole record is bad.
      reason: Short slug that the ledger counts by, such as "not_an_integer".
      message: Text that names the expected and the actual value.
      raw: The record as it stands in the file, with undecodable bytes as `\xNN`, cut to 10,000
        characters; for Parquet, the texts of the columns that are read, as JSON.
    """

    file: str
    line: int
    column: str | None
    reason: str
    message: str
    raw: str

    def __str__(self) -> str:
        column = f' column "{self.column}":' if self.column else ""
        return f"{self.file}:{self.line}:{column} {self.message}"


@dataclass(frozen=True)
class TextBatch:
    """The records of one byte range of one file.

    Attributes:
      split: Split that the input names, such as "train"; None where a hash of the row decides.
      file: Path of the file.
      position: (index of the file among the inputs, index of the byte range in the file).
      batch: One dictionary<int32, string> column per schema column, in schema order, unstripped;
        one row for each well-formed record, in file order.
      lines: Physical line, from 1, that each row of `batch` begins on; for Parquet, the number of
        its record, from 1; int64, [rows].
      raw: Returns the text of the record of row i, for a `Reject`.
      records: Number of records that the scanner counted; `batch.num_rows + len(rejects)` is the
        same number, counted by the parser.
      size: Size of the byte range, decompressed, in bytes.
      rejects: Records that are no row: ragged, undecodable, too long.
    """

    split: str | None
    file: str
    position: tuple[int, int]
    batch: pa.RecordBatch
    lines: npt.NDArray[np.int64]
    raw: Callable[[int], str] = field(repr=False)
    records: int
    size: int
    rejects: tuple[Reject, ...] = ()


@dataclass(frozen=True)
class Bucket:
    """The cleaned rows of one range of keys of one split, sorted by key.

    Attributes:
      split: Name of the split: "train", "eval", …
      index: Index of the key range; the buckets of a split in order of index are the split in
        canonical order.
      open: Yields the rows in canonical order, as batches of the schema's Arrow schema; rows of
        tables also carry their source (`layout.FILE` and `LINE`). The batch boundaries depend on
        the rows alone. An empty bucket yields no batch.
      repeats: Returns the number of rows that `open` drops as repeats of another row.
    """

    split: str
    index: int
    open: Callable[[], Iterator[pa.RecordBatch]] = field(repr=False)
    repeats: Callable[[], int] = field(repr=False, default=int)


class Fold(Protocol):
    """A computation in one pass over a bucket: picklable, deterministic, mergeable in order."""

    def setup(self) -> None:
        """Load what cannot be pickled, once a worker."""

    def start(self) -> Any:
        """Return a fresh accumulator."""

    def add(self, accumulator: Any, batch: pa.RecordBatch) -> Any:
        """Return the accumulator with a batch folded in; it must pickle."""

    def merge(self, accumulators: list[Any]) -> Any:
        """Merge accumulators, passed in canonical order, into one."""


class StatisticsFold(Fold, Protocol):
    """Fold whose accumulators are the profiles of splits, of tables or images."""

    def unseen(self, profile: Any, training: Any) -> dict[str, int | None]:
        """Return for each column the number of rows whose value is not in the training profile."""

    def to_proto(self, profiles: Mapping[str, Any]) -> Any:
        """Return the `DatasetFeatureStatisticsList` of profiles by split."""


class RawTensorAdapter(Protocol):
    """Converts a batch into the inputs of a `preprocessing_fn`: picklable, called from threads."""

    def setup(self) -> None:
        """Load what cannot be pickled, once a worker."""

    def type_specs(self) -> dict[str, tf.TypeSpec]:
        """Return the type spec of each tensor, by name; needs no `setup`."""

    def __call__(self, batch: pa.RecordBatch) -> dict[str, tf.Tensor]:
        """Return the tensors of a batch, by name: dense, sparse or ragged as in `type_specs`."""
