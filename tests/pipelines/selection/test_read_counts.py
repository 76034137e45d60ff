"""Counts of records, and rejects that are too many."""

from __future__ import annotations

from pathlib import Path

import pytest

from recordmill.pipelines.runtime.elements import Reject
from recordmill.pipelines.selection.read_counts import (
    ReadCounts,
    check_rejects,
    sum_read_counts,
    write_reject_file,
)
from recordmill.schemas.errors import DataError
from recordmill.schemas.manifest import Ledger


def test_an_encoding_is_named(tmp_path: Path) -> None:
    rejects = [
        Reject("a.csv", 2, None, "too_few_fields", "expected 3 fields, got 2", "1,2"),
        Reject("a.csv", 9, None, "invalid_utf8", "expected UTF-8 text, got 0x80", "\\x80 5,1,no"),
    ]
    write_reject_file(rejects, str(tmp_path), split=None, position=(0, 0))
    reasons = {"too_few_fields": 1, "invalid_utf8": 1}
    account = ReadCounts({"unsplit": Ledger(read=8, rejected=reasons)})
    with pytest.raises(DataError) as error:
        check_rejects(account, limit=0.01, folder=str(tmp_path / "unsplit"))
    assert str(error.value) == (
        "2 of 8 records were rejected (25.00%; max_reject_ratio is 1.00%): 1 invalid_utf8, "
        "1 too_few_fields. Nothing was published. The first ones:\n"
        "  a.csv:2: expected 3 fields, got 2\n"
        "  a.csv:9: expected UTF-8 text, got 0x80\n"
        'The bytes look like cp1252 (Windows), in which they read "€ 5,1,no": convert the file, as '
        "`iconv -f CP1252 -t UTF-8` does."
    )


def test_counts_add_up_in_any_order() -> None:
    counts = [
        ReadCounts({"train": Ledger(read=3)}, 10, frozenset({1, 2})),
        ReadCounts({"unsplit": Ledger(read=1, rejected={"bad": 1})}, 5, frozenset({2, 3})),
    ]
    total = sum_read_counts(counts)
    assert total == sum_read_counts(counts[::-1])
    assert (total.records, total.rejected, total.size) == (4, 1, 15)
    assert total.contents == {1, 2, 3}
    assert sum_read_counts([]) == ReadCounts({})


def test_more_contents_than_are_listed_are_unknown() -> None:
    half, other = frozenset(range(60)), frozenset(range(60, 120))
    assert sum_read_counts([ReadCounts({}, 0, half), ReadCounts({}, 0, other)]).contents is None
    assert sum_read_counts([ReadCounts({}, 0, half), ReadCounts({}, 0, None)]).contents is None
