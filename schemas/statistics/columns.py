"""Accumulators of the statistics of a column: `Numbers` and `Strings`.

Both count every distinct value while there are at most `CAPACITY` of them (and at most
`TEXT_BYTES` of strings), so that every statistic is exact; beyond that they keep sketches.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .sketches import UNIQUE_ERROR, Counts, DistinctNumbers, Frequent, Quantiles

__all__ = [
    "CAPACITY",
    "LISTED",
    "LISTED_FRACTIONS",
    "TEXT_BYTES",
    "Moments",
    "NumberSketches",
    "Numbers",
    "Strings",
    "count_codes",
]

CAPACITY = 8192
"""Most distinct values of a column with exact statistics."""

LISTED = 1000
"""Most distinct strings, or integers, that statistics list with their counts."""

LISTED_FRACTIONS = 20
"""Most distinct numbers that they list where some are fractions, such as ratings."""

TEXT_BYTES = 2**21
"""Most bytes of distinct strings of a column with exact statistics."""

_COUNTING_RANGE = 4
"""Integers are counted in an array, not sorted, where max - min is below this multiple of rows."""


@dataclass(frozen=True)
class Moments:
    """Count, sum, spread and extremes of at least one number.

    Attributes:
      count: Number of values.
      zeros: Number of values that are 0.
      minimum: Smallest value.
      maximum: Largest value.
      total: Sum of the values; exact for integers.
      squares: Sum of the squared differences from the mean.
    """

    count: int
    zeros: int
    minimum: int | float
    maximum: int | float
    total: int | float
    squares: float

    @classmethod
    def of(cls, values: npt.NDArray[Any], counts: Counts) -> Moments:
        """Compute the moments of ascending numbers and their counts; both of shape [values]."""
        count = int(counts.sum())
        total: int | float
        if values.dtype == np.int64:
            total = _exact_sum(values, counts)
            # Relative to the smallest: integers far from zero are not distinct in float64.
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
        """Return the moments of both together.

        Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
        variances", 1979, equation 2.1.
        """
        difference = other.total * self.count - self.total * other.count
        delta = difference / (self.count * other.count)
        count = self.count + other.count
        return Moments(
            count=count,
            zeros=self.zeros + other.zeros,
            minimum=min(self.minimum, other.minimum),
            maximum=max(self.maximum, other.maximum),
            total=self.total + other.total,
            squares=self.squares + other.squares + delta**2 * (self.count / count * other.count),
        )

    @property
    def mean(self) -> float:
        """The mean; of integers, correctly rounded."""
        return self.total / self.count

    @property
    def std_dev(self) -> float:
        """The standard deviation of the population, with the divisor n, not n - 1."""
        return float((self.squares / self.count) ** 0.5)


@dataclass
class Numbers:
    """Accumulator of a column of numbers.

    Attributes:
      dtype: int64 or float32.
      missing: Number of nulls.
      count: Number of other values.
      not_finite: Number of NaN and infinite values, which no other statistic includes.
      values: Distinct values, ascending; empty once there were more than `CAPACITY`.
      counts: Count of each of `values`.
      sketches: Sketches of the finite values; None while `values` has them all.
    """

    dtype: npt.DTypeLike
    missing: int = 0
    count: int = 0
    not_finite: int = 0
    values: npt.NDArray[Any] = field(init=False)
    counts: Counts = field(default_factory=lambda: np.empty(0, np.int64))
    sketches: NumberSketches | None = None

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
        """Add the values of another accumulator."""
        self.missing += other.missing
        self.count += other.count
        self.not_finite += other.not_finite
        if other.sketches is not None:
            self._spill().absorb(other.sketches)
        elif len(other.values):
            self._put(other.values, other.counts)

    @property
    def type(self) -> Literal["int64", "float32"]:
        """The name of the column type."""
        return "int64" if self.dtype == np.int64 else "float32"

    @property
    def moments(self) -> Moments | None:
        """Count, sum, spread and extremes; None without a finite number."""
        if self.sketches is not None:
            return self.sketches.moments
        return Moments.of(self.values, self.counts) if len(self.values) else None

    def points(self) -> tuple[npt.NDArray[np.float64], Counts]:
        """Return numbers, ascending, and the count each represents; all numbers while exact."""
        if self.sketches is not None:
            return self.sketches.quantiles.points()
        return self.values.astype(np.float64), self.counts

    def rank_error(self) -> float:
        """Return a bound of the error of a rank among `points`, as a share; 0.0 is exact."""
        if self.sketches is None or self.sketches.moments is None:
            return 0.0
        return self.sketches.quantiles.rank_error() / self.sketches.moments.count

    def unique(self) -> tuple[int, float]:
        """Return the number of distinct finite numbers, and its relative standard error."""
        if self.sketches is None:
            return len(self.values), 0.0
        estimate = min(self.sketches.distinct.estimate(), self.count - self.not_finite)
        return max(estimate, CAPACITY + 1), UNIQUE_ERROR

    def _put(self, values: npt.NDArray[Any], counts: Counts) -> None:
        if self.sketches is None and len(values) <= CAPACITY:
            both = np.concatenate([self.values, values])
            both, both_counts = _combine(both, np.concatenate([self.counts, counts]))
            if len(both) <= CAPACITY:
                self.values, self.counts = both, both_counts
                return
        self._spill().add(values, counts)

    def _spill(self) -> NumberSketches:
        """Return the sketches; move the counted values into them first where there are none."""
        if self.sketches is None:
            self.sketches = NumberSketches()
            if len(self.values):
                self.sketches.add(self.values, self.counts)
            self.values, self.counts = np.empty(0, self.dtype), np.empty(0, np.int64)
        return self.sketches


@dataclass
class NumberSketches:
    """Sketches of numbers with more than `CAPACITY` distinct values.

    Attributes:
      moments: Moments of all numbers; None without any.
      quantiles: Ranks of the numbers.
      distinct: Number of distinct numbers.
    """

    moments: Moments | None = None
    quantiles: Quantiles = field(default_factory=Quantiles)
    distinct: DistinctNumbers = field(default_factory=DistinctNumbers)

    def add(self, values: npt.NDArray[Any], counts: Counts) -> None:
        """Add distinct numbers, ascending, and their counts; both of shape [values]."""
        moments = Moments.of(values, counts)
        self.moments = moments if self.moments is None else self.moments + moments
        self.quantiles.add(values, counts)
        self.distinct.add(values)

    def absorb(self, other: NumberSketches) -> None:
        """Add the numbers of other sketches."""
        if other.moments is not None:
            self.moments = other.moments if self.moments is None else self.moments + other.moments
        self.quantiles.absorb(other.quantiles)
        self.distinct.absorb(other.distinct)


@dataclass
class Strings:
    """Accumulator of a column of strings.

    Attributes:
      missing: Number of nulls.
      count: Number of strings.
      total_bytes: Total length of the strings, in bytes of UTF-8.
      shortest: Length of the shortest string, in bytes; None without strings.
      longest: Length of the longest string, in bytes; None without strings.
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
        """Add the strings of another accumulator."""
        self.missing += other.missing
        if other.shortest is not None and other.longest is not None:
            self._lengths(other.count, other.total_bytes, other.shortest, other.longest)
            self.frequent.absorb(other.frequent)

    @property
    def type(self) -> Literal["string"]:
        """The name of the column type."""
        return "string"

    def unique(self) -> tuple[int, float]:
        """Return the number of distinct strings, and its relative standard error."""
        exact = self.frequent.distinct is None
        return min(self.frequent.unique(), self.count), 0.0 if exact else UNIQUE_ERROR

    def top(self, number: int) -> list[tuple[str, int]]:
        """Return the most common strings with lower bounds of their counts; see `top_error`.

        Returns:
          At most `number` pairs, the most common first; of equal counts, the larger string first,
          as in TensorFlow Data Validation.
        """
        lower_bounds = pa.array(self.frequent.counts - self.frequent.errors)
        table = pa.table({"value": self.frequent.values, "count": lower_bounds})
        order = [("count", "descending"), ("value", "descending")]
        top = table.take(pc.sort_indices(table, order)[:number])
        return list(zip(top["value"].to_pylist(), top["count"].to_pylist(), strict=True))

    def top_error(self) -> int:
        """Return a bound of the true count less that of `top`, for any string; 0 is exact."""
        return max(int(self.frequent.errors.max(initial=0)), self.frequent.floor)

    def unseen_in(self, other: Strings) -> int | None:
        """Return the number of strings that the other lacks; None where either is a sketch."""
        if self.frequent.distinct is not None or other.frequent.distinct is not None:
            return None
        common = pc.is_in(self.frequent.values, value_set=other.frequent.values)
        return int(self.frequent.counts[~common.to_numpy(zero_copy_only=False)].sum())

    def _lengths(self, count: int, total: int, shortest: int, longest: int) -> None:
        self.count += count
        self.total_bytes += total
        self.shortest = shortest if self.shortest is None else min(self.shortest, shortest)
        self.longest = longest if self.longest is None else max(self.longest, longest)


