"""Dates and times: text to numbers by TensorFlow operations, so that requests can send text too.

Inputs are dense string tensors of any shape, or int64 ones whose digits are the text (20261121).
Without a `format` the text is ISO 8601: 2026-11-21, 2026-11-21T10:30, with optional seconds and
their fraction, a T or a blank before the time, and an optional Z or +hh:mm after it. A `format` is
one of `strptime`, with the directives of `DIRECTIVES`; a single digit counts as two, so "%d/%m/%Y"
reads 1/2/2026 too; fields without a directive are those of 1900-01-01T00:00:00. Years are 1 to
9999.

Text that does not parse, or is no day of the calendar (2026-02-30), is missing.

All features are in one `time_zone`: "UTC", an offset such as "+02:00", or a name of the IANA
database such as "Europe/Berlin". Text with an offset or a Z is converted to that zone, so that
one moment has the same features in every spelling. Text without an offset is a wall time of that
zone; `TimeZone.to_utc` describes wall times that occur twice there, or never, where clocks are
put back or forward.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from math import pi
from typing import Literal, NamedTuple, get_args

import tensorflow as tf

from ..schemas.column import MISSING_INT64
from ..schemas.errors import RecipeError
from ..schemas.suggestions import did_you_mean
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
"""Directives of a `format`: the number of characters of each, and their pattern.

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
    """Dates and times; int64 but for the flags. Where a text is no date, the fields are arbitrary.

    Attributes:
      valid: Whether the text is a date.
      year: 1 to 9999.
      month: 1 to 12.
      day: 1 to 31.
      hour: 0 to 23.
      minute: 0 to 59.
      second: 0 to 59.
      nanosecond: Fraction of the second.
      zoned: Whether the text has an offset from UTC.
      offset: That offset in minutes; 0 without one.
      instant: Seconds since 1970-01-01 in UTC; 0 before `_in_zone`.
    """

    valid: tf.Tensor
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
    """Extract one part of a date or time, such as the month.

    Args:
      x: A dense string or int64 tensor of any shape, see the module's description.
      part: "year", "quarter" (1 to 4), "month" (1 to 12), "week" (1 to 53, of ISO 8601), "day"
        (1 to 31), "weekday" (0 is Monday), "day_of_year" (1 to 366), "hour", "minute", "second".
      format: The format of the dates; None for ISO 8601.
      time_zone: The time zone of the result, such as "Europe/Berlin" or "+02:00".

    Returns:
      An int64 tensor of the shape of `x`. Missing is `MISSING_INT64`; apply `impute`, `z_score`,
      `vocabulary_ids` or `fill_missing` to the result.

    Raises:
      RecipeError: `part`, `format` or `time_zone` is unknown or malformed.

    >>> date_part(tf.constant(["2026-11-21T10:30", "?"]), part="weekday").numpy().tolist()
    [5, -9223372036854775808]
    """
    _check(part, "part", get_args(Part))
    moment = _parse(x, format, find_zone(time_zone))
    return tf.where(moment.valid, _part(moment, part), tf.constant(MISSING_INT64, tf.int64))


def cyclical_date(
    x: tf.Tensor, *, period: Period, format: str | None = None, time_zone: str = UTC
) -> tf.Tensor:
    """Encode the position of a moment in its year, month, week or day as a point on a circle.

    So the end of a period is next to its beginning, as December is to January. The circle begins
    at the first of January, the first of the month, Monday, or midnight; the time of the day
    counts in all periods.

    Args:
      x: A dense string or int64 tensor of any shape, see the module's description.
      period: "year", "month", "week" or "day".
      format: The format of the dates; None for ISO 8601.
      time_zone: The time zone of the result, such as "Europe/Berlin" or "+02:00".

    Returns:
      A float32 tensor of the shape of `x` and one more dimension of 2: the sine and the cosine of
      the angle. Missing is (0, 0), the centre of the circle.

    Raises:
      RecipeError: `period`, `format` or `time_zone` is unknown or malformed.

    >>> cyclical_date(tf.constant(["2026-11-21T06:00"]), period="day").numpy().round(6).tolist()
    [[1.0, 0.0]]
    """
    _check(period, "period", get_args(Period))
    moment = _parse(x, format, find_zone(time_zone))
    angle = 2 * pi * _phase(moment, period)
    point = tf.cast(tf.stack([tf.sin(angle), tf.cos(angle)], axis=-1), tf.float32)
    return tf.where(moment.valid[..., tf.newaxis], point, 0.0)


