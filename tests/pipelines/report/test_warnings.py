from __future__ import annotations

from typing import Any

import pytest
from helpers.report_cases import statistics

from recordmill.pipelines.report.warnings import WARNINGS, warnings_of
from recordmill.schemas.anomalies.distances import Distance
from recordmill.schemas.column import Column
from recordmill.schemas.schema import Schema


def warned(kind: str, *splits: list[Any], association: float | None = None, **options: Any) -> Any:
    """Return the warnings of a column with these values in train, eval, …"""
    schema = Schema((Column("x", kind),))  # type: ignore[arg-type]
    columns = {name: {"x": x} for name, x in zip(("train", "eval"), splits, strict=False)}
    features = {name: proto.features[0] for name, proto in statistics(schema, columns).items()}
    if association is not None:
        features["train"].custom_stats.add(name="label_association", num=association)
    defaults: dict[str, Any] = {"is_label": False, "distance": None, "unseen": {}}
    return warnings_of(features, **(defaults | options))


SPREAD = [float(number) for number in range(40)]


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("float32", SPREAD, []),
        ("float32", [None] * 4, [("empty", "")]),
        ("float32", [None] * 40 + SPREAD, [("mostly_missing", "50.0%")]),
        ("float32", [None] * 39 + SPREAD, []),
        ("float32", [7.0] * 4, [("constant", "")]),
        ("float32", [7.0], []),
        ("string", ["a"] * 4, [("constant", "")]),
        ("float32", [0.0] * 4, [("all_zeros", "")]),
        ("string", [str(n) for n in range(20)], [("almost_unique", "20 of 20")]),
        ("string", [str(n) for n in range(19)], []),
        ("int64", [*range(19), 18], [("almost_unique", "19 of 20")]),
        ("string", [str(n) for n in [*range(18), 1, 1]], []),
        ("float32", [0.0] * 60 + [1000.0], [("skewed", "6.5")]),
        ("float32", [0.0] * 60 + [-1000.0], [("skewed", "-6.5")]),
    ],
)
def test_one_split(kind: str, values: list[Any], expected: list[tuple[str, str]]) -> None:
    assert warned(kind, values) == expected


def test_details_name_the_split() -> None:
    assert warned("float32", SPREAD, [1.0, 1.0]) == [("constant", "in eval")]
    assert warned("float32", [1.0, 1.0], [1.0, 1.0]) == [("constant", "")]
    half = [None] * 40 + SPREAD
    assert warned("float32", half, SPREAD) == [("mostly_missing", "50.0% in train")]


@pytest.mark.parametrize(("association", "expected"), [(0.49, []), (0.5, [("associated", "0.50")])])
def test_association(association: float, expected: list[tuple[str, str]]) -> None:
    assert warned("float32", SPREAD, association=association) == expected
    assert warned("float32", SPREAD, association=association, is_label=True) == []


@pytest.mark.parametrize(
    ("value", "chance", "expected"),
    [(0.09, 0.0, []), (0.1, 0.05, [("apart", "0.10")]), (0.3, 0.4, [])],
)
def test_apart(value: float, chance: float, expected: list[tuple[str, str]]) -> None:
    assert warned("float32", SPREAD, distance=Distance(value, chance, ())) == expected


def test_unseen() -> None:
    values = ["a", "b"] * 50
    assert warned("string", values, values, unseen={"eval": 1}) == [("unseen", "1 in eval")]
    assert warned("string", values * 2, values * 2, unseen={"eval": 1}) == []
    assert warned("string", values, values, unseen={"eval": None}) == []


def test_every_kind_has_a_meaning() -> None:
    assert all(kind.title and kind.meaning for kind in WARNINGS.values())
