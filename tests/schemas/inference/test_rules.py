"""Each rule proposes a type, features and reasons."""

from __future__ import annotations

import random

import pytest
from helpers.observed import observed

from recordmill.schemas.inference.rules import ColumnProposal, propose_column

RANDOM = random.Random(0)
WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog"]
N = 200


def many(values: list[str]) -> list[str]:
    return [values[i % len(values)] for i in range(N)]


CASES: dict[str, tuple[str, list[str], str, str, tuple[object, ...]]] = {
    "floats": ("x", [f"{i / 7:.3f}" for i in range(N)], "number", "float32", ("z_score",)),
    "counts": ("x", [str(i * i % 97) for i in range(N)], "number", "int64", ("z_score",)),
    "0 and 1": ("x", many(["0", "1", "1"]), "category", "int64", ("vocabulary_ids",)),
    "ranks": ("x", many(list("123456")), "number", "int64", ("z_score",)),
    "codes": ("x", many(["200", "404", "500"]), "category", "int64", ("vocabulary_ids",)),
    "named a code": ("zipCode", many(["1", "2", "3"]), "category", "int64", ("vocabulary_ids",)),
    "amounts": (
        "x",
        [f"{RANDOM.paretovariate(0.7):.2f}" for _ in range(N)],
        "number",
        "float32",
        ("log", "z_score"),
    ),
    "row numbers": ("x", [str(i) for i in range(N)], "identifier", "int64", ()),
    "years, one a row": ("x", [str(1900 + i) for i in range(N)], "number", "int64", ("z_score",)),
    "named an id": ("user_id", [str(7 * i * i) for i in range(N)], "identifier", "int64", ()),
    "UUIDs": (
        "x",
        [f"{RANDOM.getrandbits(128):032x}" for _ in range(N)],
        "identifier",
        "string",
        (),
    ),
    "sequence of text": ("x", [f"AB-{i:05}" for i in range(N)], "identifier", "string", ()),
    "a constant": ("x", ["k"] * N, "constant", "string", ()),
    "a constant number": ("x", ["1.5"] * N, "constant", "float32", ()),
    "nothing": ("x", ["", "NA"] * N, "nothing", "string", ()),
    "a category": ("x", many(["a", "b", "c"]), "category", "string", ("vocabulary_ids",)),
    "yes or no": ("x", many(["yes", "no", "no"]), "category", "string", ("vocabulary_ids",)),
    "leading zeros": (
        "x",
        many(["02139", "94105", "10001"]),
        "category",
        "string",
        ("vocabulary_ids",),
    ),
    "beyond int64": ("x", many(["9" * 20, "8" * 20]), "category", "string", ("vocabulary_ids",)),
    "holes": (
        "x",
        many(["a", "?", "b"]),
        "category",
        "string",
        ({"fill_missing": "?"}, "vocabulary_ids"),
    ),
    "prose": (
        "x",
        [" ".join(RANDOM.choices(WORDS, k=12)) for _ in range(N)],
        "text",
        "string",
        ("lower", {"tf_idf": {"top_k": 100}}),
    ),
    "several values": (
        "x",
        ["|".join(RANDOM.sample("abcdefg", 2)) for _ in range(N)],
        "several",
        "string",
        ({"split_values": {"separator": "|"}}, "vocabulary_ids", {"multi_hot": {"depth": 8}}),
    ),
    "many texts": (
        "x",
        [f"user {i % 120} x" for i in range(N)],
        "hashed",
        "string",
        ({"hash_buckets": {"num_buckets": 128}},),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_column(case: str) -> None:
    name, texts, kind, type_, steps = CASES[case]
    proposal = propose_column(name, observed(texts))
    steps_made = proposal.features[0].steps if proposal.features else ()
    assert (proposal.kind, proposal.type, steps_made) == (kind, type_, steps)
    assert proposal.role == ("feature" if steps else "unused")


def propose(texts: list[str], name: str = "x") -> ColumnProposal:
    return propose_column(name, observed(texts))


REASONS: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "a flag": (
        ["0", "1"] * 253,
        ("506 of 506 values are whole numbers in [0, 1]; 2 different ones: a category",),
    ),
    "holes": (
        ["a", "b", "?", ""] * 10,
        (
            '2 different ones in 20 values (50 % missing: 10 "?", 10 empty): a category',
            '"a" 10, "b" 10',
        ),
    ),
    "a sentinel": (
        [str(i % 50) for i in range(100)] + ["-999"],
        (
            "101 of 101 values are whole numbers in [-999, 49]; 51 different ones: a number",
            '-999 stands 1 time, far from the others (the next is 0): if it means "no value", add '
            "it to missing",
        ),
    ),
    "strays": (
        [str(i * 7 % 101) for i in range(199)] + ["abc"],
        (
            "199 of 200 values are whole numbers in [0, 100]; 102 different ones: a number",
            '1 value taken as missing, being no number: "abc" 1',
        ),
    ),
    "too many others": (
        [str(i % 40) for i in range(90)] + ["abc"] * 10,
        (
            "41 different ones in 100 values: a category",
            '"abc" 10, "0" 3, "1" 3, "2" 3, "3" 3, and 36 more',
            "90 of 100 values are numbers, and the others are not: text",
        ),
    ),
    "money": (
        ["$1,000", "$2,000", "$3,000"] * 10,
        (
            "3 different ones in 30 values: a category",
            '"$1,000" 10, "$2,000" 10, "$3,000" 10',
            "numbers with a currency, a percent sign or separators: 30 values, such as "
            '"$1,000"; to have them as numbers, write them without',
        ),
    ),
    "no row": ([], ("there is no row to infer from: check the type",)),
}


@pytest.mark.parametrize("case", REASONS)
def test_the_reasons(case: str) -> None:
    texts, reasons = REASONS[case]
    assert propose(texts).reasons == reasons


def test_values_that_are_not_numbers_are_not_rejected() -> None:
    assert propose([str(i * 7 % 101) for i in range(199)] + ["abc"]).bad_value == "missing"
    assert propose([str(i) for i in range(50)]).bad_value == "missing"
    assert propose([str(i * 7 % 101) for i in range(199)]).bad_value == "reject"


def test_only_yes_and_no_have_a_domain() -> None:
    flag = propose(["Yes", "No", "?"] * 20)
    assert (flag.domain, flag.bad_value, flag.missing) == (("No", "Yes"), "missing", ("?",))
    assert propose(["a", "b"] * 20).domain == ()


def test_missing_often_is_a_feature_of_its_own() -> None:
    suffixes = [feature.suffix for feature in propose(["1.5", "2.5", "", "3.5"] * 20).features]
    assert suffixes == ["", "_missing"]


def test_one_value_or_none_is_a_feature() -> None:
    proposal = propose(["only", ""] * 20)
    assert [(feature.suffix, feature.steps) for feature in proposal.features] == [
        ("_missing", ("missing_indicator",))
    ]


def test_dates() -> None:
    iso = propose([f"2026-11-{day:02}" for day in range(1, 29)])
    assert [(feature.suffix, feature.steps) for feature in iso.features] == [
        ("_days", ("days_since", "z_score")),
        ("_year", ({"cyclical_date": {"period": "year"}},)),
        ("_week", ({"cyclical_date": {"period": "week"}},)),
    ]
    timed = propose([f"2026-11-{day:02} 10:30" for day in range(1, 29)])
    assert [feature.suffix for feature in timed.features] == ["_days", "_year", "_week", "_day"]
    compact = propose([f"202611{day:02}" for day in range(1, 29)])
    assert compact.features[0].steps == ({"days_since": {"format": "%Y%m%d"}}, "z_score")


def test_a_date_that_may_be_either() -> None:
    assert propose([f"{day}/{day}/2026" for day in range(1, 13)] * 2).reasons == (
        "24 of 24 values are dates written as %m/%d/%Y",
        "no day above 12 tells days from months: check which comes first",
    )
    assert propose([f"{day}/1/2026" for day in range(1, 29)]).reasons == (
        "28 of 28 values are dates written as %d/%m/%Y",
    )


def test_many_values_with_a_few_common_ones() -> None:
    texts = ["a", "b"] * 5000 + [f"rare {i}" for i in range(1500)]
    assert propose(texts).features[0].steps == ({"vocabulary_ids": {"top_k": 1000}},)
