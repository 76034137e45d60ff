"""Shuffle: rows to buckets in canonical order.

A bucket is a range of keys, and its rows are sorted by key, so later stages read the same rows in
the same order and in the same batches, whatever the files, the blocks, the runner and the number
of workers are. Two stages do it, with the same result:

    ShuffleOnDisk    blocks become sorted runs in files; a bucket reads its range of each run
                     (external merge sort; the direct runner keeps no rows in memory)
    ShuffleByGroup   each block is cut at the bucket boundaries, and goes through the runner's own
                     GroupByKey as Arrow fragments (a cluster)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam.pvalue import AsDict

from ..runtime.dictionaries import canonical, compact, joined
from ..runtime.elements import Bucket
from .layout import KEY, TABLE, BucketLayout
from .sorted_runs import KeyedRows, RunSlice, RunWriter, SortedRun, bucket_offsets, sorted_by_key

__all__ = [
    "CountRepeats",
    "RowSink",
    "ShuffleByGroup",
    "ShuffleOnDisk",
]

ReadFragments: TypeAlias = Callable[..., list[pa.RecordBatch]]
"""Function that returns the fragments of a bucket, with all columns or those that it is given."""


class RowSink(Protocol):
    """First step of a shuffle, for clean rows; it pickles, and threads can share it."""

    def setup(self) -> None:
        """Load what cannot be pickled, once a worker."""

    def __call__(self, keyed: KeyedRows) -> Sequence[Any]:
        """Return the elements that are ready to shuffle."""

    def finish(self) -> Sequence[Any]:
        """Return the elements that remain to shuffle at the end of a bundle."""


@dataclass
class ShuffleOnDisk(beam.PTransform):  # type: ignore[misc]
    """PCollection[SortedRun] -> PCollection[Bucket]: merges sorted runs, which `sink` writes.

    Attributes:
      directory: Folder that every worker sees. Its runs can be deleted when the pipeline ends.
      splits: Splits that get buckets, at least one each, also without rows.
      distinct: Whether to leave out rows equal to the row before them.
      layout: Sizes of buckets and batches.
    """

    directory: str
    splits: Sequence[str]
    distinct: bool = False
    layout: BucketLayout = TABLE

    @property
    def sink(self) -> RowSink:
        """Sink that writes rows to sorted runs, on the worker that read them."""
        return RunWriter(self.directory, self.layout)

    def expand(self, runs: beam.PCollection[SortedRun]) -> beam.PCollection[Bucket]:
        """Add the stages."""
        return (
            runs
            | "GatherRuns" >> beam.CombineGlobally(beam.combiners.ToListCombineFn())
            # [SortedRun]
            | "PlanBuckets" >> beam.FlatMap(plan_buckets, self.splits, self.distinct, self.layout)
            # Bucket
            | "SpreadBuckets" >> beam.Reshuffle()
        )


@dataclass
class ShuffleByGroup(beam.PTransform):  # type: ignore[misc]
    """PCollection[KeyedRows] -> PCollection[Bucket]: groups fragments with the runner.

    Attributes:
      distinct: Whether to leave out rows equal to the row before them.
      layout: Sizes of buckets and batches.
    """

    distinct: bool = False
    layout: BucketLayout = TABLE

    @property
    def sink(self) -> RowSink:
        """Sink that passes rows on, to be cut into fragments."""
        return _PassThrough()

    def expand(self, keyed: beam.PCollection[KeyedRows]) -> beam.PCollection[Bucket]:
        """Add the stages."""
        layout = self.layout
        weights = (
            keyed
            | "WeighBatch" >> beam.Map(lambda element: (element.split, layout.weigh(element.batch)))
            | "WeighSplit" >> beam.CombinePerKey(sum)
        )
        return (
            keyed
            | "CutIntoFragments" >> beam.ParDo(_CutIntoFragments(layout), AsDict(weights))
            # ((split, bucket), RecordBatch)
            | "GroupFragments" >> beam.GroupByKey()
            # ((split, bucket), [RecordBatch])
            | "ToBuckets"
            >> beam.MapTuple(partial(_grouped_bucket, distinct=self.distinct, layout=layout))
        )


class CountRepeats(beam.PTransform):  # type: ignore[misc]
    """PCollection[Bucket] -> PCollection[(split, number of rows left out as repeats)]."""

    def expand(self, buckets: beam.PCollection[Bucket]) -> beam.PCollection[tuple[str, int]]:
        """Add the stages."""
        return (
            buckets
            | "OfBucket" >> beam.Map(lambda bucket: (bucket.split, bucket.repeats()))
            | "OfSplit" >> beam.CombinePerKey(sum)
        )


@beam.typehints.with_input_types(KeyedRows, Mapping[str, int])
@beam.typehints.with_output_types(tuple[tuple[str, int], pa.RecordBatch])
class _CutIntoFragments(beam.DoFn):  # type: ignore[misc]
    def __init__(self, layout: BucketLayout) -> None:
        self._layout = layout

    def process(
        self, keyed: KeyedRows, weights: Mapping[str, int]
    ) -> Iterator[tuple[tuple[str, int], pa.RecordBatch]]:
        batch = sorted_by_key(keyed.batch)
        buckets = self._layout.buckets(weights[keyed.split])
        offsets = bucket_offsets(batch, buckets)
        for index in np.flatnonzero(np.diff(offsets)):
            start, stop = offsets[index], offsets[index + 1]
            yield (keyed.split, int(index)), compact(batch.slice(start, stop - start))


class _PassThrough:
    """`RowSink` of rows that the runner shuffles."""

    def setup(self) -> None:
        """Do nothing: there is nothing to load."""

    def __call__(self, keyed: KeyedRows) -> Sequence[KeyedRows]:
        return (keyed,)

    def finish(self) -> Sequence[KeyedRows]:
        """Return nothing: no row waits."""
        return ()


def _grouped_bucket(
    key: tuple[str, int],
    fragments: Iterable[pa.RecordBatch],
    *,
    distinct: bool,
    layout: BucketLayout,
) -> Bucket:
    return _bucket(*key, partial(_fragments, list(fragments)), distinct, layout)


def _fragments(
    fragments: Sequence[pa.RecordBatch], columns: Sequence[str] | None = None
) -> list[pa.RecordBatch]:
    return [fragment.select(columns) if columns else fragment for fragment in fragments]


def _bucket(
    split: str, index: int, read: ReadFragments, distinct: bool, layout: BucketLayout
) -> Bucket:
    """Return a bucket, whose fragments are read when it is opened."""
    repeats = partial(_count_repeats, read, layout) if distinct else int
    return Bucket(split, index, partial(_rows, read, distinct, layout), repeats)


def plan_buckets(
    runs: Iterable[SortedRun], splits: Sequence[str], distinct: bool, layout: BucketLayout
) -> Iterator[Bucket]:
    """Yield the buckets of all splits, in order."""
    by_split: dict[str, list[SortedRun]] = {split: [] for split in splits}
    for run in runs:
        by_split[run.split].append(run)
    for split, of_split in by_split.items():
        of_split.sort(key=lambda run: run.path)
        buckets = layout.buckets(sum(run.weight for run in of_split))
        for index in range(buckets):
            slices = [run.slice(index, buckets) for run in of_split]
            # A run of few rows has none for most buckets, and opening it costs more than they do.
            read = partial(_read_slices, [rows for rows in slices if rows.stop > rows.start])
            yield _bucket(split, index, read, distinct, layout)


def _read_slices(
    slices: Sequence[RunSlice], columns: Sequence[str] | None = None
) -> list[pa.RecordBatch]:
    return [rows.read(columns) for rows in slices]


def _rows(read: ReadFragments, distinct: bool, layout: BucketLayout) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a bucket in canonical order, in batches of its layout, without keys."""
    rows = _in_order(read())
    if rows is None:
        return
    if distinct:
        rows = rows.filter(pa.array(~_repeats(rows, layout)))
    yield from layout.cut(canonical(rows.drop_columns(list(KEY))))


def _count_repeats(read: ReadFragments, layout: BucketLayout) -> int:
    keys = _in_order(read(KEY))
    return 0 if keys is None else int(_repeats(keys, layout).sum())


def _in_order(fragments: Sequence[pa.RecordBatch]) -> pa.RecordBatch | None:
    """Return the rows of all fragments sorted by key; None where there is no row."""
    filled = [fragment for fragment in fragments if fragment.num_rows]
    if not filled:
        return None
    return sorted_by_key(joined(filled))


def _repeats(batch: pa.RecordBatch, layout: BucketLayout) -> npt.NDArray[np.bool_]:
    """Return the mask of rows that repeat the row before them, in a batch sorted by key."""
    again = np.ones(batch.num_rows - 1, np.bool_)
    for name in layout.equal:
        lane = batch.column(name).to_numpy()
        again &= lane[1:] == lane[:-1]
    return np.concatenate(([False], again))
