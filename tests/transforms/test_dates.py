from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta, timezone, tzinfo
from functools import cache
from typing import get_args
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.schemas.column import MISSING_INT64
from recordmill.schemas.errors import RecipeError
from recordmill.transforms.dates import Part, Period, cyclical_date, date_part, days_since

UTC = timezone.utc
NAMED_ZONES = ["Europe/Berlin", "Australia/Lord_Howe"]
PARTS = get_args(Part)
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
MOMENTS = st.lists(st.datetimes(timezones=st.none() | OFFSETS), min_size=1, max_size=30)


def in_zone(moment: datetime, zone: tzinfo) -> datetime | None:
    """Return the moment on the clocks of a zone; None outside the years 1 to 9999."""
    try:
        instant = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
        return instant.astimezone(zone)
    except OverflowError:
        return None


def expected_part(moment: datetime | None, part: str) -> int:
    if moment is None:
        return MISSING_INT64
    special = {
        "quarter": (moment.month - 1) // 3 + 1,
        "week": moment.isocalendar().week,
        "weekday": moment.weekday(),
        "day_of_year": moment.timetuple().tm_yday,
    }
    return special[part] if part in special else int(getattr(moment, part))


@cache
def all_parts(zone: str) -> Callable[[tf.Tensor], list[tf.Tensor]]:
    spec = tf.TensorSpec([None], tf.string)
    return tf.function(
        lambda x: [date_part(x, part=part, time_zone=zone) for part in PARTS],
        input_signature=[spec],
    )


def assert_parts(moments: list[datetime], zone: str, sep: str = "T") -> None:
    """Assert that moments have the parts that the clocks of a zone show."""
    clocks = [in_zone(moment, UTC if zone == "UTC" else ZoneInfo(zone)) for moment in moments]
    result = all_parts(zone)(tf.constant([moment.isoformat(sep) for moment in moments]))
    for part, values in zip(PARTS, result, strict=True):
        assert values.numpy().tolist() == [expected_part(clock, part) for clock in clocks], part


@pytest.mark.slow
@settings(max_examples=30)
@given(moments=MOMENTS, sep=st.sampled_from("T "))
def test_parts_are_those_of_datetime_in_utc(moments: list[datetime], sep: str) -> None:
    assert_parts(moments, "UTC", sep)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(moments=MOMENTS, zone=st.sampled_from(NAMED_ZONES))
def test_parts_are_those_of_the_named_zone(moments: list[datetime], zone: str) -> None:
    assert_parts(moments, zone)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    instant=st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)),
    offsets=st.lists(OFFSETS, min_size=2, max_size=2),
    zone=st.sampled_from(NAMED_ZONES),
)
def test_one_moment_has_the_same_features_at_any_offset(
    instant: datetime, offsets: list[timezone], zone: str
) -> None:
    moments = [instant.replace(tzinfo=UTC).astimezone(offset) for offset in offsets]
    x = tf.constant([moment.isoformat() for moment in moments])
    features = [
        *all_parts(zone)(x),
        *(cyclical_date(x, period=period, time_zone=zone) for period in get_args(Period)),
        days_since(x, time_zone=zone),
    ]
    for feature in features:
        np.testing.assert_array_equal(feature[0], feature[1])


@pytest.mark.parametrize(
    ("text", "zone", "day", "hour", "week"),
    [
        ("2020-12-28T00:30:00+02:00", "UTC", 27, 22, 52),
        ("2020-12-27T22:30:00Z", "UTC", 27, 22, 52),
        ("2020-12-27T22:30:00Z", "+02:00", 28, 0, 53),
        ("2020-12-27T22:30:00Z", "Europe/Berlin", 27, 23, 52),
        ("2020-12-28T00:30:00", "+02:00", 28, 0, 53),
        ("2020-12-28", "Europe/Berlin", 28, 0, 53),
        ("2020-12-28T00:30:00+02:00", "-05:30", 27, 17, 52),
    ],
)
def test_offsets_and_zones(text: str, zone: str, day: int, hour: int, week: int) -> None:
    x = tf.constant([text])
    result = [date_part(x, part=part, time_zone=zone)[0] for part in ("day", "hour", "week")]
    assert result == [day, hour, week]


@pytest.mark.parametrize(
    ("text", "hour", "minutes_after_noon_utc"),
    [
        ("2026-03-29T01:59:00", 1, 59 - 12 * 60),
        ("2026-03-29T02:30:00", 3, 90 - 12 * 60),  # no clock of Berlin shows it
        ("2026-03-29T03:30:00", 3, 90 - 12 * 60),
        ("2026-10-25T02:30:00", 2, 30 - 12 * 60),  # the first of two
        ("2026-10-25T02:30:00+02:00", 2, 30 - 12 * 60),
        ("2026-10-25T02:30:00+01:00", 2, 90 - 12 * 60),
        ("2026-10-25T03:00:00", 3, 120 - 12 * 60),
    ],
)
def test_clocks_put_back_or_forward(text: str, hour: int, minutes_after_noon_utc: int) -> None:
    x = tf.constant([text])
    assert date_part(x, part="hour", time_zone="Europe/Berlin").numpy().tolist() == [hour]
    days = days_since(x, since=f"{text[:10]}T12:00Z", time_zone="Europe/Berlin")
    assert days.numpy().tolist() == [np.float32(minutes_after_noon_utc / 1440)]


