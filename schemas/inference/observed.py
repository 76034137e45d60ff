"""`ColumnSummary`: counts of the values of a text column, from which the rules infer its type.

It counts every value of a column once, as a missing token, a number, or a text, and keeps a
bounded number of distinct ones. `recordmill.pipelines.inference.observe` fills it, and
`recordmill.schemas.inference.rules` reads it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..statistics.columns import Numbers
from ..statistics.sketches import UNIQUE_ERROR, Counts, Frequent

__all__ = ["DATE_FORMATS", "ISO", "MISSING_TOKENS", "ColumnSummary", "SEPARATORS", "Sequence"]

CAPACITY = 2048
"""Most distinct texts of a column that are counted exactly."""

TEXT_BYTES = 2**18
"""Most bytes of those texts together."""

MISSING_TOKENS = (
    *("?", "-", "--", "NA", "N/A", "n/a", "#N/A", "na", "NULL", "null", "Null", "None"),
    *("NaN", "nan", "NAN", "NaT", "<NA>"),
)
"""Texts that mean "no value"; the empty field always does."""

SEPARATORS = "|;,"
"""Possible separators of the values of a field with several."""

_MONTH, _DAY = "(0?[1-9]|1[0-2])", "(0?[1-9]|[12][0-9]|3[01])"
_TIME = "([01]?[0-9]|2[0-3]):[0-5][0-9]"
ISO = "ISO 8601"
DATE_FORMATS = {
    ISO: "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])([T ]([01][0-9]|2[0-3]):[0-5][0-9]"
    r"(:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?$",
    "%Y/%m/%d": f"^[0-9]{{4}}/{_MONTH}/{_DAY}$",
    "%m/%d/%Y": f"^{_MONTH}/{_DAY}/[0-9]{{4}}$",
    "%d/%m/%Y": f"^{_DAY}/{_MONTH}/[0-9]{{4}}$",
    "%m/%d/%Y %H:%M": f"^{_MONTH}/{_DAY}/[0-9]{{4}} {_TIME}$",
    "%d/%m/%Y %H:%M": f"^{_DAY}/{_MONTH}/[0-9]{{4}} {_TIME}$",
    "%d.%m.%Y": f"^{_DAY}\\.{_MONTH}\\.[0-9]{{4}}$",
    "%d.%m.%Y %H:%M": f"^{_DAY}\\.{_MONTH}\\.[0-9]{{4}} {_TIME}$",
    "%Y%m%d": "^(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])$",
}
"""Formats of dates, as `transforms.dates` takes them, and a regular expression for each."""


@dataclass
class Sequence:
    """Detector of arithmetic sequences: integers with one step, in the order of the file.

    Attributes:
      last: The last number; None before the first.
      step: The first difference of neighbours; None before the second number.
      broken: Whether a difference is 0 or differs from `step`.
    """

    last: int | None = None
    step: int | None = None
    broken: bool = False

    def add(self, values: npt.NDArray[np.int64]) -> None:
        """Add the next numbers, int64 [values]."""
        if self.broken or not len(values):
            return
        if self.last is not None:
            values = np.concatenate([[self.last], values])
        steps = np.diff(values)
        if len(steps):
            self.step = int(steps[0]) if self.step is None else self.step
            self.broken = self.step == 0 or bool((steps != self.step).any())
        self.last = int(values[-1])


@dataclass
class ColumnSummary:
    """Counts of the values of a column.

    Attributes:
      rows: Number of values, missing ones included.
      missing: Count of each missing token; "" is the empty field.
      integers: The integers that fit in int64.
      decimals: The other numbers, as float32.
      signed: Number of integers with a plus sign.
      leading_zeros: Number of texts of digits with leading zeros, which a number would lose.
      too_large: Number of texts that are integers beyond int64.
      not_finite: Number of texts that are infinities.
      formatted: Number of texts that are numbers with a currency, a percent sign or separators.
      dates: Number of values that match each of `DATE_FORMATS`.
      timed: Number of dates with a time of the day.
      words: Number of words in the texts, separated by blanks.
      separated: Number of texts that contain each of `SEPARATORS`.
      text_count: Number of values that are neither missing nor a number.
      text_bytes: Total length of the texts, in bytes of UTF-8.
      texts: The most common texts, with their counts.
      sequence: Detector of a constant step between the integers.
    """

    rows: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    integers: Numbers = field(default_factory=lambda: Numbers(np.int64))
    decimals: Numbers = field(default_factory=lambda: Numbers(np.float32))
    signed: int = 0
    leading_zeros: int = 0
    too_large: int = 0
    not_finite: int = 0
    formatted: int = 0
    dates: Counter[str] = field(default_factory=Counter)
    timed: int = 0
    words: int = 0
    separated: Counter[str] = field(default_factory=Counter)
    text_count: int = 0
    text_bytes: int = 0
    texts: Frequent = field(default_factory=lambda: Frequent(CAPACITY, TEXT_BYTES))
    sequence: Sequence = field(default_factory=Sequence)

    @property
    def numbers(self) -> int:
        """The number of values that are numbers."""
        return self.integers.count + self.decimals.count

    @property
    def present(self) -> int:
        """The number of values that are not missing."""
        return self.numbers + self.text_count

    @property
    def absent(self) -> int:
        """The number of missing values."""
        return self.missing.total()

    @property
    def exact(self) -> bool:
        """True while every distinct value is counted, so that `unique` is exact."""
        errors = (self.integers.unique()[1], self.decimals.unique()[1])
        return self.texts.distinct is None and not any(errors)

    def unique(self) -> int:
        """Return the number of distinct values, except missing ones; see `exact`."""
        numbers = self.integers.unique()[0] + self.decimals.unique()[0]
        return min(numbers + (self.texts.unique() if self.text_count else 0), self.present)

    def almost_unique(self) -> bool:
        """Return whether the values are distinct, within the error of the estimate."""
        slack = 0.01 if self.exact else 3 * UNIQUE_ERROR
        return self.unique() >= (1 - slack) * self.present

    def common(self) -> list[tuple[str, int]]:
        """Return the counted values as text, with their counts; the most common first.

        Integers have their shortest form; decimal numbers are left out.
        """
        pairs = list(zip(self.texts.values.to_pylist(), self.texts.counts.tolist(), strict=True))
        numbers = zip(self.integers.values.tolist(), self.integers.counts.tolist(), strict=True)
        pairs += [(str(number), count) for number, count in numbers]
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))

    def points(self) -> tuple[npt.NDArray[np.float64], Counts]:
        """Return numbers, ascending, and the count that each represents; exact while counted."""
        pairs = [self.integers.points(), self.decimals.points()]
        values = np.concatenate([points for points, _ in pairs])
        counts = np.concatenate([counts for _, counts in pairs])
        order = np.argsort(values, kind="stable")
        return values[order], counts[order]
