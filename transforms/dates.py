"""Dates and times: text to numbers by TensorFlow operations, so that a request may send text too.

Inputs are dense string tensors of any shape, or int64 ones whose digits are the text (20261121).
Without a `format` the text is ISO 8601: 2026-11-21, 2026-11-21T10:30, with seconds and a fraction
of them, a blank in the place of the T, and Z or +hh:mm after the time. A `format` is one of
`strptime`, of the directives that `DIRECTIVES` lists; a digit alone counts as two, so "%d/%m/%Y"
reads 1/2/2026 too; what it does not give is that of 1900-01-01T00:00:00. Years are 1 to 9999.

What does not parse, or is no day of the calendar (2026-02-30), is missing.

All features are of one `time_zone`: "UTC", an offset such as "+02:00", or a name of the IANA
database such as "Europe/Berlin". A text with an offset or a Z is the moment that it names, and is
converted to that zone, so that one moment gives the same features however it is written. A text
without is the time on the clocks of that zone; `TimeZone.to_utc` says what becomes of one that
occurs twice there, or never, where clocks are put back or forward.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from difflib import get_close_matches
from math import pi
from typing import Literal, NamedTuple, get_args

import tensorflow as tf

from ..schemas.column import MISSING_INT64
from ..schemas.errors import RecipeError
from ._ops.calendar import civil_from_days, days_from_civil, days_in_month, iso_week, new_year
from ._ops.time_zones import EPOCH, UTC, TimeZone
from ._ops.time_zones import time_zone as find_zone
from .missing import is_missing

__all__ = ["DIRECTIVES", "Part", "Period", "cyclical_date", "date_part", "days_since"]

Part = Literal[
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "weekday",
    "day_of_year",
    "hour",
    "minute",
    "second",
]
Period = Literal["year", "month", "week", "day"]

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

DIRECTIVES: Mapping[str, tuple[int, str]] = {
    "Y": (4, r"[0-9]{4}"),
    "y": (2, r"[0-9]{2}"),
    "m": (2, r"(?:0[1-9]|1[0-2])"),
    "b": (3, f"(?i:{'|'.join(_MONTHS)})"),
    "d": (2, r"(?:0[1-9]|[12][0-9]|3[01])"),
    "H": (2, r"(?:[01][0-9]|2[0-3])"),
    "M": (2, r"[0-5][0-9]"),
    "S": (2, r"[0-5][0-9]"),
}
"""The directives of a `format`: how many characters each has, and which.