def test_a_day_without_midnight_is_that_day() -> None:
    x = tf.constant(["2018-11-04"])  # São Paulo went from 23:59:59 to 01:00:00
    result = [
        int(date_part(x, part=part, time_zone="America/Sao_Paulo")[0]) for part in ("day", "hour")
    ]
    assert result == [4, 1]


def test_days_since_a_start_in_the_zone() -> None:
    x = tf.constant(["2026-01-02", "2026-07-02", "2026-01-01T23:00:00Z"])
    result = days_since(x, since="2026-01-01", time_zone="Europe/Berlin").numpy().tolist()
    assert result == [1, np.float32(182 - 1 / 24), 1]


def test_a_format_is_of_the_zone() -> None:
    x = tf.constant(["1/7/2026 00:30"])
    result = days_since(
        x, since="2026-06-30T22:30Z", format="%d/%m/%Y %H:%M", time_zone="Europe/Berlin"
    )
    assert result.numpy().tolist() == [0]


@tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
def days(x: tf.Tensor) -> tf.Tensor:
    return days_since(x)


@settings(max_examples=30)
@given(moments=MOMENTS)
def test_days_since_a_moment(moments: list[datetime]) -> None:
    start = datetime(2000, 1, 1, tzinfo=timezone.utc)
    aware = [moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc) for moment in moments]
    expected = [(moment - start) / timedelta(days=1) for moment in aware]
    result = days(tf.constant([moment.isoformat() for moment in moments]))
    assert result.dtype == tf.float32
    np.testing.assert_array_max_ulp(result.numpy(), np.float32(expected), maxulp=1)


@pytest.mark.slow
def test_every_day_of_four_centuries() -> None:
    all_days = [datetime(1896, 1, 1) + timedelta(days=day) for day in range(146_097)]
    x = tf.constant([day.strftime("%Y-%m-%d") for day in all_days])
    passed = days_since(x, since="1896-01-01")
    np.testing.assert_array_equal(passed, np.arange(146_097, dtype=np.float32))
    np.testing.assert_array_equal(date_part(x, part="weekday"), [day.weekday() for day in all_days])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "2026",
        "2026-11",
        "2026-11-31",
        "2026-02-29",
        "1900-02-29",
        "2026-13-01",
        "2026-00-10",
        "0000-01-01",
        "2026-11-21T24:00",
        "2026-11-21T10",
        "2026-11-21T10:60",
        "2026-11-21T10:30:60",
        "2026-11-21T10:30:",
        "2026-11-21T10:30+5:00",
        "2026-11-21T10:30+24:00",
        "2026-11-21Z",
        "2026-11-21 ab",
        "22026-11-21",
        "\u0662026-11-21",
    ],
)
def test_what_does_not_parse_is_missing(text: str) -> None:
    x = tf.constant([[text]])
    assert date_part(x, part="day").numpy().tolist() == [[MISSING_INT64]]
    assert math.isnan(days_since(x).numpy().item())
    assert cyclical_date(x, period="year").numpy().tolist() == [[[0, 0]]]


def test_blanks_around_a_date_are_stripped() -> None:
    assert date_part(tf.constant([" 2024-02-29\n"]), part="day").numpy().tolist() == [29]


def test_fractions_and_zones() -> None:
    x = [
        "1970-01-02T00:00:00.5Z",
        "1970-01-01T12:00+12:00",
        "1970-01-01T00:00:00.000001234567-06:00",
    ]
    result = days_since(tf.constant(x), since="1970-01-01").numpy().tolist()
    assert result == [np.float32(1 + 0.5 / 86_400), 0, 0.25]


def test_days_between_two_columns() -> None:
    x, start = tf.constant(["2026-11-21", "", "2026-11-21"]), tf.constant(["2025-11-21"] * 2 + [""])
    result = days_since(x, start).numpy()
    np.testing.assert_array_equal(result, np.float32([365, math.nan, math.nan]))


