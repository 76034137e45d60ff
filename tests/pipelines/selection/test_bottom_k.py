"""The few rows with the smallest keys."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from recordmill.pipelines.selection.bottom_k import BottomKSampler
from recordmill.pipelines.selection.select import CleanBatch
from recordmill.pipelines.shuffle.layout import KEY

KEYS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3), st.integers(0, 1)), max_size=40)
SPLITS = ("train", "eval")


def block(keys: list[tuple[int, int, int]]) -> CleanBatch:
    """Rows of these keys, (first lane, second lane, split), that hold nothing but their keys."""
    hi, lo, split = np.array(keys, np.int64).reshape(-1, 3).T
    batch = pa.RecordBatch.from_pydict({"hi": hi, "lo": lo})
    rows = np.arange(len(keys))
    lanes = hi.astype(np.uint64), lo.astype(np.uint64)
    return CleanBatch(batch, rows, *lanes, SPLITS, split.astype(np.uint8), (), {})


def add(smallest: BottomKSampler, keys: list[tuple[int, int, int]]) -> list[int]:
    """Add a block; return the numbers of rows that were taken of it."""
    cleaned, taken = block(keys), []

    def take(indices: Any) -> pa.RecordBatch:
        taken.append(len(indices))
        return cleaned.batch.take(pa.array(indices))

    smallest.add(cleaned, take)
    return taken


@given(st.lists(KEYS, max_size=5), st.integers(1, 8))
def test_they_are_the_first_of_all_rows_in_order(
    blocks: list[list[tuple[int, int, int]]], rows: int
) -> None:
    smallest = BottomKSampler(rows)
    for keys in blocks:
        add(smallest, keys)
    samples = dict(smallest.finish())
    for index, split in enumerate(SPLITS):
        every = sorted((hi, lo) for keys in blocks for hi, lo, of in keys if of == index)
        batch = samples.get(split)
        sampled = [] if batch is None else batch.to_pylist()
        assert [(row["hi"], row["lo"]) for row in sampled] == every[:rows]
        assert all((row["hi"], row["lo"]) == (row[KEY[0]], row[KEY[1]]) for row in sampled)
    assert smallest.finish() == []


def test_no_row_is_taken_that_is_not_kept() -> None:
    smallest = BottomKSampler(2)
    assert add(smallest, [(5, 0, 0), (6, 0, 0), (7, 0, 0)]) == [2]
    assert add(smallest, [(8, 0, 0), (9, 0, 0)]) == []
    assert add(smallest, [(1, 0, 0), (9, 0, 0)]) == [1]
    ((_, kept),) = smallest.finish()
    assert kept.column("hi").to_pylist() == [1, 5]


def test_threads_share_it() -> None:
    smallest = BottomKSampler(5)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: add(smallest, [(n, 0, 0), (n + 1, 0, 1)]), reversed(range(200))))
    kept = {split: batch.column("hi").to_pylist() for split, batch in smallest.finish()}
    assert kept == {"train": [0, 1, 2, 3, 4], "eval": [1, 2, 3, 4, 5]}
