"""Rows into buckets: the one place where rows change their order.

A bucket is a range of keys, and inside it rows are sorted by key, so what comes after sees the
same rows in the same order and in the same batches, whatever the files, the blocks, the runner
and the number of workers were. There are two ways to get there, with one result:

    ShuffleOnDisk    each block becomes a sorted run in a file; a bucket reads its range of each
                     run (external merge sort; the direct runner holds nothing in memory)
    ShuffleByGroup   each block is cut at the bucket boundaries and goes through the runner's own
                     GroupByKey as Arrow fragments (a cluster)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias
from uuid import uuid4

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam.pvalue import AsDict

from .dictionaries import canonical, compact
from .elements import Bucket

__all__ = [
    "ArrowCoder",
    "CountRepeats",
    "Keyed",
    "ShuffleByGroup",
    "ShuffleOnDisk",
    "bucket_count",
]

KEY = ("__key_hi", "__key_lo")
"""The columns that carry the two lanes of a row's 128-bit key between clean and shuffle."""

BATCH_ROWS = 32_768
"""Rows in a batch of a bucket; the last one may be shorter."""

_SMALL_BUCKET = 1 << 18
_BUCKET = 1 << 20
_FEW_BUCKETS = 8
_MAX_BUCKETS = 1024

Lane: TypeAlias = npt.NDArray[np.uint64]
Source: TypeAlias = Callable[[], list[pa.RecordBatch]]


@dataclass(frozen=True)
class Keyed:
    """Cleaned rows of one split, with the two `KEY` columns behind the schema's own."""

    split: str
    batch: pa.RecordBatch

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.batch.num_rows)


@dataclass(frozen=True)
class Run:
    """Rows of one split, sorted by key, in an Arrow IPC file."""

    split: str
    path: str
    rows: int


class ArrowCoder(beam.coders.Coder):  # type: ignore[misc]
    """Record batches between workers as Arrow IPC streams; Beam would pickle them."""

    def encode(self, value: pa.RecordBatch) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, value.schema) as writer:
            writer.write_batch(value)
        return bytes(sink.getvalue())

    def decode(self, encoded: bytes) -> pa.RecordBatch:
        with pa.ipc.open_stream(encoded) as reader:
            return reader.read_next_batch()

    def is_deterministic(self) -> bool:
        return False

    def to_type_hint(self) -> type:
        return pa.RecordBatch  # type: ignore[no-any-return]


