from __future__ import annotations

import re

import numpy as np
import pytest
from helpers.observed import observed

from recordmill.schemas.inference.observed import DATE_FORMATS, ISO, ColumnSummary, Sequence


def sequence_of(*parts: list[int]) -> Sequence:
    sequence = Sequence()
    for part in parts:
        sequence.add(np.array(part, np.int64))
    return sequence


def test_a_sequence_goes_on_in_the_next_block() -> None:
    assert sequence_of([1, 3], [], [5]) == Sequence(last=5, step=2)
    assert sequence_of([9], [8, 7]) == Sequence(last=7, step=-1)


@pytest.mark.parametrize("parts", [([1, 2, 4],), ([1, 2], [4]), ([5, 5],)])
def test_a_sequence_is_broken(parts: tuple[list[int], ...]) -> None:
    assert sequence_of(*parts).broken


def test_a_column_of_several_kinds() -> None:
    seen = observed(["1", "2", "2", "0.5", "", "NA", "x"])
    assert (seen.rows, seen.numbers, seen.present, seen.absent) == (7, 4, 5, 2)
    assert seen.unique() == 4
    assert seen.exact
    assert seen.common() == [("2", 2), ("1", 1), ("x", 1)]


def test_numbers_are_ascending_with_their_counts() -> None:
    values, counts = observed(["3", "0.5", "3", "1"]).points()
    assert (values.tolist(), counts.tolist()) == ([0.5, 1, 3], [1, 1, 2])


def test_no_rows() -> None:
    seen = ColumnSummary()
    assert (seen.unique(), seen.present, seen.common()) == (0, 0, [])
    assert seen.almost_unique()


def test_one_repeat_in_a_hundred_is_almost_unique() -> None:
    texts = [str(number) for number in range(100)]
    assert observed([*texts, "0"]).almost_unique()
    assert not observed([*texts, "0", "1"]).almost_unique()


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        (ISO, "2026-12-31T23:59:59.5+01:00", "2026-13-01"),
        ("%Y/%m/%d", "2026/1/31", "2026/0/31"),
        ("%m/%d/%Y", "12/31/2026", "31/12/2026"),
        ("%d/%m/%Y", "31/12/2026", "12/31/2026"),
        ("%m/%d/%Y %H:%M", "1/2/2026 9:05", "1/2/2026 24:00"),
        ("%d/%m/%Y %H:%M", "31/1/2026 23:59", "31/1/2026"),
        ("%d.%m.%Y", "1.2.2026", "1.13.2026"),
        ("%d.%m.%Y %H:%M", "1.2.2026 00:00", "1.2.2026 7"),
        ("%Y%m%d", "20261231", "21261231"),
    ],
)
def test_dates_match_their_format(name: str, good: str, bad: str) -> None:
    assert re.match(DATE_FORMATS[name], good)
    assert not re.match(DATE_FORMATS[name], bad)
