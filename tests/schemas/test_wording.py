"""Counts in words."""

from __future__ import annotations

import pytest

from recordmill.schemas.wording import count_of


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1234567, "1,234,567 rows")]
)
def test_counts(number: int, text: str) -> None:
    assert count_of(number, "row") == text


def test_another_plural() -> None:
    assert [count_of(n, "anomaly", "anomalies") for n in (1, 3)] == ["1 anomaly", "3 anomalies"]