def days_since(
    x: tf.Tensor,
    start: tf.Tensor | None = None,
    *,
    since: str = "2000-01-01",
    format: str | None = None,
    time_zone: str = UTC,
) -> tf.Tensor:
    """Return the days from one moment to another, such as an age.

    Args:
      x: A dense string or int64 tensor of any shape, see the module's description.
      start: The start in each row: another such tensor, of the shape of `x`.
      since: The start in all rows, in ISO 8601, used without `start`.
      format: The format of the dates of the tensors; None for ISO 8601.
      time_zone: The time zone of dates without an offset, such as "Europe/Berlin".

    Returns:
      A float32 tensor of the shape of `x`, with the time of the day as a fraction; negative before
      the start. A day is 24 elapsed hours, so the time between two midnights of a zone is an hour
      off whole days where summer time begins or ends between them. Whole days are exact; a time
      of day is exact to about a minute within 20 years. NaN where a moment is missing; apply
      `impute` or `z_score` to the result.

    Raises:
      RecipeError: `since`, `format` or `time_zone` is unknown or malformed.

    >>> days_since(tf.constant(["2000-01-02T12:00"])).numpy().tolist()
    [1.5]
    """
    zone = find_zone(time_zone)
    moment = _parse(x, format, zone)
    valid = moment.valid
    if start is None:
        first, nanoseconds = _fixed(since, zone)
    else:
        beginning = _parse(start, format, zone)
        first, nanoseconds = beginning.instant, beginning.nanosecond
        valid = tf.logical_and(valid, beginning.valid)
    seconds = tf.cast(moment.instant - first, tf.float64)
    fraction = tf.cast(moment.nanosecond - nanoseconds, tf.float64) / 1e9
    days = tf.cast((seconds + fraction) / _SECONDS_A_DAY, tf.float32)
    return tf.where(valid, days, float("nan"))


