"""Columns of numbers: identifiers, codes and amounts; see also `test_rules`."""

from __future__ import annotations

import pytest
from helpers.observed import observed

from recordmill.schemas.inference.numbers import number, numeric, type_of


def kind_of(texts: list[str], name: str = "x") -> str | None:
    proposal = number(name, observed(texts))
    return proposal.kind if proposal else None


@pytest.mark.parametrize(
    ("texts", "is_numeric"),
    [
        (["1", "2.5"], True),
        (["1"] * 99 + ["x"], True),
        (["1", "x"], False),
        (["007", "1"], False),
        (["9" * 30, "1"], False),
        (["inf", "1"], True),
        ([""], False),
    ],
)
def test_columns_of_numbers(texts: list[str], is_numeric: bool) -> None:
    seen = observed(texts)
    assert numeric(seen) == is_numeric
    assert (number("x", seen) is not None) == is_numeric


def test_the_type_that_holds_them() -> None:
    assert type_of(observed(["1", "2"])) == "int64"
    assert type_of(observed(["1", "2.5"])) == "float32"


def test_whole_numbers_that_go_up_identify_rows() -> None:
    rows = [str(number) for number in range(1, 201)]
    proposal = number("x", observed(rows))
    assert proposal is not None
    assert (proposal.kind, proposal.role, proposal.bad_value) == ("identifier", "unused", "missing")
    assert proposal.reasons[0].endswith("each is the one before +1: an identifier, left out")
    assert kind_of([str(year) for year in range(1901, 2101)]) == "number"


def test_a_name_makes_codes_of_numbers() -> None:
    texts = [str(place % 40) for place in range(400)]
    assert kind_of(texts) == "number"
    assert kind_of(texts, "shop_code") == "category"


def test_many_codes_are_hashed() -> None:
    texts = [str(7 * (place % 5000)) for place in range(10_000)]
    proposal = number("zip", observed(texts))
    assert proposal is not None
    (feature,) = proposal.features
    assert feature.steps == ({"hash_buckets": {"num_buckets": 8192}},)


def test_a_long_tail_takes_the_logarithm() -> None:
    texts = [str(2 ** (place % 20)) for place in range(2000)]
    proposal = number("x", observed([*texts, *map(str, range(3, 100, 2))]))
    assert proposal is not None
    assert proposal.features[0].steps == ("log", "z_score")


def test_missing_values_are_a_feature_from_one_percent_on() -> None:
    texts = [f"{place}.5" for place in range(200)]
    few, many = number("x", observed([*texts, ""])), number("x", observed([*texts, *[""] * 3]))
    assert few is not None and many is not None
    assert [one.suffix for one in few.features] == [""]
    assert [one.suffix for one in many.features] == ["", "_missing"]


def test_strays_become_missing() -> None:
    proposal = number("x", observed([f"{place}.5" for place in range(300)] + ["oops"]))
    assert proposal is not None
    assert proposal.bad_value == "missing"
    assert proposal.reasons[1] == '1 value taken as missing, being no number: "oops" 1'
