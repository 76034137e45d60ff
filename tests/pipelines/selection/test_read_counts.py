"""Counts of records; `tables/test_ingest` has the message of too many rejects."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recordmill.pipelines.runtime.elements import Reject
from recordmill.pipelines.selection.read_counts import (
    ReadCounts,
    check_rejects,
    sum_read_counts,
    write_reject_file,
)
from recordmill.pipelines.shuffle.fingerprint import distinct_keys
from recordmill.schemas.errors import DataError
from recordmill.schemas.manifest import Ledger

ONE = ReadCounts({"train": Ledger(read=3, rejected={"nan": 1})}, 30, frozenset({1, 2}))
OTHER = ReadCounts({"train": Ledger(read=2), "eval": Ledger(read=5)}, 70, frozenset({2, 9}))


def test_they_add_up_in_any_order() -> None:
    total = ReadCounts(
        {"eval": Ledger(read=5), "train": Ledger(read=5, rejected={"nan": 1})},
        100,
        frozenset({1, 2, 9}),
    )
    assert ONE + OTHER == OTHER + ONE == sum_read_counts([ONE, OTHER]) == total
    assert (total.records, total.rejected) == (10, 1)
    assert sum_read_counts([]) == ReadCounts({})


def test_keys_are_listed_while_they_are_few() -> None:
    many = ReadCounts({}, 0, None)
    assert (ONE + many).contents is None
    keys = np.arange(1 << 20, dtype=np.uint64)
    assert distinct_keys(keys) is None
    assert distinct_keys(keys[:2]) == frozenset({0, 1})


def test_rejects_up_to_the_limit(tmp_path: Path) -> None:
    assert check_rejects(ONE, limit=1 / 3, folder=str(tmp_path)) is ONE
    with pytest.raises(DataError, match=r"^1 of 3 records were rejected \(33\.33%; max_reject"):
        check_rejects(ONE, limit=0.33, folder=str(tmp_path))


def test_rejects_of_a_block_are_a_file(tmp_path: Path) -> None:
    reject = Reject("a.csv", 7, "age", "nan", "expected é", "x")
    write_reject_file([reject], str(tmp_path), split=None, position=(3, 12))
    write_reject_file([], str(tmp_path), split="train", position=(3, 13))
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert str(path.relative_to(tmp_path)) == "unsplit/000003-000012.jsonl"
    assert Reject(**json.loads(path.read_text("utf-8"))) == reject