def _check(value: str, noun: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        hint = did_you_mean(value, choices)
        raise RecipeError(f'expected a {noun} of {", ".join(choices)}, got "{value}"{hint}')


def _fixed(since: str, zone: TimeZone) -> tuple[int, int]:
    """Return the seconds from 1970-01-01 in UTC to a moment, and the nanoseconds beyond."""
    try:
        moment = datetime.fromisoformat(since)
    except ValueError as error:
        raise RecipeError(
            f'since: expected a date such as "2000-01-01", got "{since}": {error}'
        ) from error
    elapsed = (moment if moment.tzinfo else moment.replace(tzinfo=zone.tzinfo)) - EPOCH
    return elapsed // timedelta(seconds=1), elapsed.microseconds * 1000


def _parse(x: tf.Tensor, format: str | None, zone: TimeZone) -> _Moment:
    text = x if x.dtype == tf.string else tf.where(is_missing(x), "", tf.strings.as_string(x))
    written = _parse_iso(tf.strings.strip(text)) if format is None else _parse_as(text, format)
    return _in_zone(written, zone)


def _parse_iso(text: tf.Tensor) -> _Moment:
    # In ISO 8601 each field has a fixed position, so digits are read by byte; the pattern decides
    # at the end whether the text was a date at all. A text without a time ends before these bytes,
    # and the zeros read in their place count as digits 0.
    bytes_ = _bytes(text, _ISO_WIDTH)
    fields = {name: _number(bytes_, at, DIRECTIVES[name][0]) for name, at in _ISO_FIELDS.items()}
    with_seconds = tf.equal(bytes_[..., 16], ord(":"))
    fields["S"] = tf.where(with_seconds, fields["S"], tf.zeros_like(fields["S"]))
    zoned, offset = _offset(text)
    return _checked(tf.strings.regex_full_match(text, _ISO), fields)._replace(
        nanosecond=_nanoseconds(bytes_), zoned=zoned, offset=offset
    )


def _parse_as(text: tf.Tensor, format: str) -> _Moment:
    pattern, positions, width = _compiled(format)
    # "1/2/2026" becomes "01/02/2026", after which each directive has a fixed position.
    padded = tf.strings.regex_replace(tf.strings.strip(text), r"\b([0-9])\b", r"0\1")
    bytes_ = _bytes(padded, width)
    fields = {name: _number(bytes_, at, DIRECTIVES[name][0]) for name, at in positions.items()}
    if "y" in positions:
        fields["Y"] = fields["y"] + tf.where(fields["y"] < 69, tf.constant(2000, tf.int64), 1900)
    if "b" in positions:
        fields["m"] = _named_month(bytes_, positions["b"])
    return _checked(tf.strings.regex_full_match(padded, pattern), fields)


def _compiled(format: str) -> tuple[str, dict[str, int], int]:
    """Return the pattern of a format, the byte position of each directive, and the total bytes."""
    pattern, at = "", 0
    positions: dict[str, int] = {}
    for literal, name in re.findall(r"([^%]+|%%)|%(.?)", format, re.DOTALL):
        if literal:
            text = literal.replace("%%", "%")
            pattern, at = pattern + re.escape(text), at + len(text.encode())
        elif name not in DIRECTIVES or name in positions:
            problem = "twice" if name in positions else "which is unknown"
            raise RecipeError(
                f'format "{format}": expected directives among %{", %".join(DIRECTIVES)}, each '
                f'once, got "%{name}", {problem}'
            )
        else:
            positions[name] = at
            pattern, at = pattern + DIRECTIVES[name][1], at + DIRECTIVES[name][0]
    if not positions or {"Y", "y"} <= {*positions} or {"m", "b"} <= {*positions}:
        raise RecipeError(
            f'format "{format}": expected at least one directive, and at most one of %Y and %y and '
            'one of %m and %b, such as "%d/%m/%Y"'
        )
    return pattern, positions, at


def _bytes(text: tf.Tensor, width: int) -> tf.Tensor:
    """Return the first bytes of each text, int64 [..., width], padded with zeros."""
    return tf.cast(tf.io.decode_raw(text, tf.uint8, fixed_length=width), tf.int64)


def _number(bytes_: tf.Tensor, at: int, width: int) -> tf.Tensor:
    """Return the number in the digits at a position; a byte below "0" counts as "0"."""
    number = tf.zeros_like(bytes_[..., 0])
    for position in range(at, at + width):
        number = 10 * number + tf.maximum(bytes_[..., position] - ord("0"), 0)
    return number


def _named_month(bytes_: tf.Tensor, at: int) -> tf.Tensor:
    letters = tf.bitwise.bitwise_or(bytes_[..., tf.newaxis, at : at + 3], 0x20)  # in lower case
    names = tf.constant([list(name.encode()) for name in _MONTHS], tf.int64)
    return 1 + tf.argmax(tf.reduce_all(tf.equal(letters, names), axis=-1), axis=-1)


def _nanoseconds(bytes_: tf.Tensor) -> tf.Tensor:
    """Return the fraction of an ISO time, truncated to nanoseconds."""
    digits = bytes_[..., _FRACTION] - ord("0")
    good = tf.cast(tf.logical_and(digits >= 0, digits <= 9), tf.int64)
    counts = tf.math.cumprod(good, axis=-1) * tf.cast(
        tf.equal(bytes_[..., 19, tf.newaxis], ord(".")), tf.int64
    )
    return tf.reduce_sum(digits * counts * [10**power for power in range(8, -1, -1)], axis=-1)


def _offset(text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return a mask of ISO times that end with an offset or a Z, and the offsets in minutes."""
    end = _bytes(tf.strings.substr(tf.strings.join(["      ", text]), -6, 6), 6)
    minutes = 60 * _number(end, 1, 2) + _number(end, 4, 2)
    sign = tf.where(tf.equal(end[..., 0], ord("-")), tf.constant(-1, tf.int64), 1)
    signed = tf.logical_or(tf.equal(end[..., 0], ord("-")), tf.equal(end[..., 0], ord("+")))
    written = tf.logical_and(signed, tf.equal(end[..., 3], ord(":")))
    zoned = tf.logical_or(written, tf.equal(end[..., 5], ord("Z")))
    return zoned, tf.where(written, sign * minutes, 0)


def _checked(matched: tf.Tensor, fields: Mapping[str, tf.Tensor]) -> _Moment:
    """Make moments of fields; valid where the text matched and its month has such a day."""
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
    valid = tf.logical_and(matched, good)
    return _Moment(valid, year, month, day, hour, minute, second, zero, no, zero, zero)


def _in_zone(written: _Moment, zone: TimeZone) -> _Moment:
    """Convert moments to the wall time of a zone; invalid outside the years 1 to 9999."""
    days = days_from_civil(written.year, written.month, written.day)
    wall = days * _SECONDS_A_DAY + _seconds_of_day(written)
    instant = tf.where(written.zoned, wall - 60 * written.offset, zone.to_utc(wall))
    wall = zone.from_utc(instant)
    year, month, day = civil_from_days(wall // _SECONDS_A_DAY)
    rest = wall % _SECONDS_A_DAY
    return written._replace(
        valid=tf.logical_and(written.valid, tf.logical_and(year >= 1, year <= 9999)),
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
    """Return the elapsed share of the period; float64 in [0, 1)."""
    seconds = tf.cast(_seconds_of_day(moment), tf.float64)
    seconds += tf.cast(moment.nanosecond, tf.float64) / 1e9
    if period == "day":
        return seconds / _SECONDS_A_DAY
    if period == "week":
        elapsed, days = _part(moment, "weekday"), tf.constant(7, tf.int64)
    elif period == "month":
        elapsed, days = moment.day - 1, days_in_month(moment.year, moment.month)
    else:
        elapsed = _part(moment, "day_of_year") - 1
        days = new_year(moment.year + 1) - new_year(moment.year)
    return (tf.cast(elapsed, tf.float64) + seconds / _SECONDS_A_DAY) / tf.cast(days, tf.float64)
