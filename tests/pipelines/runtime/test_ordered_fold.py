"""Accumulators are merged in one order, in whichever order the buckets are folded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from hypothesis import given
from hypothesis import strategies as st

from recordmill.pipelines.runtime.elements import Bucket
from recordmill.pipelines.runtime.ordered_fold import (
    Block,
    CombineBuckets,
    FoldWork,
    Key,
    OrderedMergeTree,
)


def _nested(accumulators: list[Any]) -> Any:
    """Return the merges as nested tuples."""
    return accumulators[0] if len(accumulators) == 1 else tuple(accumulators)


def _merged(blocks: list[Block]) -> Any:
    tree = OrderedMergeTree(_nested)
    for block in blocks:
        tree.add(block)
    return _nested([accumulator for *_, accumulator in tree.blocks()])


def test_neighbours_are_merged_in_order() -> None:
    blocks = [(0, 0, index, index) for index in (4, 1, 3, 0, 2)]
    assert _merged(blocks) == (((0, 1), (2, 3)), 4)


def test_ranks_come_before_indices() -> None:
    blocks = [(1, 0, 0, "b0"), (0, 0, 1, "a1"), (0, 0, 0, "a0")]
    assert _merged(blocks) == (("a0", "a1"), "b0")


@given(st.data())
def test_neither_the_order_nor_the_bundles_matter(data: st.DataObject) -> None:
    present = sorted(data.draw(st.sets(st.integers(0, 40), min_size=1)))
    expected = _merged([(0, 0, index, index) for index in present])
    shuffled = data.draw(st.permutations(present))
    bundles: dict[int, OrderedMergeTree] = {}
    for index in shuffled:
        bundle = bundles.setdefault(data.draw(st.integers(0, 3)), OrderedMergeTree(_nested))
        bundle.add((0, 0, index, index))
    assert _merged([block for tree in bundles.values() for block in tree.blocks()]) == expected


class _Open:
    def __call__(self) -> Iterator[pa.RecordBatch]:
        return iter(())


class _ShowOrder(FoldWork):
    """Folds the index of each bucket."""

    def setup(self) -> None:
        """Do nothing."""

    def __call__(self, element: Bucket, *side_inputs: Any) -> Iterator[tuple[Key, Block]]:
        yield ("order", element.split, ""), (0, 0, element.index, (element.index, *side_inputs))

    def merge(self, key: Key, accumulators: list[Any]) -> Any:
        return _nested(accumulators)


def test_a_pass_gives_one_accumulator_a_key(tmp_path: Path) -> None:
    out = tmp_path / "out"
    buckets = [Bucket("train", index, _Open()) for index in (2, 0, 1)]
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        side = pipeline | "Side" >> beam.Create(["s"])
        _ = (
            pipeline
            | beam.Create(buckets)
            | CombineBuckets(_ShowOrder(), side)
            | beam.Map(repr)
            | beam.io.WriteToText(str(out), shard_name_template="")
        )
    expected = (("order", "train", ""), (((0, "s"), (1, "s")), (2, "s")))
    assert out.read_text() == f"{expected!r}\n"
