"""What stands for the values of a column that has too many to keep.

    Quantiles         how many numbers are up to x            keeps one of two neighbours
    DistinctNumbers   how many different numbers there are    keeps the smallest hashes
    Frequent          which strings are the most common       keeps the largest counters
    DistinctStrings   how many different strings there are    keeps the smallest hashes

Each takes values in any portions, merges with its like without changing it, pickles, and depends
on nothing but the sequence of what it was given. Quantiles and Frequent know the largest error
that they can have made; it is 0 until they first have to drop something.

`tfx_bsl.sketches` counts the different strings. The rest of it is not used: its quantiles take 3 MB
a column for an error of 0.1 %, against 0.2 MB for 0.03 % here and half the time; its frequent items
do not tell their error; and its hashes of numbers, which it writes as text first, take 4 times as
long.
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
"""How many hashes an estimate of the number of different values rests on."""

UNIQUE_ERROR = (HASHES - 2) ** -0.5
"""The relative standard error of that estimate."""


@dataclass
class Quantiles:
    """The ranks of numbers, from a few thousand of them.

    A level that holds more than `capacity` numbers is sorted, and of each two neighbours one goes
    to the next level, where it stands for both: the smaller and the larger by turns. (Munro and
    Paterson, "Selection and sorting with limited storage", 1980; by turns: Manku, Rajagopalan and
    Lindsay, "Approximate medians and other quantiles in one pass and with limited memory", 1998.)
    Keeping the smaller of two can only make the numbers up to x look too many, by one of that
    level, and the larger too few: so the largest error is known. Of n numbers it is below
    n * log2(2n / capacity) / capacity, 0.13 % for five million at the default, and mostly below
    half of that, because of the turns.

    Attributes:
      capacity: The numbers a level holds, at least 2.
      levels: Level i holds numbers that each stand for 2**i; of any one numeric dtype.
      halvings: Of each level, how often the smaller and how often the larger were kept.
    """

    capacity: int = 8192
    levels: list[npt.NDArray[Any]] = field(default_factory=list)
    halvings: list[list[int]] = field(default_factory=list)

    def add(self, values: npt.NDArray[Any], counts: Counts) -> None:
        """Add numbers, each with how often it occurs (at least once); both of shape [values]."""
        for level in range(int(counts.max(initial=0)).bit_length()):
            self._put(level, values[(counts >> level) & 1 == 1])
        self._halve()

    def absorb(self, other: Quantiles) -> None:
        """Add all that the other one was given."""
        for level, values in enumerate(other.levels):
            self._put(level, values)
            for kept, times in enumerate(other.halvings[level]):
                self.halvings[level][kept] += times
        self._halve()

    def points(self) -> tuple[npt.NDArray[np.float64], Counts]:
        """The numbers kept, ascending and different, and how many each stands for."""
        if not self.levels:
            return np.empty(0), np.empty(0, np.int64)
        values = np.concatenate(self.levels)
        weights = [np.full(len(kept), 1 << i) for i, kept in enumerate(self.levels)]
        values, places = np.unique(values, return_inverse=True)
        counts = np.zeros(len(values), np.int64)
        np.add.at(counts, places, np.concatenate(weights))
        return values.astype(np.float64), counts

    def rank_error(self) -> int:
        """By how many numbers the count of those up to any x can be wrong, at most."""
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
                even = len(values) & ~1
                smaller, larger = self.halvings[level]
                keep = 0 if smaller == larger else 1
                self.levels[level] = values[even:].copy()
                self.halvings[level][keep] += 1
                self._put(level + 1, values[keep:even:2])
            level += 1


@dataclass
class DistinctNumbers:
    """How many different numbers there are, from the smallest of their hashes.

    Where k hashes are spread evenly, the k-th smallest of n stands near k / n of their range: so
    n is near (k - 1) / (that share), with a standard error of n / sqrt(k - 2). (Beyer et al., "On
    synopses for distinct-value estimation under multiset operations", 2007.)

    Attributes:
      hashes: The smallest ones, at most `HASHES`, ascending and different; uint64.
    """

    hashes: npt.NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))

    def add(self, values: npt.NDArray[Any]) -> None:
        """Add numbers, of always the same type, repeated or not; equal ones have equal bits."""
        self._keep(mix64(values.view(f"u{values.itemsize}").astype(np.uint64)))

    def absorb(self, other: DistinctNumbers) -> None:
        """Add all that the other one was given."""
        self._keep(other.hashes)

    def estimate(self) -> int:
        """About how many different numbers were added; exact below `HASHES`."""
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
    """How many different strings there are, as `DistinctNumbers` does it."""

    def __init__(self) -> None:
        from tfx_bsl.sketches import KmvSketch

        self._sketch = KmvSketch(HASHES)

    def add(self, values: pa.StringArray) -> None:
        """Add strings, repeated or not."""
        self._sketch.AddValues(values)

    def absorb(self, other: DistinctStrings) -> None:
        """Add all that the other one was given."""
        self._sketch.Merge(other._sketch)

    def to_bytes(self) -> bytes:
        """The sketch as tfx_bsl serializes it."""
        return bytes(self._sketch.Serialize())

    @classmethod
    def from_bytes(cls, data: bytes) -> DistinctStrings:
        """The sketch in these bytes.

        Raises:
          RuntimeError: They are none of `HASHES` hashes.
        """
        from tfx_bsl.sketches import KmvSketch

        sketch = cls()
        sketch._sketch.Merge(KmvSketch.Deserialize(data))
        return sketch

    def estimate(self) -> int:
        """About how many different strings were added; exact below `HASHES`."""
        return int(self._sketch.Estimate())


@dataclass
class Frequent:
    """The most common strings and how often they occur.

    Exact while the different ones are at most `capacity` and their bytes at most `room`. From then
    on the least common are dropped, and whatever comes in anew may have been dropped before, at
    most `floor` times. (The Space-Saving counters of Metwally, Agrawal and El Abbadi, "Efficient
    computation of frequent and top-k elements in data streams", 2005, merged as in Agarwal et al.,
    "Mergeable summaries", 2012.) Where there is always room for `capacity` strings, `floor` is at
    most n / (capacity + 1) of n, so a string more common than that is never lost.

    Attributes:
      capacity: How many strings may have a counter, at least 1.
      room: How many bytes they may have together.
      values: The strings that have a counter, in the order of their first appearance.
      counts: How often each occurs, at most; int64, [values].
      errors: By how much each count can be too high; int64, [values].
      floor: How often a string without a counter occurs, at most.
      distinct: The estimate of the different strings; None while they are all in `values`.
    """

    capacity: int
    room: int
    values: pa.StringArray = field(default_factory=lambda: pa.array([], pa.string()))
    counts: Counts = field(default_factory=lambda: np.empty(0, np.int64))
    errors: Counts = field(default_factory=lambda: np.empty(0, np.int64))
    floor: int = 0
    distinct: DistinctStrings | None = None

    def add(self, values: pa.StringArray, counts: Counts) -> None:
        """Add strings without nulls, each with how often it occurs; both of shape [values]."""
        self.absorb(Frequent(self.capacity, self.room, values, counts, np.zeros_like(counts)))

    def absorb(self, other: Frequent) -> None:
        """Add all that the other one was given."""
        encoded = pa.concat_arrays([self.values, other.values]).dictionary_encode()
        fits = self._fits(encoded.dictionary)
        if self.distinct or other.distinct or not fits:
            self._estimate(other)
        places = encoded.indices.to_numpy()
        floor = self.floor + other.floor
        # A string that one side lacks occurs there as often as that side's floor, at most.
        self.counts, self.errors = (
            floor + _sums(places, [mine - self.floor, its - other.floor], len(encoded.dictionary))
            for mine, its in ((self.counts, other.counts), (self.errors, other.errors))
        )
        self.values, self.floor = encoded.dictionary, floor
        if not fits:
            self._drop()

    def unique(self) -> int:
        """How many different strings there are; exact while nothing was dropped."""
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
        return len(values) <= self.capacity and int(_lengths(values).sum()) <= self.room

    def _drop(self) -> None:
        order = np.argsort(-self.counts, kind="stable")
        used = np.cumsum(_lengths(self.values)[order])
        kept = min(self.capacity, int(np.searchsorted(used, self.room, side="right")))
        self.floor = int(self.counts[order[kept]])
        keep = np.sort(order[:kept])
        self.values = self.values.take(pa.array(keep))
        self.counts, self.errors = self.counts[keep], self.errors[keep]


def _lengths(values: pa.StringArray) -> Counts:
    """The bytes of each string."""
    lengths: Counts = pc.binary_length(values).to_numpy().astype(np.int64)
    return lengths


def _sums(places: npt.NDArray[np.int32], counts: Sequence[Counts], size: int) -> Counts:
    sums = np.zeros(size, np.int64)
    np.add.at(sums, places, np.concatenate(counts))
    return sums
