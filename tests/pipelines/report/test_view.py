"""The words and tables of a report, before a template makes a page of them."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.report_cases import statistics

from recordmill.pipelines.report.report import Report
from recordmill.pipelines.report.view import template_variables
from recordmill.pipelines.runtime.elements import Reject
from recordmill.schemas.column import Column
from recordmill.schemas.manifest import Ledger, SourceFile
from recordmill.schemas.schema import Schema

SCHEMA = Schema((Column("age", "int64"), Column("city", "string")))
RAW = statistics(
    SCHEMA,
    {
        "train": {"age": [1, None, 3], "city": ["Rome", None, None]},
        "eval": {"age": [1], "city": ["Oslo"]},
    },
)
NO_FEATURES: dict[str, Any] = {"features": [], "splits": ["train", "eval"]}


def view_of(features: Any = NO_FEATURES, **fields: Any) -> dict[str, Any]:
    fields = {"title": "t", "created": "2026-01-02T03:04:05+00:00", "raw": RAW} | fields
    return template_variables(Report(**fields), features)


def test_a_report_of_nothing() -> None:
    words = template_variables(Report(title="nothing", created="today"), {"features": []})
    assert (words["rows"], words["splits"], words["created"]) == (0, [], "today")
    assert (words["noun"], words["recordmill"], words["sizes"]) == ("row", "", [])


def test_a_line_for_each_split() -> None:
    ledger = {"train": Ledger(read=9, written=3, rejected={"nan": 4, "bad": 2})}
    words = view_of(ledger=ledger, repeats={"eval": 0})
    assert (words["rows"], words["created"]) == (4, "2 January 2026, 03:04 UTC")
    train, evaluation = words["splits"]
    assert train == {
        "name": "train",
        "rows": 3,
        "share": "75.0%",
        "missing": "50.0%",
        "repeats": None,
        "rejected": 6,
        "read": 9,
    }
    assert (evaluation["missing"], evaluation["repeats"], evaluation["read"]) == ("0%", 0, 0)
    assert words["split_indices"] == {"train": 0, "eval": 1}


def test_reasons_by_how_often_with_their_examples() -> None:
    rejects = [
        Reject("a.csv", 7, "age", "nan", "expected a number", "x" * 500),
        Reject("a.csv", 8, None, "bad", "m", "r"),
    ]
    ledger = {"train": Ledger(read=2000, rejected={"bad": 1, "nan": 5, "none": 0, "also": 1})}
    reasons = view_of(ledger=ledger, rejects={"train": rejects})["reasons"]
    assert [(one["reason"], one["count"], one["share"]) for one in reasons] == [
        ("nan", 5, "0.2%"),
        ("also", 1, "<0.1%"),
        ("bad", 1, "<0.1%"),
    ]
    assert reasons[0]["examples"] == [
        {
            "position": "a.csv:7",
            "column": "age",
            "message": "expected a number",
            "raw": "x" * 400 + "…",
        }
    ]
    assert reasons[1]["examples"] == []


def test_two_hundred_inputs_are_listed() -> None:
    files = tuple(SourceFile(f"{n}.csv", None, 1, "ab", 1) for n in range(203))
    words = view_of(inputs=files)
    assert (len(words["inputs"]), words["more_inputs"]) == (200, 3)


def test_kinds_of_features_and_of_warnings() -> None:
    features = [
        {"name": "age", "type": "int", "warnings": [("skewed", "4"), ("constant", "")]},
        {"name": "city", "type": "text", "warnings": []},
        {"name": "n", "type": "int", "warnings": [("constant", "")]},
    ]
    words = view_of({"features": features, "splits": ["train"]})
    assert (words["types"], words["features"]) == ({"int": 2, "text": 1}, 3)
    assert [(one["kind"], one["names"]) for one in words["warnings"]] == [
        ("constant", ["age", "n"]),
        ("skewed", ["age"]),
    ]


@pytest.mark.parametrize("images", [{}, {"kind": "detection"}])
def test_sides_of_images(images: dict[str, Any]) -> None:
    features = [
        {"name": "image/width", "type": "int", "warnings": [], "raw": [{"median": 9}, None]},
        {"name": "image/height", "type": "int", "warnings": [], "raw": [{}, {"median": 5}]},
        {"name": "other", "type": "int", "warnings": [], "raw": [{"median": 1}, {"median": 1}]},
    ]
    words = view_of({"features": features, "splits": ["train", "eval"]}, images=images)
    assert words["sizes"] == (
        [("train", "width", {"median": 9}), ("eval", "height", {"median": 5})] if images else []
    )
    assert words["noun"] == ("image" if images else "row")
