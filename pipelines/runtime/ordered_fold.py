"""Folds over buckets: one accumulator for each bucket, merged in an order that never changes.

The runner processes buckets on any worker and in any order. Their accumulators are merged along a
binary tree over the bucket indices, so the result has the same bits in every case: sums of floats
depend on the order. Neighbours are merged as soon as they meet, so few accumulators are in memory
at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsSingleton, PCollection

from .elements import Bucket
from .thread_pool import ElementFn, ThreadedDoFn, in_global_window

__all__ = ["Block", "CombineBuckets", "FoldWork", "Key", "OrderedMergeTree"]

Key = tuple[str, str, str]
"""(name of the fold, split or "" for all splits together, part of the fold or "")."""

Block = tuple[int, int, int, Any]
"""(rank, level, position, accumulator): a node of the merge tree.

The accumulator covers the buckets [position * 2**level, (position + 1) * 2**level) of the split
with that rank in the order of the splits.
"""


class FoldWork(ElementFn):
    """Folds a bucket, and merges accumulators: picklable, called from several threads."""

    def __call__(self, element: Bucket, *side_inputs: Any) -> Iterable[tuple[Key, Block]]:
        """Fold a bucket; return blocks of level 0 at the position of its index."""
        raise NotImplementedError

    def merge(self, key: Key, accumulators: list[Any]) -> Any:
        """Merge accumulators of a key, passed in canonical order; `setup` was not called."""
        raise NotImplementedError


class CombineBuckets(beam.PTransform):  # type: ignore[misc]
    """PCollection[Bucket] -> PCollection[(Key, accumulator)], one element for each key.

    Args:
      work: Folds and merges.
      side_inputs: PCollections of one element each, which are passed to `work` as well.
    """

    def __init__(self, work: FoldWork, *side_inputs: PCollection[Any]) -> None:
        super().__init__()
        self._work = work
        self._side_inputs = [AsSingleton(side_input) for side_input in side_inputs]

    def expand(self, buckets: PCollection[Bucket]) -> PCollection[tuple[Key, Any]]:
        """Fold each bucket, and merge the blocks of each key."""
        return (
            buckets  # Bucket
            | "Fold" >> beam.ParDo(ThreadedDoFn(self._work), *self._side_inputs)  # (key, block)
            | "MergeNeighbours" >> beam.ParDo(_MergeNeighbours(self._work))  # (key, block)
            | "Gather" >> beam.GroupByKey()  # (key, [block])
            | "Merge" >> beam.Map(_merge, self._work)  # (key, accumulator)
        )


class OrderedMergeTree:
    """Merges accumulators as soon as both children of a node of the tree are present."""

    def __init__(self, merge: Callable[[list[Any]], Any]) -> None:
        self._merge = merge
        self._accumulators: dict[tuple[int, int, int], Any] = {}

    def add(self, block: Block) -> None:
        """Add a block; it must not overlap another one."""
        rank, level, position, accumulator = block
        # The sibling of a node differs from it in the lowest bit of the position.
        while (rank, level, position ^ 1) in self._accumulators:
            sibling = self._accumulators.pop((rank, level, position ^ 1))
            ordered = [sibling, accumulator] if position % 2 else [accumulator, sibling]
            accumulator = self._merge(ordered)
            level, position = level + 1, position // 2
        self._accumulators[rank, level, position] = accumulator

    def blocks(self) -> list[Block]:
        """Return the blocks that are not merged yet, in canonical order."""
        ordered = sorted(self._accumulators, key=lambda block: (block[0], block[2] << block[1]))
        return [(*block, self._accumulators[block]) for block in ordered]


class _MergeNeighbours(beam.DoFn):  # type: ignore[misc]
    """Merges the blocks of a bundle as far as the tree allows."""

    def __init__(self, work: FoldWork) -> None:
        self._work = work

    def start_bundle(self) -> None:
        self._trees: dict[Key, OrderedMergeTree] = {}

    def process(self, element: tuple[Key, Block]) -> None:
        key, block = element
        if key not in self._trees:
            self._trees[key] = OrderedMergeTree(partial(self._work.merge, key))
        self._trees[key].add(block)

    def finish_bundle(self) -> Iterator[Any]:
        for key, tree in self._trees.items():
            for block in tree.blocks():
                yield in_global_window((key, block))


def _merge(element: tuple[Key, Iterable[Block]], work: FoldWork) -> tuple[Key, Any]:
    key, blocks = element
    tree = OrderedMergeTree(partial(work.merge, key))
    for block in blocks:
        tree.add(block)
    return key, work.merge(key, [accumulator for *_, accumulator in tree.blocks()])