As in `strptime`: year, year without century (69 to 99 are 1969 to 1999), month, English name of
the month, day, hour, minute, second. %% is a percent sign.
"""

_ISO_FIELDS = {"Y": 0, "m": 5, "d": 8, "H": 11, "M": 14, "S": 17}
_ISO = r"{Y}-{m}-{d}(?:[T ]{H}:{M}(?::{S}(?:\.[0-9]+)?)?(?:Z|[+-]{H}:{M})?)?".format(
    **{name: pattern for name, (_, pattern) in DIRECTIVES.items()}
)
_FRACTION = slice(20, 29)
_ISO_WIDTH = 29
_SECONDS_A_DAY = 86_400


class _Moment(NamedTuple):
    """A date and time; int64 but for the flags. What is not known is some day all the same.

    Attributes:
      known: Whether the text is a date.
      year: 1 to 9999.
      month: 1 to 12.
      day: 1 to 31.
      hour: 0 to 23.
      minute: 0 to 59.
      second: 0 to 59.
      nanosecond: The fraction of the second.
      zoned: Whether the text gives its offset from UTC.
      offset: That offset, in minutes; 0 where there is none.
      instant: The seconds from 1970 in UTC; 0 before `_in_zone`.
    """

    known: tf.Tensor
    year: tf.Tensor
    month: tf.Tensor
    day: tf.Tensor
    hour: tf.Tensor
    minute: tf.Tensor
    second: tf.Tensor
    nanosecond: tf.Tensor
    zoned: tf.Tensor
    offset: tf.Tensor
    instant: tf.Tensor


def date_part(
    x: tf.Tensor, *, part: Part, format: str | None = None, time_zone: str = UTC
) -> tf.Tensor:
    """One number of a date or time.

    Args:
      x: A dense string or int64 tensor of any shape, see above.
      part: "year", "quarter" (1 to 4), "month" (1 to 12), "week" (1 to 53, of ISO 8601), "day"
        (1 to 31), "weekday" (0 is Monday), "day_of_year" (1 to 366), "hour", "minute", "second".
      format: How a date is written; None for ISO 8601.
      time_zone: The zone whose clocks are read, such as "Europe/Berlin" or "+02:00".

    Returns:
      An int64 tensor of the shape of `x`. Missing is `MISSING_INT64`: `impute`, `z_score` or
      `vocabulary_ids` what comes out, or `fill_missing` it.

    Raises:
      RecipeError: There is no such part or time zone, or `format` is wrong.

    >>> date_part(tf.constant(["2026-11-21T10:30", "?"]), part="weekday").numpy().tolist()
    [5, -9223372036854775808]
    """
    _check(part, "part", get_args(Part))
    moment = _parse(x, format, find_zone(time_zone))
    return tf.where(moment.known, _part(moment, part), tf.constant(MISSING_INT64, tf.int64))


def cyclical_date(
    x: tf.Tensor, *, period: Period, format: str | None = None, time_zone: str = UTC
) -> tf.Tensor:
    """Where in its year, month, week or day a moment lies, as a point on a circle.

    So the end of a period is next to its beginning, as December is to January. The circle begins
    at the first of January, the first of the month, Monday, or midnight, and the time of the day
    counts in all of them.

    Args:
      x: A dense string or int64 tensor of any shape, see above.
      period: "year", "month", "week" or "day".
      format: How a date is written; None for ISO 8601.
      time_zone: The zone whose clocks are read, such as "Europe/Berlin" or "+02:00".

    Returns:
      A float32 tensor of the shape of `x` and one more dimension of 2: the sine and the cosine of
      the angle. Missing is (0, 0), the middle of the circle.

    Raises:
      RecipeError: There is no such period or time zone, or `format` is wrong.

    >>> cyclical_date(tf.constant(["2026-11-21T06:00"]), period="day").numpy().round(6).tolist()
    [[1.0, 0.0]]
    """
    _check(period, "period", get_args(Period))
    moment = _parse(x, format, find_zone(time_zone))
    angle = 2 * pi * _phase(moment, period)
    point = tf.cast(tf.stack([tf.sin(angle), tf.cos(angle)], axis=-1), tf.float32)
    return tf.where(moment.known[..., tf.newaxis], point, 0.0)


def days_since(
    x: tf.Tensor,
    start: tf.Tensor | None = None,
    *,
    since: str = "2000-01-01",
    format: str | None = None,
    time_zone: str = UTC,
) -> tf.Tensor:
    """The days from one moment to another, such as an age.

    Args:
      x: A dense string or int64 tensor of any shape, see above.
      start: Where counting begins in each row: another such tensor, of the shape of `x`.
      since: Where counting begins in all rows, where there is no `start`, as ISO 8601 writes it.
      format: How the dates of the tensors are written; None for ISO 8601.
      time_zone: The zone of what is written without an offset, such as "Europe/Berlin".

    Returns:
      A float32 tensor of the shape of `x`, with the time of the day as a fraction; negative before
      the start. Days are of 24 hours that pass, so where summer time lies between two midnights of
      a zone they are an hour off whole days. Whole days are exact, and a time to a minute or so
      within 20 years. NaN where a moment is missing: `impute` or `z_score` what comes out.

    Raises:
      RecipeError: `since` is no moment, there is no such time zone, or `format` is wrong.

    >>> days_since(tf.constant(["2000-01-02T12:00"])).numpy().tolist()
    [1.5]
    """
    zone = find_zone(time_zone)
    moment = _parse(x, format, zone)
    known = moment.known
    if start is None:
        first, nanoseconds = _fixed(since, zone)
    else:
        begun = _parse(start, format, zone)
        first, nanoseconds = begun.instant, begun.nanosecond
        known = tf.logical_and(known, begun.known)
    whole = tf.cast(moment.instant - first, tf.float64)
    fraction = tf.cast(moment.nanosecond - nanoseconds, tf.float64) / 1e9
    days = tf.cast((whole + fraction) / _SECONDS_A_DAY, tf.float32)
    return tf.where(known, days, float("nan"))


def _check(value: str, what: str, known: tuple[str, ...]) -> None:
    if value not in known:
        near = get_close_matches(value, known, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        raise RecipeError(f'expected a {what} of {", ".join(known)}, got "{value}"{hint}')


def _fixed(since: str, zone: TimeZone) -> tuple[int, int]:
    """The seconds from 1970 to a moment, and the nanoseconds beyond."""
    try:
        moment = datetime.fromisoformat(since)
    except ValueError as error:
        raise RecipeError(
            f'since: expected a date such as "2000-01-01", got "{since}": {error}'
        ) from error
    passed = (moment if moment.tzinfo else moment.replace(tzinfo=zone.tzinfo)) - EPOCH
    return passed // timedelta(seconds=1), passed.microseconds * 1000


def _parse(x: tf.Tensor, format: str | None, zone: TimeZone) -> _Moment:
    text = x if x.dtype == tf.string else tf.where(is_missing(x), "", tf.strings.as_string(x))
    written = _parse_iso(tf.strings.strip(text)) if format is None else _parse_as(text, format)
    return _in_zone(written, zone)


def _parse_iso(text: tf.Tensor) -> _Moment:
    bytes_ = _bytes(text, _ISO_WIDTH)
    fields = {name: _number(bytes_, at, DIRECTIVES[name][0]) for name, at in _ISO_FIELDS.items()}
    with_seconds = tf.equal(bytes_[..., 16], ord(":"))
    fields["S"] = tf.where(with_seconds, fields["S"], tf.zeros_like(fields["S"]))
    zoned, offset = _offset(text)
    return _checked(tf.strings.regex_full_match(text, _ISO), fields)._replace(
        nanosecond=_nanoseconds(bytes_), zoned=zoned, offset=offset
    )


def _parse_as(text: tf.Tensor, format: str) -> _Moment:
    pattern, places, width = _compiled(format)
    padded = tf.strings.regex_replace(tf.strings.strip(text), r"\b([0-9])\b", r"0\1")
    bytes_ = _bytes(padded, width)
    fields = {name: _number(bytes_, at, DIRECTIVES[name][0]) for name, at in places.items()}
    if "y" in places:
        fields["Y"] = fields["y"] + tf.where(fields["y"] < 69, 2000, tf.constant(1900, tf.int64))
    if "b" in places:
        fields["m"] = _named_month(bytes_, places["b"])
    return _checked(tf.strings.regex_full_match(padded, pattern), fields)


def _compiled(format: str) -> tuple[str, dict[str, int], int]:
    """The pattern of a format, the place of each directive in bytes, and the bytes of it all."""
    pattern, at = "", 0
    places: dict[str, int] = {}
    for literal, name in re.findall(r"([^%]+|%%)|%(.?)", format, re.DOTALL):
        if literal:
            text = literal.replace("%%", "%")
            pattern, at = pattern + re.escape(text), at + len(text.encode())
        elif name not in DIRECTIVES or name in places:
            problem = "twice" if name in places else "which is none"
            raise RecipeError(
                f'format "{format}": expected directives among %{", %".join(DIRECTIVES)}, each '
                f'once, got "%{name}", {problem}'
            )
        else:
            places[name] = at
            pattern, at = pattern + DIRECTIVES[name][1], at + DIRECTIVES[name][0]
    if not places or {"Y", "y"} <= {*places} or {"m", "b"} <= {*places}:
        raise RecipeError(
            f'format "{format}": expected at least one directive, one for the year (%Y or %y) and '
            'one for the month (%m or %b) at most, such as "%d/%m/%Y"'
        )
    return pattern, places, at


def _bytes(text: tf.Tensor, width: int) -> tf.Tensor:
    """The first bytes of each text, [..., width] int64, zeros where there are no more."""
    return tf.cast(tf.io.decode_raw(text, tf.uint8, fixed_length=width), tf.int64)


def _number(bytes_: tf.Tensor, at: int, width: int) -> tf.Tensor:
    """The number that the digits from a place on write; a byte below "0" counts as "0"."""
    number = tf.zeros_like(bytes_[..., 0])
    for place in range(at, at + width):
        number = 10 * number + tf.maximum(bytes_[..., place] - ord("0"), 0)
    return number


def _named_month(bytes_: tf.Tensor, at: int) -> tf.Tensor:
    letters = tf.bitwise.bitwise_or(bytes_[..., tf.newaxis, at : at + 3], 0x20)  # in lower case
    names = tf.constant([list(name.encode()) for name in _MONTHS], tf.int64)
    return 1 + tf.argmax(tf.reduce_all(tf.equal(letters, names), axis=-1), axis=-1)


def _nanoseconds(bytes_: tf.Tensor) -> tf.Tensor:
    """The fraction of an ISO time; what is smaller than a nanosecond is cut off."""
    digits = bytes_[..., _FRACTION] - ord("0")
    good = tf.cast(tf.logical_and(digits >= 0, digits <= 9), tf.int64)
    counts = tf.math.cumprod(good, axis=-1) * tf.cast(
        tf.equal(bytes_[..., 19, tf.newaxis], ord(".")), tf.int64
    )
    return tf.reduce_sum(digits * counts * [10**power for power in range(8, -1, -1)], axis=-1)


def _offset(text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Whether an ISO time ends with its offset from UTC or a Z, and the offset in minutes."""
    end = _bytes(tf.strings.substr(tf.strings.join(["      ", text]), -6, 6), 6)
    minutes = 60 * _number(end, 1, 2) + _number(end, 4, 2)
    sign = tf.where(tf.equal(end[..., 0], ord("-")), tf.constant(-1, tf.int64), 1)
    signed = tf.logical_or(tf.equal(end[..., 0], ord("-")), tf.equal(end[..., 0], ord("+")))
    written = tf.logical_and(signed, tf.equal(end[..., 3], ord(":")))
    zoned = tf.logical_or(written, tf.equal(end[..., 5], ord("Z")))
    return zoned, tf.where(written, sign * minutes, 0)