@pytest.mark.parametrize(
    ("format", "text", "expected"),
    [
        ("%d/%m/%Y", "21/11/2026", "2026-11-21T00:00:00"),
        ("%m/%d/%Y", "1/2/2026", "2026-01-02T00:00:00"),
        ("%Y%m%d", "20261121", "2026-11-21T00:00:00"),
        ("%d.%m.%y %H:%M", " 1.2.68 9:05 ", "2068-02-01T09:05:00"),
        ("%d-%b-%y", "03-NOV-69", "1969-11-03T00:00:00"),
        ("%b %d, %Y", "sep 5, 2026", "2026-09-05T00:00:00"),
        ("%H:%M:%S", "23:59:07", "1900-01-01T23:59:07"),
        ("%Y年%m月%d日", "2026年11月21日", "2026-11-21T00:00:00"),
        ("%%%Y (%m)", "%2026 (03)", "2026-03-01T00:00:00"),
        ("%d/%m/%Y", "21/11/26", None),
        ("%d/%m/%Y", "31/02/2026", None),
        ("%d/%m/%Y", "2026-11-21", None),
        ("%d.%m.%Y", "21x11x2026", None),
    ],
)
def test_formats(format: str, text: str, expected: str | None) -> None:
    x = tf.constant([text])
    result = [int(date_part(x, part=part, format=format)[0]) for part in PARTS]
    if expected is None:
        assert set(result) == {MISSING_INT64}
    else:
        moment = datetime.fromisoformat(expected)
        assert result == [expected_part(moment, part) for part in PARTS]


@pytest.mark.parametrize(("format", "text"), [("%d/%m/%y", "21/11/26"), ("%d %b %Y", "3 Nov 2026")])
def test_formats_in_a_graph(format: str, text: str) -> None:
    """TensorFlow converts numbers to the dtype of others eagerly where it does not in a graph."""
    years = tf.function(lambda x: date_part(x, part="year", format=format))
    assert years(tf.constant([text])).numpy().tolist() == [2026]


def test_numbers_are_their_digits() -> None:
    x = tf.constant([20261121, MISSING_INT64, 2026], tf.int64)
    result = date_part(x, part="month", format="%Y%m%d").numpy().tolist()
    assert result == [11, MISSING_INT64, MISSING_INT64]


@pytest.mark.parametrize(
    ("period", "text", "turn"),
    [
        ("day", "2026-11-21T18:00", 0.75),
        ("week", "2026-11-23", 0),
        ("week", "2026-11-26T12:00", 0.5),
        ("month", "2026-11-16", 0.5),
        ("month", "2024-02-29T12:00", 28.5 / 29),
        ("year", "2024-01-01", 0),
        ("year", "2024-12-31", 365 / 366),
    ],
)
def test_cyclical(period: str, text: str, turn: float) -> None:
    result = cyclical_date(tf.constant([text]), period=period)
    angle = 2 * math.pi * turn
    np.testing.assert_allclose(result, [[math.sin(angle), math.cos(angle)]], atol=1e-7)
    assert (result.dtype, result.shape) == (tf.float32, (1, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x: date_part(x, part="weekdays"),
            "expected a part of year, quarter, month, week, day, weekday, day_of_year, hour, "
            'minute, second, got "weekdays"; did you mean "weekday"?',
        ),
        (
            lambda x: cyclical_date(x, period="decade"),
            'expected a period of year, month, week, day, got "decade"',
        ),
        (
            lambda x: days_since(x, since="yesterday"),
            'since: expected a date such as "2000-01-01", got "yesterday": '
            "Invalid isoformat string: 'yesterday'",
        ),
        (
            lambda x: date_part(x, part="day", time_zone="Europe/Berln"),
            'expected a time zone such as "UTC", "+02:00" or "Europe/Berlin", got "Europe/Berln"; '
            'did you mean "Europe/Berlin"?',
        ),
        (
            lambda x: date_part(x, part="day", format="%d/%m/%Q"),
            'format "%d/%m/%Q": expected directives among %Y, %y, %m, %b, %d, %H, %M, %S, each '
            'once, got "%Q", which is unknown',
        ),
        (
            lambda x: date_part(x, part="day", format="%d/%d"),
            'format "%d/%d": expected directives among %Y, %y, %m, %b, %d, %H, %M, %S, each once, '
            'got "%d", twice',
        ),
        (
            lambda x: date_part(x, part="day", format="dd/mm"),
            'format "dd/mm": expected at least one directive, and at most one of %Y and %y and one '
            'of %m and %b, such as "%d/%m/%Y"',
        ),
    ],
)
def test_wrong_options(call: object, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        call(tf.constant(["2026-11-21"]))  # type: ignore[operator]
    assert str(error.value) == message


def test_in_a_graph_with_a_batch_of_any_size() -> None:
    spec = tf.TensorSpec([None], tf.string)
    weekday = tf.function(lambda x: date_part(x, part="weekday"), input_signature=[spec])
    assert weekday(tf.constant([], tf.string)).shape == (0,)
    assert weekday(tf.constant(["2026-11-21", "x"])).numpy().tolist() == [5, MISSING_INT64]
