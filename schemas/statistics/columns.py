"""What is known of one column after a pass: `Numbers` or `Strings`.

Both keep every different value with its count while there are at most `CAPACITY` of them (and no
more than `TEXT_BYTES` of strings), so that whatever is asked later is exact; past that they keep
sketches.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .sketches import UNIQUE_ERROR, Counts, DistinctNumbers, Frequent, Quantiles

__all__ = ["CAPACITY", "LISTED", "LISTED_FRACTIONS", "TEXT_BYTES", "Moments", "Numbers", "Strings"]

CAPACITY = 8192
"""Up to how many different values a column is described exactly."""

LISTED = 1000
"""Up to so many different strings, or whole numbers, statistics list with their counts."""

LISTED_FRACTIONS = 20
"""Up to so many different numbers they list where some are fractions, such as ratings."""

TEXT_BYTES = 2**21
"""Up to how many bytes of different strings, all together, a column is described exactly."""

_COUNTING_RANGE = 4
"""Integers are counted by place, not sorted, where max - min is below this many times the rows."""


@dataclass(frozen=True)
class Moments:
    """Count, sum, spread and extremes of at least one number.

    Attributes:
      count: How many numbers.
      zeros: How many of them are 0.
      minimum: The smallest.
      maximum: The largest.
      total: Their sum; exact for integers.
      squares: The sum of the squares of their distances from their mean.
    """

    count: int
    zeros: int
    minimum: int | float
    maximum: int | float
    total: int | float
    squares: float

    @classmethod
    def of(cls, values: npt.NDArray[Any], counts: Counts) -> Moments:
        """The moments of numbers, ascending, and how often each occurs; both of shape [values]."""
        count = int(counts.sum())
        total: int | float
        if values.dtype == np.int64:
            total = _exact_sum(values, counts)
            # From the smallest one: neighbours far from zero are the same number in float64.
            offsets = (values.view(np.uint64) - values.view(np.uint64)[0]).astype(np.float64)
            middle = (total - count * int(values[0])) / count
        else:
            offsets = values.astype(np.float64)
            total = float(np.sum(offsets * counts))
            middle = total / count
        return cls(
            count=count,
            zeros=int(counts[values == 0].sum()),
            minimum=values[0].item(),
            maximum=values[-1].item(),
            total=total,
            squares=float(np.sum(counts * (offsets - middle) ** 2)),
        )

    def __add__(self, other: Moments) -> Moments:
        """The moments of both together.

        Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
        variances", 1979, equation 2.1.
        """
        across = other.total * self.count - self.total * other.count
        apart = across / (self.count * other.count)
        count = self.count + other.count
        return Moments(
            count=count,
            zeros=self.zeros + other.zeros,
            minimum=min(self.minimum, other.minimum),
            maximum=max(self.maximum, other.maximum),
            total=self.total + other.total,
            squares=self.squares + other.squares + apart**2 * (self.count / count * other.count),
        )

    @property
    def mean(self) -> float:
        """The mean; of integers, correctly rounded."""
        return self.total / self.count

    @property
    def std_dev(self) -> float:
        """The standard deviation of the population: the mean square's root, not n - 1's."""
        return float((self.squares / self.count) ** 0.5)


@dataclass
class Numbers:
    """A column of numbers.

    Attributes:
      dtype: int64 or float32.
      missing: How many are null.
      count: How many are not.
      not_finite: How many of those are NaN or infinite; nothing else counts these.
      values: The different values, ascending; none once there were more than `CAPACITY`.
      counts: How often each occurs.
    """

    dtype: npt.DTypeLike
    missing: int = 0
    count: int = 0
    not_finite: int = 0
    values: npt.NDArray[Any] = field(init=False)
    counts: Counts = field(default_factory=lambda: np.empty(0, np.int64))
    sketched: Sketched | None = None

    def __post_init__(self) -> None:
        self.values = np.empty(0, self.dtype)

    def add(self, array: pa.Array) -> None:
        """Add an array of the column's type, nulls included."""
        self.missing += array.null_count
        values = array.drop_null().to_numpy()
        self.count += len(values)
        if values.dtype == np.float32:
            finite = np.isfinite(values)
            self.not_finite += len(values) - int(np.count_nonzero(finite))
            values = values[finite] + np.float32(0)  # turns -0.0 into 0.0
        if len(values):
            self._put(*_tally(values))

    def absorb(self, other: Numbers) -> None:
        """Add all that the other one was given."""
        self.missing += other.missing
        self.count += other.count
        self.not_finite += other.not_finite
        if other.sketched is not None:
            self._spilled().absorb(other.sketched)
        elif len(other.values):
            self._put(other.values, other.counts)

    @property
    def type(self) -> Literal["int64", "float32"]:
        """The name of the type."""
        return "int64" if self.dtype == np.int64 else "float32"

    @property
    def moments(self) -> Moments | None:
        """Count, sum, spread and extremes; None without a finite number."""
        if self.sketched is not None:
            return self.sketched.moments
        return Moments.of(self.values, self.counts) if len(self.values) else None

    def points(self) -> tuple[npt.NDArray[np.float64], Counts]:
        """Numbers, ascending, and how many each stands for: all of them while exact."""
        if self.sketched is not None:
            return self.sketched.quantiles.points()
        return self.values.astype(np.float64), self.counts

    def rank_error(self) -> float:
        """By what share of the numbers a rank among `points` can be wrong; 0.0 is exact."""
        if self.sketched is None or self.sketched.moments is None:
            return 0.0
        return self.sketched.quantiles.rank_error() / self.sketched.moments.count

    def unique(self) -> tuple[int, float]:
        """How many different finite numbers there are, and the relative standard error of that."""
        if self.sketched is None:
            return len(self.values), 0.0
        estimate = min(self.sketched.distinct.estimate(), self.count - self.not_finite)
        return max(estimate, CAPACITY + 1), UNIQUE_ERROR

    def _put(self, values: npt.NDArray[Any], counts: Counts) -> None:
        if self.sketched is None and len(values) <= CAPACITY:
            both = np.concatenate([self.values, values])
            gathered = _gathered(both, np.concatenate([self.counts, counts]))
            if len(gathered[0]) <= CAPACITY:
                self.values, self.counts = gathered
                return
        self._spilled().add(values, counts)

    def _spilled(self) -> Sketched:
        if self.sketched is None:
            self.sketched = Sketched()
            if len(self.values):
                self.sketched.add(self.values, self.counts)
            self.values, self.counts = np.empty(0, self.dtype), np.empty(0, np.int64)
        return self.sketched