def _tally(values: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Counts]:
    """Count values: the distinct ones, ascending, and their counts."""
    if values.dtype == np.int64:
        smallest = int(values.min())
        if int(values.max()) - smallest < _COUNTING_RANGE * len(values):
            counts = np.bincount(values - smallest)
            offsets = np.flatnonzero(counts)
            return offsets + smallest, counts[offsets]
    values = np.sort(values)
    starts = _starts(values)
    return values[starts], np.diff(starts, append=len(values))


def _combine(values: npt.NDArray[Any], counts: Counts) -> tuple[npt.NDArray[Any], Counts]:
    """Sum the counts of equal values; return the distinct ones, ascending, and the sums."""
    order = np.argsort(values, kind="stable")
    values, counts = values[order], counts[order]
    starts = _starts(values)
    return values[starts], np.add.reduceat(counts, starts)


def _starts(ascending: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return the index of the first of each run of equal values."""
    return np.flatnonzero(np.concatenate([[True], ascending[1:] != ascending[:-1]]))


def _exact_sum(values: npt.NDArray[np.int64], counts: Counts) -> int:
    """Return the sum of values * counts, without overflow."""
    if counts.sum() >= 2**31:  # only a table of at most CAPACITY values counts so many
        pairs = zip(values.tolist(), counts.tolist(), strict=True)
        return sum(value * count for value, count in pairs)
    # Each half is below 2^32, and counts sum to less than 2^31: neither product overflows int64.
    high = int(np.sum((values >> 32) * counts))
    low = int(np.sum((values & 0xFFFFFFFF) * counts))
    return (high << 32) + low


def _tally_strings(array: pa.DictionaryArray) -> tuple[pa.StringArray, Counts]:
    """Count strings: the distinct ones, in the order of the dictionary, and their counts."""
    dictionary, _, counts = count_codes(array)
    used = np.flatnonzero(counts)
    return dictionary.take(pa.array(used)), counts[used]


def count_codes(
    array: pa.DictionaryArray,
) -> tuple[pa.StringArray, npt.NDArray[np.int32], Counts]:
    """Count the codes of a dictionary array.

    Returns:
      The dictionary, without nulls; the code of each value, [rows], where a null has the size of
      the dictionary; and the count of each code but that, int64, [dictionary].
    """
    if array.dictionary.null_count:
        array = array.dictionary_decode().dictionary_encode()
    size = len(array.dictionary)
    codes = array.indices.fill_null(size).to_numpy()
    return array.dictionary, codes, np.bincount(codes, minlength=size + 1)[:size]
