from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.schemas.errors import RecipeError
from recordmill.transforms._ops.time_zones import EPOCH, TimeZone, time_zone

NAMES = [
    "Africa/Casablanca",  # listed by year until 2087: summer time pauses in Ramadan
    "Africa/Freetown",  # changed twice within four days in 1939
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",  # two hours ahead of its winter
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Europe/Amsterdam",
    "Europe/Berlin",
    "Europe/Dublin",  # its winter is the exception
    "Pacific/Apia",  # left out a day
]
WITHIN = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)).map(
    lambda moment: moment.replace(microsecond=0)
)


def seconds(moment: datetime) -> int:
    return (moment.replace(tzinfo=timezone.utc) - EPOCH) // timedelta(seconds=1)


def moment(second: int) -> datetime:
    return (EPOCH + timedelta(seconds=second)).replace(tzinfo=None)


def expected_wall(zone: TimeZone, instant: int) -> int:
    aware = (EPOCH + timedelta(seconds=instant)).astimezone(zone.tzinfo)
    return seconds(aware.replace(tzinfo=None))


def expected_instant(zone: TimeZone, wall: int) -> int:
    return (moment(wall).replace(tzinfo=zone.tzinfo) - EPOCH) // timedelta(seconds=1)


@cache
def edges(name: str) -> list[int]:
    """Instants around every change of a zone until 2500, and some later ones."""
    zone = time_zone(name)
    near = [change + step for change in zone.changes for step in (-7200, -1, 0, 1, 3600, 7200)]
    later = 146_097 * 86_400
    return near + [second + 3 * later for second in near[-600:]]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_change_is_that_of_zoneinfo(name: str) -> None:
    zone, around = time_zone(name), edges(name)
    walls = zone.from_utc(tf.constant(around, tf.int64)).numpy().tolist()
    np.testing.assert_array_equal(walls, [expected_wall(zone, instant) for instant in around])
    instants = zone.to_utc(tf.constant(walls, tf.int64)).numpy()
    np.testing.assert_array_equal(instants, [expected_instant(zone, wall) for wall in walls])
    shifted = tf.constant(around, tf.int64)  # as wall times, some of which no clock shows
    np.testing.assert_array_equal(
        zone.to_utc(shifted).numpy(), [expected_instant(zone, wall) for wall in around]
    )


@pytest.mark.slow
@settings(deadline=None)
@given(name=st.sampled_from(NAMES), moments=st.lists(WITHIN, min_size=1, max_size=50))
def test_any_moment_is_that_of_zoneinfo(name: str, moments: list[datetime]) -> None:
    zone, second = time_zone(name), [seconds(s) for s in moments]
    x = tf.constant(second, tf.int64)
    assert zone.from_utc(x).numpy().tolist() == [expected_wall(zone, s) for s in second]
    assert zone.to_utc(x).numpy().tolist() == [expected_instant(zone, s) for s in second]


def test_the_shape_is_that_of_the_input() -> None:
    x = tf.zeros([2, 3, 1], tf.int64)
    assert time_zone("Europe/Berlin").from_utc(x).numpy().tolist() == [[[3600]] * 3] * 2
    assert time_zone("Europe/Berlin").to_utc(x[:, :0]).shape == (2, 0, 1)


@pytest.mark.parametrize(
    ("name", "offset"), [("UTC", 0), ("+00:00", 0), ("+05:45", 20_700), ("-09:30", -34_200)]
)
def test_fixed_offsets(name: str, offset: int) -> None:
    zone = time_zone(name)
    assert (zone.changes, zone.offsets) == ((), (offset,))
    assert zone.tzinfo.utcoffset(None) == timedelta(seconds=offset)


def test_a_zone_of_the_database() -> None:
    zone = time_zone("Europe/Berlin")
    assert zone.tzinfo == ZoneInfo("Europe/Berlin")
    assert zone.changes[0] == seconds(datetime(1893, 3, 31, 23, 6, 32))
    assert zone.offsets[:2] == (53 * 60 + 28, 3600)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("europe/berlin", '; did you mean "Europe/Berlin"?'),
        ("+2:00", ""),
        ("+25:00", ""),
        ("", ""),
        ("../../etc/passwd", ""),
        ("localtime", ""),
    ],
)
def test_no_such_zone(name: str, hint: str) -> None:
    with pytest.raises(RecipeError) as error:
        time_zone(name)
    assert str(error.value).startswith(
        f'expected a time zone such as "UTC", "+02:00" or "Europe/Berlin", got "{name}"{hint}'
    )
