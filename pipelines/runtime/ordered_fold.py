"""A pass over buckets: what is folded of each, merged in an order that is always the same.

Buckets are worked on wherever and in whatever order the runner likes. What was folded of them is
merged along a binary tree over their indices, so the result has the same bits in every case; and
as neighbours are merged where they meet, little of it is held at once.
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
"""The name of a fold, the split or "" for several, and the piece or "" for all."""

Block = tuple[int, int, int, Any]
"""(rank, level, place, accumulator): of the buckets of the split of a rank, those from
place * 2**level up to the next block of the level."""


class FoldWork(ElementFn):
    """What is folded of a bucket, and how it is merged: picklable, called from several threads."""

    def __call__(self, element: Bucket, *side_inputs: Any) -> Iterable[tuple[Key, Block]]:
        """What is folded of a bucket: blocks of level 0 and of its index."""
        raise NotImplementedError

    def merge(self, key: Key, accumulators: list[Any]) -> Any:
        """One accumulator of several of a key, given in canonical order; without `setup`."""
        raise NotImplementedError


class CombineBuckets(beam.PTransform):  # type: ignore[misc]
    """One pass over the buckets: (key, accumulator), one for each key there is.

    Args:
      work: What is folded.
      side_inputs: PCollections of one element each, which `work` gets as well.
    """

    def __init__(self, work: FoldWork, *side_inputs: PCollection[Any]) -> None:
        super().__init__()
        self._work = work
        self._side_inputs = [AsSingleton(side_input) for side_input in side_inputs]

    def expand(self, buckets: PCollection[Bucket]) -> PCollection[tuple[Key, Any]]:
        return (
            buckets  # Bucket
            | "Fold" >> beam.ParDo(ThreadedDoFn(self._work), *self._side_inputs)  # (key, block)
            | "MergeNeighbours" >> beam.ParDo(_MergeNeighbours(self._work))  # (key, block)
            | "Gather" >> beam.GroupByKey()  # (key, [block])
            | "Merge" >> beam.Map(_merge, self._work)  # (key, accumulator)
        )


class OrderedMergeTree:
    """Merges accumulators as soon as both halves of a node of the tree are there."""

    def __init__(self, merge: Callable[[list[Any]], Any]) -> None:
        self._merge = merge
        self._accumulators: dict[tuple[int, int, int], Any] = {}

    def add(self, block: Block) -> None:
        """Take a block in; it must not overlap another."""
        rank, level, place, accumulator = block
        while (rank, level, place ^ 1) in self._accumulators:
            other = self._accumulators.pop((rank, level, place ^ 1))
            accumulator = self._merge([other, accumulator] if place % 2 else [accumulator, other])
            level, place = level + 1, place // 2
        self._accumulators[rank, level, place] = accumulator

    def blocks(self) -> list[Block]:
        """What is not merged yet, in canonical order."""
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
