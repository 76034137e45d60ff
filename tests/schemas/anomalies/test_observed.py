from __future__ import annotations

from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatistics

from recordmill.schemas.anomalies.observed import BadValues, InputSummary


def bad_values(*values: tuple[str, int, str]) -> BadValues:
    bad = BadValues()
    for text, count, place in values:
        bad.add(text, count, place)
    return bad


def test_a_text_keeps_its_first_place() -> None:
    bad = bad_values(("x", 2, "a.csv:7"), ("y", 1, "a.csv:8"), ("x", 3, "a.csv:9"))
    assert bad == BadValues(6, {"x": (5, "a.csv:7"), "y": (1, "a.csv:8")})


def test_absorbing_adds_what_comes_later() -> None:
    bad = bad_values(("x", 2, "a:1"))
    bad.absorb(bad_values(("x", 1, "b:1"), ("z", 4, "b:2")))
    assert bad == BadValues(7, {"x": (3, "a:1"), "z": (4, "b:2")})


def test_a_hundred_texts_are_kept_and_all_are_counted() -> None:
    bad = bad_values(*((f"{place}", 1, "") for place in range(150)), ("5", 10, ""))
    assert (bad.count, len(bad.values)) == (160, 100)
    assert bad.describe() == '"5" (11), "0" (1), "1" (1) and others'


def test_long_texts_are_cut() -> None:
    bad = bad_values(("x" * 100, 1, ""), ("y" * 101, 1, ""))
    assert [*bad.values] == ["x" * 100, "y" * 100 + "…"]


def test_texts_are_shown_on_one_line() -> None:
    assert bad_values(('a\n"é', 1, "f:3")).describe() == r'"a\n\"é" (at f:3)'
    assert BadValues().describe() == ""


def test_rows_are_those_of_the_statistics() -> None:
    assert InputSummary(DatasetFeatureStatistics(num_examples=7)).rows == 7
