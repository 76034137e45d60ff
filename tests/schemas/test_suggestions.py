"""Unknown names get a hint at the nearest one."""

from __future__ import annotations

from recordmill.schemas.suggestions import did_you_mean


def test_the_nearest_name_is_suggested() -> None:
    assert did_you_mean("capital_gain", iter(["age", "capital-gain", "capital-loss"])) == (
        '; did you mean "capital-gain"?'
    )


def test_nothing_is_suggested_where_nothing_is_near() -> None:
    assert did_you_mean("age", ["income"]) == did_you_mean("age", []) == did_you_mean("", []) == ""
