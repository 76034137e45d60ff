"""Sketches: summaries in bounded memory of columns with too many distinct values to count.

    Quantiles         ranks of numbers             keeps one of two neighbours
    DistinctNumbers   number of distinct numbers   keeps the smallest hashes
    Frequent          the most common strings      keeps the largest counters
    DistinctStrings   number of distinct strings   keeps the smallest hashes

Each takes values in batches of any size, absorbs another of its class without changing that,
pickles, and depends only on the sequence of its inputs. Quantiles and Frequent know a bound of
their error; it is 0 until they first drop a value.

`tfx_bsl.sketches` counts the distinct strings. Its other sketches are not used: its quantiles take
more memory and time for the same error; its frequent
items do not report their error; and its hashes of numbers, which it first formats as text, take 4
times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..mix64 import mix64

__all__ = [
    "Counts",
    "DistinctNumbers",
    "DistinctStrings",
    "Frequent",
    "HASHES",
    "Quantiles",
    "UNIQUE_ERROR",
]

Counts = npt.NDArray[np.int64]

HASHES = 4096
"""Number of hashes behind an estimate of the number of distinct values."""

UNIQUE_ERROR = (HASHES - 2) ** -0.5
"""Relative standard error of that estimate."""


@dataclass
class Quantiles:
    """Sketch of the ranks of numbers, which keeps a few thousand of them.

    A level with more than `capacity` numbers is sorted, and one of each two neighbours moves to
    the next level, where it represents both: the smaller and the larger alternate. (Munro and
    Paterson, "Selection and sorting with limited storage", 1980; alternation: Manku, Rajagopalan
    and Lindsay, "Approximate medians and other quantiles in one pass and with limited memory",
    1998.) Keeping the smaller of two can only raise the count of numbers up to x, by one of that
    level, and keeping the larger only lower it, which bounds the error. For n numbers it is below
    n * log2(2n / capacity) / capacity, 0.13 % for five million at the default, and mostly below
    half of that, because of the alternation.

    Attributes:
      capacity: Most numbers of a level, at least 2.
      levels: Numbers of each level; one of level i represents 2**i; of any one numeric dtype.
      halvings: For each level, how often the smaller and how often the larger were kept.
    """

    capacity: int = 8192
    levels: list[npt.NDArray[Any]] = field(default_factory=list)
    halvings: list[list[int]] = field(default_factory=list)

    def add(self, values: npt.NDArray[Any], counts: Counts) -> None:
        """Add numbers and their counts, at least 1; both of shape [values]."""
        # A count is a sum of powers of two, and a number of level i represents 2**i.
        for level in range(int(counts.max(initial=0)).bit_length()):
            self._put(level, values[(counts >> level) & 1 == 1])
        self._halve()

    def absorb(self, other: Quantiles) -> None:
        """Add the numbers of another sketch."""
        for level, values in enumerate(other.levels):
            self._put(level, values)
            for side, times in enumerate(other.halvings[level]):
                self.halvings[level][side] += times
        self._halve()

    def points(self) -> tuple[npt.NDArray[np.float64], Counts]:
        """Return the distinct numbers in the sketch, ascending, and the count each represents."""
        if not self.levels:
            return np.empty(0), np.empty(0, np.int64)
        values = np.concatenate(self.levels)
        weights = [np.full(len(level), 1 << i) for i, level in enumerate(self.levels)]
        values, inverse = np.unique(values, return_inverse=True)
        counts = np.zeros(len(values), np.int64)
        np.add.at(counts, inverse, np.concatenate(weights))
        return values.astype(np.float64), counts

    def rank_error(self) -> int:
        """Return a bound of the error of the count of numbers up to any x."""
        smaller = sum(pair[0] << level for level, pair in enumerate(self.halvings))
        larger = sum(pair[1] << level for level, pair in enumerate(self.halvings))
        return max(smaller, larger)

    def _put(self, level: int, values: npt.NDArray[Any]) -> None:
        while len(self.levels) <= level:
            self.levels.append(np.empty(0, values.dtype))
            self.halvings.append([0, 0])
        self.levels[level] = np.concatenate([self.levels[level], values])

    def _halve(self) -> None:
        level = 0
        while level < len(self.levels):
            values = self.levels[level]
            if len(values) > self.capacity:
                values = np.sort(values)
                even = len(values) & ~1  # an odd one out, the largest, stays in its level
                smaller, larger = self.halvings[level]
                side = 0 if smaller == larger else 1
                self.levels[level] = values[even:].copy()
                self.halvings[level][side] += 1
                self._put(level + 1, values[side:even:2])
            level += 1


@dataclass
class DistinctNumbers:
    """Sketch of the number of distinct numbers, which keeps the smallest of their hashes.

    The k-th smallest of n uniform hashes is near the share k / n of their range, so n is near
    (k - 1) / share, with a standard error of n / sqrt(k - 2). (Beyer et al., "On synopses for
    distinct-value estimation under multiset operations", 2007.)

    Attributes:
      hashes: The smallest hashes, at most `HASHES`, ascending and distinct; uint64.
    """

    hashes: npt.NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))

    def add(self, values: npt.NDArray[Any]) -> None:
        """Add numbers, always of the same dtype, repeated or not; equal numbers have equal bits."""
        self._keep(mix64(values.view(f"u{values.itemsize}").astype(np.uint64)))

    def absorb(self, other: DistinctNumbers) -> None:
        """Add the numbers of another sketch."""
        self._keep(other.hashes)

    def estimate(self) -> int:
        """Return an estimate of the number of distinct numbers; exact below `HASHES`."""
        if len(self.hashes) < HASHES:
            return len(self.hashes)
        return round((HASHES - 1) * 2**64 / int(self.hashes[-1]))

    def _keep(self, hashes: npt.NDArray[np.uint64]) -> None:
        if len(self.hashes) == HASHES:
            hashes = hashes[hashes < self.hashes[-1]]
        hashes = np.sort(np.concatenate([self.hashes, hashes]))
        different = np.concatenate([[True], hashes[1:] != hashes[:-1]])
        self.hashes = hashes[different[: len(hashes)]][:HASHES]


class DistinctStrings:
    """Sketch of the number of distinct strings: as `DistinctNumbers`, by tfx_bsl."""

    def __init__(self) -> None:
        from tfx_bsl.sketches import KmvSketch

        self._sketch = KmvSketch(HASHES)

    def add(self, values: pa.StringArray) -> None:
        """Add strings, repeated or not."""
        self._sketch.AddValues(values)

    def absorb(self, other: DistinctStrings) -> None:
        """Add the strings of another sketch."""
        self._sketch.Merge(other._sketch)

    def to_bytes(self) -> bytes:
        """Serialize the sketch as tfx_bsl does."""
        return bytes(self._sketch.Serialize())

    @classmethod
    def from_bytes(cls, data: bytes) -> DistinctStrings:
        """Read a sketch from the bytes of `to_bytes`.

        Raises:
          RuntimeError: The bytes are no sketch of `HASHES` hashes.
        """
        from tfx_bsl.sketches import KmvSketch

        sketch = cls()
        sketch._sketch.Merge(KmvSketch.Deserialize(data))
        return sketch

    def estimate(self) -> int:
        """Return an estimate of the number of distinct strings; exact below `HASHES`."""
        return int(self._sketch.Estimate())


@dataclass
class Frequent:
    """Sketch of the most common strings and their counts.

    Exact while at most `capacity` strings are distinct, with at most `max_bytes` together. Beyond
    that the least common are dropped, and a string without a counter may have been dropped, with a
    count of at most `floor`. (The Space-Saving counters of Metwally, Agrawal and El Abbadi,
    "Efficient computation of frequent and top-k elements in data streams", 2005, merged as in
    Agarwal et al., "Mergeable summaries", 2012.) Where `capacity` strings always fit, `floor` is at
    most n / (capacity + 1) of n, so a string more common than that is never lost.

    Attributes:
      capacity: Most strings with a counter, at least 1.
      max_bytes: Most bytes of these strings together.
      values: The strings with a counter, in the order of their first appearance.
      counts: Upper bound of the count of each string; int64, [values].
      errors: Greatest excess of each count; int64, [values].
      floor: Upper bound of the count of a string without a counter.
      distinct: Sketch of the number of distinct strings; None while `values` has them all.
    """

    capacity: int
    max_bytes: int
    values: pa.StringArray = field(default_factory=lambda: pa.array([], pa.string()))
    counts: Counts = field(default_factory=lambda: np.empty(0, np.int64))
    errors: Counts = field(default_factory=lambda: np.empty(0, np.int64))
    floor: int = 0
    distinct: DistinctStrings | None = None

    def add(self, values: pa.StringArray, counts: Counts) -> None:
        """Add strings without nulls and their counts; both of shape [values]."""
        self.absorb(Frequent(self.capacity, self.max_bytes, values, counts, np.zeros_like(counts)))

    def absorb(self, other: Frequent) -> None:
        """Add the strings of another sketch."""
        encoded = pa.concat_arrays([self.values, other.values]).dictionary_encode()
        fits = self._fits(encoded.dictionary)
        if self.distinct or other.distinct or not fits:
            self._estimate(other)
        codes = encoded.indices.to_numpy()
        floor = self.floor + other.floor
        # A string that one side lacks occurs there as often as that side's floor, at most.
        self.counts, self.errors = (
            floor + _sums(codes, [left - self.floor, right - other.floor], len(encoded.dictionary))
            for left, right in ((self.counts, other.counts), (self.errors, other.errors))
        )
        self.values, self.floor = encoded.dictionary, floor
        if not fits:
            self._drop()

    def unique(self) -> int:
        """Return the number of distinct strings; exact until a string is dropped."""
        if self.distinct is None:
            return len(self.values)
        return max(self.distinct.estimate(), len(self.values) + 1)

    def _estimate(self, other: Frequent) -> None:
        if self.distinct is None:
            self.distinct = DistinctStrings()
            self.distinct.add(self.values)
        if other.distinct is None:
            self.distinct.add(other.values)
        else:
            self.distinct.absorb(other.distinct)

    def _fits(self, values: pa.StringArray) -> bool:
        return len(values) <= self.capacity and int(_lengths(values).sum()) <= self.max_bytes

    def _drop(self) -> None:
        """Drop the least common strings until the others fit."""
        order = np.argsort(-self.counts, kind="stable")
        used = np.cumsum(_lengths(self.values)[order])
        size = min(self.capacity, int(np.searchsorted(used, self.max_bytes, side="right")))
        self.floor = int(self.counts[order[size]])  # the count of the most common one dropped
        keep = np.sort(order[:size])
        self.values = self.values.take(pa.array(keep))
        self.counts, self.errors = self.counts[keep], self.errors[keep]


def _lengths(values: pa.StringArray) -> Counts:
    """Return the number of bytes of each string."""
    lengths: Counts = pc.binary_length(values).to_numpy().astype(np.int64)
    return lengths


def _sums(codes: npt.NDArray[np.int32], counts: Sequence[Counts], size: int) -> Counts:
    sums = np.zeros(size, np.int64)
    np.add.at(sums, codes, np.concatenate(counts))
    return sums