@dataclass
class Sketched:
    """The sketches of numbers that are too many to keep."""

    moments: Moments | None = None
    quantiles: Quantiles = field(default_factory=Quantiles)
    distinct: DistinctNumbers = field(default_factory=DistinctNumbers)

    def add(self, values: npt.NDArray[Any], counts: Counts) -> None:
        moments = Moments.of(values, counts)
        self.moments = moments if self.moments is None else self.moments + moments
        self.quantiles.add(values, counts)
        self.distinct.add(values)

    def absorb(self, other: Sketched) -> None:
        if other.moments is not None:
            self.moments = other.moments if self.moments is None else self.moments + other.moments
        self.quantiles.absorb(other.quantiles)
        self.distinct.absorb(other.distinct)


@dataclass
class Strings:
    """A column of strings.

    Attributes:
      missing: How many are null.
      count: How many are not.
      total_bytes: The length of all of them together, in bytes of UTF-8.
      shortest: The bytes of the shortest; None without one.
      longest: The bytes of the longest; None without one.
      frequent: The strings with their counts.
    """

    missing: int = 0
    count: int = 0
    total_bytes: int = 0
    shortest: int | None = None
    longest: int | None = None
    frequent: Frequent = field(default_factory=lambda: Frequent(CAPACITY, TEXT_BYTES))

    def add(self, array: pa.DictionaryArray) -> None:
        """Add a dictionary<int32, string> array, nulls included."""
        values, counts = _tally_strings(array)
        count = int(counts.sum())
        self.missing += len(array) - count
        if not count:
            return
        lengths = pc.binary_length(values).to_numpy()
        self._lengths(count, int(np.sum(lengths * counts)), int(lengths.min()), int(lengths.max()))
        self.frequent.add(values, counts)

    def absorb(self, other: Strings) -> None:
        """Add all that the other one was given."""
        self.missing += other.missing
        if other.shortest is not None and other.longest is not None:
            self._lengths(other.count, other.total_bytes, other.shortest, other.longest)
            self.frequent.absorb(other.frequent)

    @property
    def type(self) -> Literal["string"]:
        """The name of the type."""
        return "string"

    def unique(self) -> tuple[int, float]:
        """How many different strings there are, and the relative standard error of that."""
        exact = self.frequent.distinct is None
        return min(self.frequent.unique(), self.count), 0.0 if exact else UNIQUE_ERROR

    def top(self, number: int) -> list[tuple[str, int]]:
        """The most common strings and how often they occur, at least; see `top_error`.

        Returns:
          At most `number` pairs, the most common first; of equal counts, the larger string first,
          as in TensorFlow Data Validation.
        """
        least = pa.array(self.frequent.counts - self.frequent.errors)
        table = pa.table({"value": self.frequent.values, "count": least})
        order = [("count", "descending"), ("value", "descending")]
        top = table.take(pc.sort_indices(table, order)[:number])
        return list(zip(top["value"].to_pylist(), top["count"].to_pylist(), strict=True))

    def top_error(self) -> int:
        """How much more often than `top` says a string can occur, in it or not; 0 is exact."""
        return max(int(self.frequent.errors.max(initial=0)), self.frequent.floor)

    def unseen_in(self, other: Strings) -> int | None:
        """How many of these strings are none of the other's; None where only a sketch is left."""
        if self.frequent.distinct is not None or other.frequent.distinct is not None:
            return None
        seen = pc.is_in(self.frequent.values, value_set=other.frequent.values)
        return int(self.frequent.counts[~seen.to_numpy(zero_copy_only=False)].sum())

    def _lengths(self, count: int, total: int, shortest: int, longest: int) -> None:
        self.count += count
        self.total_bytes += total
        self.shortest = shortest if self.shortest is None else min(self.shortest, shortest)
        self.longest = longest if self.longest is None else max(self.longest, longest)


