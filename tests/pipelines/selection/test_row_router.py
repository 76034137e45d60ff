from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from recordmill.pipelines.selection.row_router import RowRouter
from recordmill.pipelines.selection.select import CleanBatch
from recordmill.pipelines.shuffle.layout import KEY
from recordmill.pipelines.shuffle.sorted_runs import KeyedRows

SPLITS = ("train", "eval")


class Sink:
    """Passes rows on, and has something left at the end of a bundle."""

    def setup(self) -> None:
        self.ready = True

    def __call__(self, keyed: KeyedRows) -> list[Any]:
        return [keyed]

    def finish(self) -> list[Any]:
        return ["left"]


def clean(keys: list[int], splits: list[int]) -> CleanBatch:
    batch = pa.RecordBatch.from_pydict({"n": pa.array(keys, pa.int64())})
    lanes = np.array(keys, np.uint64), np.array(keys, np.uint64) + np.uint64(100)
    return CleanBatch(
        batch, np.arange(len(keys)), *lanes, SPLITS, np.array(splits, np.uint8), (), {}
    )


def test_rows_go_to_the_sink_by_split_with_their_keys() -> None:
    router = RowRouter(Sink(), 2)
    router.setup()
    cleaned = clean([5, 3, 9, 1], [0, 1, 0, 0])
    rows = list(router(cleaned, lambda places: cleaned.batch.take(pa.array(places))))
    assert [keyed.split for keyed in rows] == ["train", "eval"]
    assert rows[0].batch.to_pydict() == {"n": [5, 9, 1], KEY[0]: [5, 9, 1], KEY[1]: [105, 109, 101]}
    assert rows[1].batch["n"].to_pylist() == [3]


def test_a_bundle_ends_with_what_is_left_and_the_samples() -> None:
    router = RowRouter(Sink(), 2)
    router.setup()
    for keys, splits in (([5, 3, 9, 1], [0, 1, 0, 0]), ([2], [0])):
        cleaned = clean(keys, splits)
        take = cleaned.batch.take
        list(router(cleaned, lambda places, take=take: take(pa.array(places))))
    left, *samples = router.finish()
    assert left == "left"
    assert [sample.tag for sample in samples] == ["sample", "sample"]
    found = {split: batch["n"].to_pylist() for split, batch in (one.value for one in samples)}
    assert found == {"train": [1, 2], "eval": [3]}


def test_no_rows() -> None:
    router = RowRouter(Sink(), 2)
    router.setup()
    cleaned = clean([], [])
    assert list(router(cleaned, cleaned.batch.take)) == []
    assert list(router.finish()) == ["left"]
