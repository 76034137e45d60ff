"""What a whole column of text was seen to hold: what `inference_rules` decides by.

`ColumnSummary` counts every value of a column once, as a missing token, a number, or a text; of the
different ones it keeps a bounded number. `recordmill.pipelines.inference.observe` fills it.
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
"""How many different texts of a column are kept, with their counts."""

TEXT_BYTES = 2**18
"""How many bytes those may have together."""

MISSING_TOKENS = (
    *("?", "-", "--", "NA", "N/A", "n/a", "#N/A", "na", "NULL", "null", "Null", "None"),
    *("NaN", "nan", "NAN", "NaT", "<NA>"),
)
"""What is taken for "no value" where it occurs; the empty field always is."""

SEPARATORS = "|;,"
"""What may stand between the values of a field that holds several."""

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
"""The formats of dates to look for, as `transforms.dates` takes them, and what matches each."""


@dataclass
class Sequence:
    """Whether whole numbers, in the order of the file, each follow the last by one step.

    Attributes:
      last: The last number; None before the first.
      step: What was added each time; None before the second.
      broken: Whether it was not always the same.
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
    """The values of a column, counted.

    Attributes:
      rows: How many there are, missing ones too.
      missing: How often each missing token occurs; "" is the empty field.
      integers: Those that are whole numbers and fit in int64.
      decimals: The other numbers, as float32.
      signed: How many whole numbers are written with a plus.
      leading_zeros: How many texts are digits that begin with a 0 that a number would lose.
      too_large: How many texts are whole numbers beyond int64.
      not_finite: How many texts are infinities.
      formatted: How many texts are numbers with a currency, a percent sign or separators.
      dates: How many values have each of `DATE_FORMATS`.
      timed: How many dates have a time of the day.
      words: How many words the texts have, blanks between them.
      separated: How many texts have each of `SEPARATORS` in them.
      text_count: How many values are neither missing nor a number.
      text_bytes: Their length together, in bytes of UTF-8.
      texts: They, with their counts.
      sequence: Whether the whole numbers go up step by step.
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
        """How many values are numbers."""
        return self.integers.count + self.decimals.count

    @property
    def present(self) -> int:
        """How many values there are that are not missing."""
        return self.numbers + self.text_count

    @property
    def absent(self) -> int:
        """How many values are missing."""
        return self.missing.total()

    @property
    def exact(self) -> bool:
        """Whether every different value is kept, so that `unique` is exact."""
        errors = (self.integers.unique()[1], self.decimals.unique()[1])
        return self.texts.distinct is None and not any(errors)

    def unique(self) -> int:
        """How many different values there are, missing ones left out; see `exact`."""
        numbers = self.integers.unique()[0] + self.decimals.unique()[0]
        return min(numbers + (self.texts.unique() if self.text_count else 0), self.present)

    def almost_unique(self) -> bool:
        """Whether hardly a value comes twice, as far as the estimate can tell."""
        slack = 0.01 if self.exact else 3 * UNIQUE_ERROR
        return self.unique() >= (1 - slack) * self.present

    def common(self) -> list[tuple[str, int]]:
        """The values kept, as text, and how often each occurs; the most common first.

        Whole numbers are written in their shortest form, and decimal ones left out.
        """
        pairs = list(zip(self.texts.values.to_pylist(), self.texts.counts.tolist(), strict=True))
        numbers = zip(self.integers.values.tolist(), self.integers.counts.tolist(), strict=True)
        pairs += [(str(number), count) for number, count in numbers]
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))

    def points(self) -> tuple[npt.NDArray[np.float64], Counts]:
        """Numbers, ascending, and how many each stands for: all of them while they are kept."""
        both = [self.integers.points(), self.decimals.points()]
        values = np.concatenate([points for points, _ in both])
        counts = np.concatenate([counts for _, counts in both])
        order = np.argsort(values, kind="stable")
        return values[order], counts[order]
