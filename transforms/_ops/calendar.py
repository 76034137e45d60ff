"""Gregorian calendar as TensorFlow operations on int64 tensors of any shape.

Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil and
civil_from_days: days are counted in eras of 400 years that begin on the first of March.
"""

from __future__ import annotations

import tensorflow as tf

__all__ = ["civil_from_days", "days_from_civil", "days_in_month", "iso_week", "new_year"]

_LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


def days_from_civil(year: tf.Tensor, month: tf.Tensor, day: tf.Tensor) -> tf.Tensor:
    """Return the days from 1970-01-01 to a date of the Gregorian calendar."""
    year = year - tf.cast(month <= 2, tf.int64)
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146_097 + day_of_era - 719_468


def civil_from_days(days: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return (year, month, day) in the Gregorian calendar of a number of days since 1970-01-01."""
    shifted = days + 719_468
    era = shifted // 146_097
    day_of_era = shifted - era * 146_097
    leaps = day_of_era // 1460 - day_of_era // 36_524 + day_of_era // 146_096
    year_of_era = (day_of_era - leaps) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    march_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * march_month + 2) // 5 + 1
    month = (march_month + 2) % 12 + 1
    return year_of_era + era * 400 + tf.cast(month <= 2, tf.int64), month, day


def new_year(year: tf.Tensor) -> tf.Tensor:
    """Return the days from 1970-01-01 to the first day of a year."""
    return days_from_civil(year, tf.ones_like(year), tf.ones_like(year))


def days_in_month(year: tf.Tensor, month: tf.Tensor) -> tf.Tensor:
    """Return the number of days of a month, 28 to 31."""
    leap = tf.equal(new_year(year + 1) - new_year(year), 366)
    longer = tf.cast(tf.logical_and(leap, tf.equal(month, 2)), tf.int64)
    return tf.gather(tf.constant(_LENGTHS, tf.int64), month - 1) + longer


def iso_week(thursday: tf.Tensor, year: tf.Tensor) -> tf.Tensor:
    """Return the number of an ISO 8601 week, 1 to 53.

    The first week of a year is that of its first Thursday.

    Args:
      thursday: The Thursday of the week, in days since 1970-01-01.
      year: The calendar year of a day of the week.
    """
    starts = [new_year(year + step) for step in (-1, 0, 1)]
    start = tf.where(thursday < starts[1], starts[0], starts[1])
    start = tf.where(thursday >= starts[2], starts[2], start)
    return (thursday - start) // 7 + 1
