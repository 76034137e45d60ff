"""Facts of columns, in numbers and in words."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.observed import observed

from recordmill.schemas.inference.facts import (
    buckets,
    has_gaps,
    missing_note,
    one_pattern,
    parts_of,
    range_of,
    sentinels,
    shown,
    skewness,
)
from recordmill.schemas.inference.observed import Sequence


def test_the_skewness_is_that_of_the_definition() -> None:
    values = np.array([0, 0, 0, 1, 5])
    offsets = values - values.mean()
    expected = np.mean(offsets**3) / np.mean(offsets**2) ** 1.5
    skew, of_logarithm = skewness(observed([str(value) for value in values]))
    assert skew == pytest.approx(expected) and 0 < of_logarithm < skew
    assert skewness(observed(["7"] * 5)) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["5", "-3"], "in [-3, 5]"),
        (["0.1", "7"], "in [0.1, 7.0]"),
        ([str(2**63 - 1), "0"], f"in [0, {2**63 - 1}]"),
    ],
)
def test_a_range_is_written_as_it_is(texts: list[str], expected: str) -> None:
    assert range_of(observed(texts)) == expected


def test_codes_leave_gaps() -> None:
    assert has_gaps(observed(["200", "404", "500"]))
    assert not has_gaps(observed(["1", "2", "3", "5"]))


@pytest.mark.parametrize("texts", [["0", "1", "99"], ["-999.0", "0.5", "0.7"], ["1", "2", "9999"]])
def test_nines_far_away_are_described(texts: list[str]) -> None:
    (note,) = sentinels(observed(texts))
    assert 'if it means "no value", add it to missing' in note


@pytest.mark.parametrize("texts", [["97", "98", "99"], ["1", "2", "1000"], ["1", "99"]])
def test_other_numbers_are_not(texts: list[str]) -> None:
    assert sentinels(observed(texts)) == []


def test_the_common_form_of_identifiers() -> None:
    uuids = [f"{i:08x}-0000-4000-8000-{i:012x}" for i in range(30)]
    assert one_pattern(observed(uuids)) == "of one pattern, a UUID"
    assert one_pattern(observed(["AB-1", "CD-22", "E-3"])) == "of one pattern"
    assert one_pattern(observed(["a.b@c.org", "dd@e.com", "x"])) == "none with a blank in it"
    assert one_pattern(observed(["a b", "c-d e f", "1 & g"])) == ""


def test_several_values_a_field() -> None:
    assert parts_of(observed(["a|b|c", "b|c", "a", "c|a"])) == ("|", 0.75, 3)
    assert parts_of(observed(["Rome, Italy", "Oslo, Norway", "Lima, Peru"])) is None
    assert parts_of(observed(["1,000", "2,000", "3,000", "1,001"])) is None


def test_missing_values_by_token() -> None:
    summary = observed(["?", "", "NA", "?", "a", "b", "c", "d"])
    assert missing_note(summary) == ' (50 % missing: 2 "?", 1 "NA", 1 empty)'


def test_quoted_values_stay_on_one_line() -> None:
    assert shown("a\r\n\u2028b\x1b[0m") == '"a   b [0m"'


def test_buckets_are_a_power_of_two() -> None:
    assert buckets(observed(["a"])) == 16
    assert buckets(observed([f"x{i}" for i in range(1025)])) == 2048


def test_a_sequence_needs_a_step() -> None:
    sequence = Sequence()
    sequence.add(np.array([], np.int64))
    sequence.add(np.array([5, 5]))
    assert sequence.broken
