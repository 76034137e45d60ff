"""Elements that flow between the stages, and the interfaces that several stages share.

ScannedFile       a file, counted and cut into byte ranges                    scan -> ingest
FileFragment      the byte ranges of a file that one worker reads             scan -> parse
TextBatch         the rows of one byte range of a file, as text, with lines   parse -> clean
Reject            a row that was left out, and why                            ingest -> publish
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
      path: As the run was given it, globs resolved.
      split: The split it is read for; None where content decides.
      index: Its place among the inputs, from 0.
    """

    path: str
    split: str | None
    index: int


@dataclass(frozen=True)
class ByteRange:
    """A run of whole records of one file.

    Attributes:
      index: Its place in the file, from 0.
      offset: Where it begins in the text, in bytes, decompressed; of Parquet, the records before
        it.
      size: Its bytes; of Parquet, its share of what the columns read are when decompressed.
      line: The physical line it begins on, from 1; of Parquet, the number of its first record,
        from 1.
      lines: The physical lines, or the records, in it.
      records: The records in it, at least one. Blank lines and comment lines are none.
      row_group: Of Parquet, the row group it is in, from 0.
      stored: Of Parquet, where that row group begins and ends in the file, in bytes.
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
    """What the scan found out about a file.

    Attributes:
      file: The file.
      compression: "", "gzip" or "bzip2": what the content of a CSV is.
      size: Its bytes as stored.
      sha256: Of its bytes as stored, in hex.
      records: The records in it, the header not counted.
      blank_lines: The empty lines in it.
      comment_lines: The comment lines in it.
      stretches: All records, in order.
      checksums: Of its bytes as stored.
      format: What its content is.
    """

    file: InputFile
    compression: Compression
    size: int
    sha256: str
    records: int
    blank_lines: int
    comment_lines: int
    stretches: tuple[ByteRange, ...]
    checksums: Checksums = field(repr=False)
    format: FileFormat = "csv"


@dataclass(frozen=True)
class FileFragment:
    """What one worker parses.

    One stretch; or all of a compressed CSV, which has no middle; or a row group.

    Attributes:
      file: The file.
      compression: As in `ScannedFile`.
      stretches: In order.
      checksums: Of the stored bytes that hold them.
      format: As in `ScannedFile`.
    """

    file: InputFile
    compression: Compression
    stretches: tuple[ByteRange, ...]
    checksums: Checksums = field(repr=False)
    format: FileFormat = "csv"


@dataclass(frozen=True)
class Reject:
    """A record that was left out.

    Attributes:
      file: The file's path.
      line: The physical line the record begins on, from 1; of Parquet, its number.
      column: The column's name, or None where the whole record is bad.
      reason: A short slug that the ledger counts by, such as "not_an_integer".
      message: What was expected and what was got.
      raw: The record as it stood in the file, with undecodable bytes as `\\xNN`, cut to 10,000
        characters; of Parquet, the texts of the columns read, as JSON.
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
    """The records of one stretch of one file.

    Attributes:
      split: The split the input names, such as "train"; None where content decides.
      file: The file's path.
      position: (index of the file among the inputs, index of the block in the file).
      batch: One dictionary<int32, string> column per schema column, in schema order, unstripped;
        one row a well-formed record, in file order.
      lines: The physical line, from 1, each row of `batch` begins on; of Parquet, the number of
        its record, from 1; int64, [rows].
      raw: Gives the text of the record of row i, for a `Reject`.
      records: The records counted by the scanner; `batch.num_rows + len(rejects)` is the same
        number counted by the parser.
      size: The bytes of the stretch, decompressed.
      rejects: The records that are no row: ragged, undecodable, too long.
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
      split: "train", "eval", …
      index: The bucket's place; buckets of a split in order of index are the split in canonical
        order.
      open: Gives the rows in canonical order, as batches of the schema's Arrow schema, and of a
        table where each row is from (`layout.FILE` and `LINE`). The boundaries depend on the
        rows alone. A bucket can be empty: then there is no batch.
      repeats: Gives the number of rows that `open` leaves out as repeats of another row.
    """

    split: str
    index: int
    open: Callable[[], Iterator[pa.RecordBatch]] = field(repr=False)
    repeats: Callable[[], int] = field(repr=False, default=int)


class Fold(Protocol):
    """What is computed of a bucket in one pass: picklable, deterministic, mergeable in order."""

    def setup(self) -> None:
        """Load what cannot be pickled, once a worker."""

    def start(self) -> Any:
        """A fresh accumulator."""

    def add(self, accumulator: Any, batch: pa.RecordBatch) -> Any:
        """The accumulator with a batch folded in. The result must pickle."""

    def merge(self, accumulators: list[Any]) -> Any:
        """One accumulator of several, given in canonical order."""


class StatisticsFold(Fold, Protocol):
    """Fold whose accumulators are the profiles of splits, of tables or images."""

    def unseen(self, profile: Any, training: Any) -> dict[str, int | None]:
        """Return for each column the number of rows whose value is not in the training profile."""

    def to_proto(self, profiles: Mapping[str, Any]) -> Any:
        """Return the `DatasetFeatureStatisticsList` of profiles by split."""


class RawTensorAdapter(Protocol):
    """What makes the tensors of a `preprocessing_fn` of a batch: picklable, called from threads."""

    def setup(self) -> None:
        """Load what cannot be pickled, once a worker."""

    def type_specs(self) -> dict[str, tf.TypeSpec]:
        """What the tensors look like, by name; known before `setup`."""

    def __call__(self, batch: pa.RecordBatch) -> dict[str, tf.Tensor]:
        """The tensors of a batch, by name: dense, sparse or ragged, as `type_specs` says."""