def _checked(matched: tf.Tensor, fields: Mapping[str, tf.Tensor]) -> _Moment:
    """The moment of the fields, where the text matched and the day is one of its month."""
    defaults = {"Y": 1900, "m": 1, "d": 1, "H": 0, "M": 0, "S": 0}
    filled = [
        tf.where(matched, fields[name], default)
        if name in fields
        else tf.fill(tf.shape(matched), tf.constant(default, tf.int64))
        for name, default in defaults.items()
    ]
    year, month, day, hour, minute, second = filled
    good = tf.logical_and(year >= 1, day <= days_in_month(year, month))
    zero, no = tf.zeros_like(year), tf.zeros_like(matched)
    known = tf.logical_and(matched, good)
    return _Moment(known, year, month, day, hour, minute, second, zero, no, zero, zero)


def _in_zone(written: _Moment, zone: TimeZone) -> _Moment:
    """The moment that is written, on the clocks of a zone; missing outside the years 1 to 9999."""
    days = days_from_civil(written.year, written.month, written.day)
    wall = days * _SECONDS_A_DAY + _seconds_of_day(written)
    instant = tf.where(written.zoned, wall - 60 * written.offset, zone.to_utc(wall))
    wall = zone.from_utc(instant)
    year, month, day = civil_from_days(wall // _SECONDS_A_DAY)
    rest = wall % _SECONDS_A_DAY
    return written._replace(
        known=tf.logical_and(written.known, tf.logical_and(year >= 1, year <= 9999)),
        year=year,
        month=month,
        day=day,
        hour=rest // 3600,
        minute=rest // 60 % 60,
        second=rest % 60,
        instant=instant,
    )


def _part(moment: _Moment, part: Part) -> tf.Tensor:
    days = days_from_civil(moment.year, moment.month, moment.day)
    weekday = (days + 3) % 7  # 1970-01-01 was a Thursday
    if part == "quarter":
        return (moment.month + 2) // 3
    if part == "week":
        return iso_week(days - weekday + 3, moment.year)
    if part == "weekday":
        return weekday
    if part == "day_of_year":
        return days - new_year(moment.year) + 1
    return getattr(moment, part)


def _seconds_of_day(moment: _Moment) -> tf.Tensor:
    return (moment.hour * 60 + moment.minute) * 60 + moment.second


def _phase(moment: _Moment, period: Period) -> tf.Tensor:
    """The share of the period that has passed; float64 in [0, 1)."""
    seconds = tf.cast(_seconds_of_day(moment), tf.float64)
    seconds += tf.cast(moment.nanosecond, tf.float64) / 1e9
    if period == "day":
        return seconds / _SECONDS_A_DAY
    if period == "week":
        passed, days = _part(moment, "weekday"), tf.constant(7, tf.int64)
    elif period == "month":
        passed, days = moment.day - 1, days_in_month(moment.year, moment.month)
    else:
        passed = _part(moment, "day_of_year") - 1
        days = new_year(moment.year + 1) - new_year(moment.year)
    return (tf.cast(passed, tf.float64) + seconds / _SECONDS_A_DAY) / tf.cast(days, tf.float64)