def bucket_count(rows: int, columns: int) -> int:
    """The number of buckets of a split: a power of two, from the numbers of rows and columns.

    It depends on nothing else, so neither do the batches, the sums and the shards. A bucket holds
    up to 2^18 values until there are 8 of them, so that few rows make work for several threads;
    then up to 2^20, until there are 1,024; beyond, buckets grow.

    >>> bucket_count(0, 15), bucket_count(32_561, 15), bucket_count(2_083_904, 15)
    (1, 2, 32)
    """
    values = rows * columns
    wanted = max(-(-values // _BUCKET), min(-(-values // _SMALL_BUCKET), _FEW_BUCKETS), 1)
    return int(min(1 << (wanted - 1).bit_length(), _MAX_BUCKETS))


@dataclass
class ShuffleOnDisk(beam.PTransform):  # type: ignore[misc]
    """PCollection[Run] -> PCollection[Bucket]: sorted runs in files; `place` makes them.

    Attributes:
      directory: A folder that every worker sees. The runs in it can go when the pipeline ends.
      splits: The splits that get buckets, at least one each, also without rows.
      distinct: Whether rows equal to the row before them are left out.
    """

    directory: str
    splits: Sequence[str]
    distinct: bool = False

    @property
    def place(self) -> Callable[[Keyed], Run]:
        """What makes a run of rows; to be called where the rows are."""
        return partial(spill, directory=self.directory)

    def expand(self, runs: beam.PCollection[Run]) -> beam.PCollection[Bucket]:
        return (
            runs
            | "GatherRuns" >> beam.CombineGlobally(beam.combiners.ToListCombineFn())
            # [Run]
            | "PlanBuckets" >> beam.FlatMap(plan_buckets, self.splits, self.distinct)
            # Bucket
            | "SpreadBuckets" >> beam.Reshuffle()
        )


@dataclass
class ShuffleByGroup(beam.PTransform):  # type: ignore[misc]
    """PCollection[Keyed] -> PCollection[Bucket]: fragments through the runner's GroupByKey.

    Attributes:
      distinct: Whether rows equal to the row before them are left out.
    """

    distinct: bool = False

    @property
    def place(self) -> Callable[[Keyed], Keyed]:
        """Rows stay as they are until they are cut into fragments."""
        return _unchanged

    def expand(self, keyed: beam.PCollection[Keyed]) -> beam.PCollection[Bucket]:
        rows = (
            keyed
            | "RowsOfBatch" >> beam.Map(lambda element: (element.split, element.rows))
            | "RowsOfSplit" >> beam.CombinePerKey(sum)
        )
        return (
            keyed
            | "CutIntoFragments" >> beam.ParDo(_CutIntoFragments(), AsDict(rows))
            # ((split, bucket), RecordBatch)
            | "GroupFragments" >> beam.GroupByKey()
            # ((split, bucket), [RecordBatch])
            | "ToBuckets" >> beam.MapTuple(partial(_grouped_bucket, distinct=self.distinct))
        )


class CountRepeats(beam.PTransform):  # type: ignore[misc]
    """PCollection[Bucket] -> PCollection[(split, rows that its buckets leave out as repeats)]."""

    def expand(self, buckets: beam.PCollection[Bucket]) -> beam.PCollection[tuple[str, int]]:
        return (
            buckets
            | "OfBucket" >> beam.Map(lambda bucket: (bucket.split, bucket.repeats()))
            | "OfSplit" >> beam.CombinePerKey(sum)
        )


@beam.typehints.with_input_types(Keyed, Mapping[str, int])
@beam.typehints.with_output_types(tuple[tuple[str, int], pa.RecordBatch])
class _CutIntoFragments(beam.DoFn):  # type: ignore[misc]
    def process(
        self, keyed: Keyed, rows: Mapping[str, int]
    ) -> Iterator[tuple[tuple[str, int], pa.RecordBatch]]:
        batch = sorted_by_key(keyed.batch)
        buckets = bucket_count(rows[keyed.split], batch.num_columns - len(KEY))
        places = _cuts(batch, buckets)
        for index in np.flatnonzero(np.diff(places)):
            start, stop = places[index], places[index + 1]
            yield (keyed.split, int(index)), compact(batch.slice(start, stop - start))


def _unchanged(keyed: Keyed) -> Keyed:
    return keyed


def _grouped_bucket(
    key: tuple[str, int], fragments: Iterable[pa.RecordBatch], *, distinct: bool
) -> Bucket:
    return _bucket(*key, partial(list, list(fragments)), distinct)


def _bucket(split: str, index: int, source: Source, distinct: bool) -> Bucket:
    """The bucket of the rows in the fragments that `source` gives when it is called."""
    repeats = partial(_count_repeats, source) if distinct else int
    return Bucket(split, index, partial(_rows, source, distinct), repeats)


def spill(keyed: Keyed, directory: str) -> Run:
    """Writes rows as a sorted run under a name of its own, so a replay overwrites nothing."""
    batch = sorted_by_key(keyed.batch)
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, f"{keyed.split}-{uuid4().hex}.arrow")
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return Run(keyed.split, path, batch.num_rows)


def plan_buckets(runs: Iterable[Run], splits: Sequence[str], distinct: bool) -> Iterator[Bucket]:
    """The buckets of all splits, in order."""
    by_split: dict[str, list[Run]] = {split: [] for split in splits}
    for run in runs:
        by_split[run.split].append(run)
    for split, of_split in by_split.items():
        rows = sum(run.rows for run in of_split)
        paths = sorted(run.path for run in of_split)
        buckets = bucket_count(rows, _columns(paths[0]) if paths else 1)
        for index in range(buckets):
            source = partial(_read_runs, paths, index, buckets)
            yield _bucket(split, index, source, distinct)


def _columns(path: str) -> int:
    with pa.memory_map(path) as source, pa.ipc.open_file(source) as reader:
        return len(reader.schema) - len(KEY)


def _read_runs(paths: Sequence[str], index: int, buckets: int) -> list[pa.RecordBatch]:
    """The slice of each run that belongs to a bucket; memory-mapped, nothing is copied."""
    slices = []
    for path in paths:
        with pa.memory_map(path) as source, pa.ipc.open_file(source) as reader:
            batch = reader.get_batch(0)
        start, stop = _cuts(batch, buckets)[index : index + 2]
        slices.append(batch.slice(start, stop - start))
    return slices


def _rows(source: Source, distinct: bool) -> Iterator[pa.RecordBatch]:
    """The rows of a bucket in canonical order, in batches of `BATCH_ROWS`, without their keys."""
    whole = _in_order(source())
    if whole is None:
        return
    if distinct:
        whole = whole.filter(pa.array(~_repeats(whole)))
    rows = canonical(whole.drop_columns(list(KEY)))
    for start in range(0, rows.num_rows, BATCH_ROWS):
        yield rows.slice(start, BATCH_ROWS)


def _count_repeats(source: Source) -> int:
    keys = _in_order([fragment.select(KEY) for fragment in source()])
    return 0 if keys is None else int(_repeats(keys).sum())


def _in_order(fragments: Sequence[pa.RecordBatch]) -> pa.RecordBatch | None:
    """The rows of all fragments sorted by key; None where there is no row."""
    filled = [fragment for fragment in fragments if fragment.num_rows]
    if not filled:
        return None
    table = pa.Table.from_batches(filled).unify_dictionaries().combine_chunks()
    return sorted_by_key(table.to_batches()[0])


def sorted_by_key(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch sorted by its key columns; rows of equal keys are equal, so ties do not matter."""
    hi, lo = _lanes(batch)
    return batch.take(pa.array(np.lexsort((lo, hi))))


def _lanes(batch: pa.RecordBatch) -> tuple[Lane, Lane]:
    hi, lo = (batch.column(name).to_numpy() for name in KEY)
    return hi, lo


def _cuts(batch: pa.RecordBatch, buckets: int) -> npt.NDArray[np.int64]:
    """Where each bucket begins in a batch sorted by key; [buckets + 1]."""
    hi, _ = _lanes(batch)
    starts = np.array([2**64 // buckets * index for index in range(1, buckets)], np.uint64)
    return np.concatenate(([0], np.searchsorted(hi, starts), [batch.num_rows]))


def _repeats(batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Which rows of a batch sorted by key are equal to the row before them."""
    hi, lo = _lanes(batch)
    again = (hi[1:] == hi[:-1]) & (lo[1:] == lo[:-1])
    return np.concatenate(([False], again))
