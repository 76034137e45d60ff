"""Filters, splits and sampling of rows; `test_clean` tests them on the rows of a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from recordmill.pipelines.config.row_selection import RowSelection
from recordmill.pipelines.config.splitting import Splitting
from recordmill.pipelines.selection.select import CleanBatch, filter_rows, select_rows
from recordmill.pipelines.shuffle.split import assign, sampled
from recordmill.schemas.errors import DataError
from recordmill.schemas.manifest import Ledger

COUNT = 1000
ROWS = pa.RecordBatch.from_pydict({"n": pa.array(range(COUNT))})
HI, LO = (np.arange(COUNT, dtype=np.uint64) * np.uint64(step) for step in (3, 5))
RATIOS = {"train": 0.75, "eval": 0.25}


def select(split: str | None, **options: Any) -> CleanBatch:
    """Select among rows at every other position of a file."""
    return select_rows(
        ROWS,
        positions=np.arange(COUNT) * 2,
        keys=(HI, LO),
        lane=LO,
        rejects=(),
        split=split,
        file="a.csv",
        records=COUNT,
        selection=RowSelection(splitting=Splitting(RATIOS), **options),
    )


def test_content_decides_splits_and_sample() -> None:
    batch = select(None, filters=(pc.field("n") >= 100,), sampling=0.5)
    mask = (np.arange(COUNT) >= 100) & sampled(LO, 0.5, 0)
    assert batch.rows.tolist() == (np.flatnonzero(mask) * 2).tolist()
    assert batch.batch["n"].to_pylist() == np.flatnonzero(mask).tolist()
    assert (batch.hi.tolist(), batch.lo.tolist()) == (HI[mask].tolist(), LO[mask].tolist())
    assert batch.split.tolist() == assign(LO, RATIOS, 0)[mask].tolist()
    assert sum(ledger.filtered for ledger in batch.ledger.values()) == 100
    assert sum(ledger.read for ledger in batch.ledger.values()) == COUNT
    by_split = dict(batch.by_split())
    assert sorted(np.concatenate([*by_split.values()])) == list(range(mask.sum()))


def test_the_split_of_the_input() -> None:
    batch = select("test", filters=(pc.field("n") < 10,))
    assert batch.splits == ("test",)
    assert batch.ledger == {"test": Ledger(read=COUNT, filtered=COUNT - 10)}
    assert [(split, rows.tolist()) for split, rows in batch.by_split()] == [
        ("test", list(range(10)))
    ]


def test_a_filter_that_fails() -> None:
    with pytest.raises(DataError, match=r"^a\.csv: filter .*: divide by zero$"):
        select("test", filters=(pc.divide(pc.scalar(1), pc.field("n")) > 0,))


def test_a_mask_of_all_rows_copies_nothing() -> None:
    assert filter_rows(np.ones(COUNT, np.bool_), ROWS) is ROWS
    assert filter_rows(np.zeros(COUNT, np.bool_), ROWS).num_rows == 0
