"""The calendar, compared with Python's; `test_dates` compares whole dates and times."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from recordmill.transforms._ops.calendar import (
    civil_from_days,
    days_from_civil,
    days_in_month,
    iso_week,
    new_year,
)

EPOCH = date(1970, 1, 1)
DATES = st.lists(st.dates(), min_size=1, max_size=50)


def whole(values: list[int]) -> tf.Tensor:
    return tf.constant(values, tf.int64)


@given(DATES)
def test_days_since_1970_and_back(dates: list[date]) -> None:
    parts = [[day.year, day.month, day.day] for day in dates]
    days = days_from_civil(*(whole(list(column)) for column in zip(*parts, strict=True)))
    assert days.numpy().tolist() == [(day - EPOCH).days for day in dates]
    assert tf.stack(civil_from_days(days), axis=1).numpy().tolist() == parts


@pytest.mark.parametrize("days", [-719_529, -800_000, 3_000_000])
def test_years_beyond_those_of_python(days: int) -> None:
    """The year 0 and those below, and beyond 9999, go on as the calendar does, in 400 years."""
    year, month, day = (int(one[0]) for one in civil_from_days(whole([days])))
    shifted = (days + 146_097 * 10) if days < 0 else days - 146_097 * 10
    expected = EPOCH + timedelta(days=shifted)
    assert (year + (4000 if days < 0 else -4000), month, day) == (
        expected.year,
        expected.month,
        expected.day,
    )
    assert days_from_civil(*(whole([one]) for one in (year, month, day))).numpy().tolist() == [days]


def test_new_year() -> None:
    assert new_year(whole([1969, 1970, 1971, 1973])).numpy().tolist() == [-365, 0, 365, 1096]


@pytest.mark.parametrize("year", [1900, 2000, 2023, 2024, 2100])
def test_days_in_a_month(year: int) -> None:
    months = list(range(1, 13))
    lengths = days_in_month(whole([year] * 12), whole(months))
    assert lengths.numpy().tolist() == [calendar.monthrange(year, month)[1] for month in months]


@given(DATES)
def test_iso_weeks(dates: list[date]) -> None:
    thursdays = [(day - EPOCH).days + 3 - day.weekday() for day in dates]
    weeks = iso_week(whole(thursdays), whole([day.year for day in dates]))
    assert weeks.numpy().tolist() == [day.isocalendar().week for day in dates]
