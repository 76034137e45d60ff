"""Reading of shards as shuffled or ordered blocks of records, for fast `tf.data` pipelines.

Passing single records from thread to thread costs more than parsing them. So records are batched
where they are read, and shuffled by permuting blocks of them:

    files -> pieces of each file -> blocks of 10,000, each permuted -> batches
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import tensorflow as tf

from ...schemas.errors import RecipeError

__all__ = ["RecordFile", "mixed_blocks", "ordered_blocks", "ordered_records", "part_of"]

_OPEN_FILES = 16
_PIECE = 1024


@dataclass(frozen=True)
class RecordFile:
    """TFRecord file, or every n-th of its records.

    Attributes:
      path: Path of the file.
      records: Number of records in the file.
      step: Distance between two selected records; 1 for all records.
      first: Index of the first selected record, in [0, step).
    """

    path: str
    records: int
    step: int = 1
    first: int = 0

    @property
    def selected(self) -> int:
        """Number of selected records.

        >>> RecordFile("a", 10, step=3, first=1).selected
        3
        """
        return max(-(-(self.records - self.first) // self.step), 0)


def part_of(files: Sequence[RecordFile], shard: tuple[int, int]) -> list[RecordFile]:
    """Return the part of the files that one of several workers reads.

    Args:
      files: All files.
      shard: (i, n): worker i, from 0, of n.

    Returns:
      Where there are at least n files, every n-th file from the i-th on. Else all files with
      every n-th of their records, counted through all files. The parts of the workers are
      disjoint, and together they are complete.

    Raises:
      RecipeError: i is not in [0, n).

    >>> part_of([RecordFile("a", 5), RecordFile("b", 1)], (1, 2))
    [RecordFile(path='b', records=1, step=1, first=0)]
    >>> [file.selected for file in part_of([RecordFile("a", 5), RecordFile("b", 4)], (0, 3))]
    [2, 1]
    """
    index, count = shard
    if not 0 <= index < count:
        raise RecipeError(f"expected a shard (i, n) with i in [0, n), got {shard}")
    if len(files) >= count:
        return list(files[index::count])
    part, before = [], 0
    for file in files:
        part.append(replace(file, step=count, first=(index - before) % count))
        before += file.records
    return part


def ordered_records(files: Sequence[RecordFile], compression: str) -> tf.data.Dataset:
    """Read records one by one, in order.

    Args:
      files: The files to read.
      compression: The compression of the files, "" or "GZIP".

    Returns:
      A `tf.data.Dataset` of string scalars; its cardinality is known. Reading a file with another
      number of records fails with `tf.errors.FailedPreconditionError`.
    """
    return (
        ordered_blocks(files, compression)
        .unbatch()
        .apply(tf.data.experimental.assert_cardinality(sum(file.selected for file in files)))
    )


def ordered_blocks(
    files: Sequence[RecordFile], compression: str, *, cache: bool | str = False
) -> tf.data.Dataset:
    """Read records in order, as strings [up to 1024]; see `mixed_blocks` for the arguments."""
    return _cached(_dataset(files).flat_map(_reader(files, compression, _PIECE)), cache)


def mixed_blocks(
    files: Sequence[RecordFile],
    compression: str,
    *,
    block: int,
    seed: int | None,
    cache: bool | str = False,
) -> tf.data.Dataset:
    """Read records in shuffled blocks, in another order in every epoch.

    Pieces of up to 16 files, in random order, make a block, and each block is permuted.

    Args:
      files: The files to read.
      compression: The compression of the files, "" or "GZIP".
      block: The number of records to permute at a time.
      seed: The seed of the order; None for a random one.
      cache: Whether to cache the records in memory, or the path of a cache file.

    Returns:
      A `tf.data.Dataset` of strings [up to `block`].
    """
    piece = -(-block // _OPEN_FILES)
    dataset = _dataset(files)
    if not cache:
        dataset = dataset.shuffle(max(len(files), 1), seed=seed)
    pieces = dataset.interleave(
        _reader(files, compression, piece),
        cycle_length=_OPEN_FILES,
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    if cache:
        # The order of files is cached too, so pieces are shuffled behind the cache.
        pieces = _cached(pieces, cache).shuffle(_OPEN_FILES, seed=seed)
    seeds = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).batch(2)
    blocks = tf.data.Dataset.zip((pieces.rebatch(block), seeds))
    return blocks.map(tf.random.experimental.stateless_shuffle).prefetch(1)


def _cached(dataset: tf.data.Dataset, cache: bool | str) -> tf.data.Dataset:
    """Cache a dataset in memory, or in a file, if asked to."""
    return dataset.cache(cache) if isinstance(cache, str) else dataset.cache() if cache else dataset


def _dataset(files: Sequence[RecordFile]) -> tf.data.Dataset:
    numbers = [[file.records, file.first] for file in files]
    return tf.data.Dataset.from_tensor_slices(
        (
            tf.constant([file.path for file in files], tf.string, [len(files)]),
            tf.constant(numbers, tf.int64, [len(files), 2]),
        )
    )


def _reader(
    files: Sequence[RecordFile], compression: str, piece: int
) -> Callable[[tf.Tensor, tf.Tensor], tf.data.Dataset]:
    """Return a function from an element of `_dataset` to the records of its file, in pieces."""
    step = max((file.step for file in files), default=1)

    def read(path: tf.Tensor, numbers: tf.Tensor) -> tf.data.Dataset:
        records, first = tf.unstack(numbers)
        dataset = tf.data.TFRecordDataset(path, compression)
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(records))
        pieces = dataset.batch(piece * step)
        return pieces if step == 1 else pieces.map(lambda batch: batch[first::step])

    return read
