"""Time zones as TensorFlow operations: the offsets of a zone are constants of the graph.

They are read from the tz database (`zoneinfo`) at tracing, so a server needs no database, and a
graph keeps the rules of that moment. An instant is in seconds since 1970-01-01 in UTC, a wall time
in seconds since 1970-01-01T00:00:00 on the clocks of the zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import tensorflow as tf

from ...schemas.errors import RecipeError
from ...schemas.suggestions import did_you_mean

__all__ = ["EPOCH", "UTC", "TimeZone", "time_zone"]

UTC = "UTC"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

_OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])")
_DAY = 86_400
_CYCLE = 146_097 * _DAY  # the calendar, weekdays included, repeats after 400 years
_FIRST_YEAR = 1800  # no zone of the database changed its offset before 1834
_LAST_YEAR = 2500  # from 2100 on all zones follow yearly rules: one cycle of them is listed
_STEP = 2 * _DAY  # shorter than the time between any two changes of a zone, 4 days at least


@dataclass(frozen=True)
class TimeZone:
    """Offsets of a time zone over time.

    Attributes:
      tzinfo: Python's time zone.
      changes: Instants at which the offset changes, ascending.
      offsets: Seconds ahead of UTC: before the first change, and from each change on.
    """

    tzinfo: tzinfo
    changes: tuple[int, ...]
    offsets: tuple[int, ...]

    def from_utc(self, instants: tf.Tensor) -> tf.Tensor:
        """Convert instants to wall times; int64, of the same shape."""
        return instants + self._offsets(instants, self.changes)

    def to_utc(self, walls: tf.Tensor) -> tf.Tensor:
        """Convert wall times to instants; int64, of the same shape.

        Where clocks are put back, a wall time that occurs twice is the first of the two. Where
        they are put forward, a wall time that does not occur is converted at the offset before:
        02:30 of a night that skips from 02:00 to 03:00 is 03:30. This is Python's `fold=0`.
        """
        # The offset before a change applies to wall times up to the later of the two readings of
        # the clock at the change: to the first of repeated times, and to skipped ones.
        pairs = zip(self.changes, self.offsets[:-1], self.offsets[1:], strict=True)
        changes = tuple(change + max(before, after) for change, before, after in pairs)
        return walls - self._offsets(walls, changes)

    def _offsets(self, seconds: tf.Tensor, changes: tuple[int, ...]) -> tf.Tensor:
        if not changes:
            return tf.constant(self.offsets[0], tf.int64)
        last = _seconds(_LAST_YEAR)
        cycles = tf.maximum((seconds - last) // _CYCLE + 1, 0)
        listed = tf.reshape(seconds - cycles * _CYCLE, [-1])
        indices = tf.searchsorted(tf.constant(changes, tf.int64), listed, side="right")
        offsets = tf.gather(tf.constant(self.offsets, tf.int32), indices)
        return tf.cast(tf.reshape(offsets, tf.shape(seconds)), tf.int64)


@cache
def time_zone(name: str) -> TimeZone:
    """Find a time zone by name.

    Args:
      name: "UTC", an offset from it such as "+02:00", or a name of the IANA database such as
        "Europe/Berlin".

    Returns:
      The time zone.

    Raises:
      RecipeError: There is no such zone; the message suggests the nearest name.

    >>> time_zone("-05:30").offsets
    (-19800,)
    """
    if name == UTC:
        return TimeZone(timezone.utc, (), (0,))
    fixed = _OFFSET.fullmatch(name)
    if fixed:
        sign, hours, minutes = fixed.groups()
        ahead = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
        return TimeZone(timezone(ahead), (), (int(ahead.total_seconds()),))
    zone = _zone_info(name)
    changes = list(_changes(zone))
    return TimeZone(
        zone,
        tuple(instant for instant, _ in changes),
        (_offset(zone, _seconds(_FIRST_YEAR)), *(offset for _, offset in changes)),
    )


def _zone_info(name: str) -> ZoneInfo:
    try:
        if name != "localtime":  # differs from machine to machine
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    hint = did_you_mean(name, available_timezones())
    raise RecipeError(
        f'expected a time zone such as "UTC", "+02:00" or "Europe/Berlin", got "{name}"{hint}'
    )


def _changes(zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    """Yield each instant at which the offset changes, and the offset from then on."""
    start, offset = _seconds(_FIRST_YEAR), _offset(zone, _seconds(_FIRST_YEAR))
    for stop in range(start + _STEP, _seconds(_LAST_YEAR) + _STEP, _STEP):
        later = _offset(zone, stop)
        if later != offset:
            yield _first(zone, start, stop, later), later
        start, offset = stop, later


def _first(zone: ZoneInfo, start: int, stop: int, offset: int) -> int:
    """Return the first instant in (start, stop] with the offset, by bisection."""
    while stop - start > 1:
        middle = (start + stop) // 2
        start, stop = (start, middle) if _offset(zone, middle) == offset else (middle, stop)
    return stop


def _offset(zone: ZoneInfo, instant: int) -> int:
    offset = (EPOCH + timedelta(seconds=instant)).astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def _seconds(year: int) -> int:
    return (datetime(year, 1, 1, tzinfo=timezone.utc) - EPOCH) // timedelta(seconds=1)