def _tally(values: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Counts]:
    """The different values, ascending, and how often each occurs."""
    if values.dtype == np.int64:
        smallest = int(values.min())
        if int(values.max()) - smallest < _COUNTING_RANGE * len(values):
            counts = np.bincount(values - smallest)
            places = np.flatnonzero(counts)
            return places + smallest, counts[places]
    values = np.sort(values)
    starts = _starts(values)
    return values[starts], np.diff(starts, append=len(values))


def _gathered(values: npt.NDArray[Any], counts: Counts) -> tuple[npt.NDArray[Any], Counts]:
    """The different ones of values with counts, ascending, and the sums of their counts."""
    order = np.argsort(values, kind="stable")
    values, counts = values[order], counts[order]
    starts = _starts(values)
    return values[starts], np.add.reduceat(counts, starts)


def _starts(ascending: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Where each run of equal values begins."""
    return np.flatnonzero(np.concatenate([[True], ascending[1:] != ascending[:-1]]))


def _exact_sum(values: npt.NDArray[np.int64], counts: Counts) -> int:
    """The sum of values * counts."""
    if counts.sum() >= 2**31:  # only a table of at most CAPACITY values counts so many
        pairs = zip(values.tolist(), counts.tolist(), strict=True)
        return sum(value * count for value, count in pairs)
    high = int(np.sum((values >> 32) * counts))
    low = int(np.sum((values & 0xFFFFFFFF) * counts))
    return (high << 32) + low


def _tally_strings(array: pa.DictionaryArray) -> tuple[pa.StringArray, Counts]:
    """The values of a dictionary that are used, and how often each is; nulls are left out."""
    if array.dictionary.null_count:
        array = array.dictionary_decode().dictionary_encode()
    size = len(array.dictionary)
    places = array.indices.fill_null(size).to_numpy()
    counts = np.bincount(places, minlength=size + 1)[:size]
    used = np.flatnonzero(counts)
    return array.dictionary.take(pa.array(used)), counts[used]
