"""What a block of text holds; `test_examine` reads files into blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from recordmill.pipelines.runtime.elements import Reject, TextBatch
from recordmill.pipelines.validation.blocks import BlockSummary, UntypedColumn, examine_block, merge
from recordmill.schemas.anomalies.observed import BadValues
from recordmill.schemas.column import Column
from recordmill.schemas.schema import Schema

SCHEMA = Schema(
    (
        Column("age", "int64", minimum=0, maximum=90, missing=("?",)),
        Column("sex", "string", domain=("F", "M"), required=True),
    )
)


def block(columns: dict[str, list[str]], *rejects: Reject, file: str = "a.csv") -> TextBatch:
    rows = len(next(iter(columns.values())))
    arrays = [pa.array(texts, pa.string()).dictionary_encode() for texts in columns.values()]
    batch = pa.RecordBatch.from_arrays(arrays, names=list(columns))
    lines = np.arange(2, rows + 2)
    return TextBatch(None, file, (0, 0), batch, lines, str, rows + len(rejects), 0, rejects)


def examined(ages: list[str], **columns: Any) -> BlockSummary:
    sexes = columns.pop("sex", ["F"] * len(ages))
    return examine_block(block({"age": ages, "sex": sexes, **columns}), SCHEMA)


def test_good_values() -> None:
    found = examined(["20", " 30 ", "?", "20"])
    assert (found.bad, found.extra, found.records) == ({}, {}, {})
    assert found.files == {"a.csv": ("age", "sex")}
    age, sex = found.profile.columns
    assert (found.profile.rows, age.count, age.missing, sex.count) == (4, 3, 1, 4)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x", "not_an_integer"),
        ("1.5", "fraction"),
        ("9" * 30, "integer_overflow"),
        ("-1", "below_minimum"),
        ("91", "above_maximum"),
    ],
)
def test_what_is_wrong_with_an_integer(text: str, reason: str) -> None:
    found = examined(["20", text, text])
    assert found.bad == {"age": {reason: BadValues(2, {text: (2, "a.csv:3")})}}
    in_profile = reason in ("below_minimum", "above_maximum")
    assert found.profile.columns[0].count == (3 if in_profile else 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("nan", "nan"), ("-INF", "infinite"), ("1e99", "infinite"), ("x", "not_a_number")],
)
def test_what_is_wrong_with_a_float(text: str, reason: str) -> None:
    schema = Schema((Column("x", "float32"),))
    assert list(examine_block(block({"x": ["1", text]}), schema).bad["x"]) == [reason]


def test_out_of_range_is_on_the_nearer_side() -> None:
    only_maximum = Schema((Column("x", "int64", maximum=9),))
    only_minimum = Schema((Column("x", "int64", minimum=0),))
    for schema, text, reason in (
        (only_maximum, "10", "above_maximum"),
        (only_minimum, "-1", "below_minimum"),
    ):
        assert list(examine_block(block({"x": [text]}), schema).bad["x"]) == [reason]


def test_texts_off_the_domain_and_missing_ones() -> None:
    found = examined(["1", "2", "3"], sex=["X", "", " X "])
    assert found.bad["sex"] == {
        "not_in_domain": BadValues(2, {"X": (2, "a.csv:2")}),
        "missing_required": BadValues(1, {"": (1, "a.csv:3")}),
    }


@pytest.mark.parametrize(("bad_value", "mean"), [("clip", 90), ("missing", 20), ("reject", 200)])
def test_the_profile_has_what_a_run_makes_of_bad_values(bad_value: str, mean: int) -> None:
    column = Column("age", "int64", maximum=90, bad_value=bad_value)  # type: ignore[arg-type]
    found = examine_block(block({"age": ["20", "200"]}), Schema((column,)))
    numbers: Any = found.profile.columns[0]
    assert max(numbers.values.tolist()) == mean
    assert list(found.bad["age"]) == ["above_maximum"]


def test_a_column_that_is_not_there_is_missing() -> None:
    found = examine_block(block({"sex": ["F", "M"]}), SCHEMA)
    assert found.profile.columns[0].missing == 2
    assert found.files == {"a.csv": ("sex",)}


def test_records_that_are_no_rows() -> None:
    rejects = [Reject("a.csv", n, None, "too_few", "expected 2", "") for n in (4, 5)]
    found = examine_block(block({"age": ["1"], "sex": ["F"]}, *rejects), SCHEMA)
    assert found.records == {"too_few": BadValues(2, {"expected 2": (2, "a.csv:4")})}
    assert found.profile.rows == 1


class TestUnknown:
    @pytest.mark.parametrize(
        ("texts", "kind", "missing"),
        [
            (["1", "2", ""], "int64", 1),
            (["1", "2.5"], "float32", 0),
            (["1", "x"], "string", 0),
            (["", ""], "string", 2),
        ],
    )
    def test_it_is_of_the_narrowest_type(self, texts: list[str], kind: str, missing: int) -> None:
        unknown = examined(["1"] * len(texts), zip=texts).extra["zip"]
        known = unknown.statistics(len(texts))
        assert (known.type, known.missing) == (kind, missing)

    def test_another_block_can_widen_it(self) -> None:
        parts = [examined(["1"], zip=[text]).extra["zip"] for text in ("7", "7.5", "x")]
        whole = UntypedColumn()
        for part, kind in zip(parts, ("int64", "float32", "string"), strict=True):
            whole.absorb(part)
            assert whole.statistics(3).type == kind


def test_merging_is_in_the_order_of_the_blocks() -> None:
    first = examine_block(block({"age": ["x"], "sex": ["F"], "zip": ["1"]}), SCHEMA)
    second = examine_block(block({"age": ["x"], "sex": ["M"]}, file="b.csv"), SCHEMA)
    again = examine_block(block({"sex": ["M"], "more": ["y"]}), SCHEMA)
    merged = merge(SCHEMA, [first, second, again])
    assert merged.bad == {"age": {"not_an_integer": BadValues(2, {"x": (2, "a.csv:2")})}}
    assert merged.files == {"a.csv": ("age", "sex", "zip", "more"), "b.csv": ("age", "sex")}
    assert list(merged.extra) == ["zip", "more"]
    assert merged.profile.rows == 3
    assert first.bad["age"]["not_an_integer"].count == 1  # left as it was
