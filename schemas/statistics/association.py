"""Association of a column with the label, from one pass and in bounded memory.

Each measure is a number in [0, 1], of the rows in which neither is missing:

    column   label                 measure                                   kind
    number   number                the absolute value of Pearson's r         "pearson"
    number   two classes           the same, with the classes as 0 and 1     "pearson"
    number   several classes       the correlation ratio of the number       "correlation_ratio"
    string   number                the correlation ratio of the label        "correlation_ratio"
    string   classes, two or more  Cramér's V                                "cramers_v"

The correlation ratio and Cramér's V grow with the number of categories even of independent
columns: of as many categories as rows both are 1. So both are corrected for that bias, and are
near 0 for a column of identifiers:

    correlation ratio   sqrt(1 - (1 - eta^2) (n - 1) / (n - k)), where eta^2 is the share of the
                        variance that is between the k categories. (Kelley, "An unbiased
                        correlation ratio measure", 1935.)
    Cramér's V          sqrt(p / min(r' - 1, c' - 1)), where p is chi^2 / n - (r - 1) (c - 1) /
                        (n - 1), and r' is r - (r - 1)^2 / (n - 1), c' likewise, of a table of r
                        rows and c columns. (Bergsma, "A bias-correction for Cramér's V and
                        Tschuprow's T", 2013.) Of two classes V without the correction is eta.

Negative results are clipped to 0. Counts are exact, sums are float64. There is no measure where a
column or the label is constant, where there are as many categories as rows, or beyond
`CATEGORIES`, `CELLS` or `TEXT_BYTES`. A column takes at most 0.8 MB.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..column import Column
from .columns import count_codes
from .sketches import Counts

__all__ = [
    "CATEGORIES",
    "CELLS",
    "TEXT_BYTES",
    "Association",
    "Categories",
    "ContingencyTable",
    "Groups",
    "Measure",
    "Pairs",
    "association_of",
    "values_of",
]

CATEGORIES = 1000
"""Most categories of a string column or label with a measure."""

CELLS = 2**16
"""Most pairs of a category and a class with a measure."""

TEXT_BYTES = 2**18
"""Most bytes of distinct categories with a measure."""

Doubles: TypeAlias = npt.NDArray[np.float64]

_Number = TypeVar("_Number", np.int64, np.float64)


class Measure(NamedTuple):
    """Value of a measure, in [0, 1], and its kind."""

    value: float
    kind: str


@dataclass(frozen=True)
class Categories:
    """Categories of a batch of rows.

    Attributes:
      codes: Index into `names` of each row; -1 where it is missing; [rows].
      names: Distinct categories, without nulls, each of at least one row.
    """

    codes: npt.NDArray[np.int64]
    names: pa.StringArray


Values: TypeAlias = "Doubles | Categories | None"
"""Values of a batch: numbers, NaN where missing; categories; or None for too many of these."""


def values_of(array: pa.Array) -> Values:
    """Return the values of a column of `Schema.arrow_schema()`, which associations add."""
    if not pa.types.is_dictionary(array.type):
        numbers: Doubles = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return numbers
    dictionary, codes, counts = count_codes(array)
    used = np.flatnonzero(counts)
    if len(used) > CATEGORIES:
        return None
    compact = np.full(len(dictionary) + 1, -1)
    compact[used] = np.arange(len(used))
    return Categories(compact[codes], dictionary.take(pa.array(used)))


def association_of(column: Column, label: Column) -> Association:
    """Return the empty accumulator for the types of a column and a label."""
    if column.type != "string":
        return Groups(of_label=True) if label.type == "string" else Pairs()
    return ContingencyTable() if label.type == "string" else Groups(of_label=False)


@dataclass
class Pairs:
    """Accumulator of a number column with a number label.

    Attributes:
      count: Number of rows in which both are finite.
      means: Means of the column and of the label.
      squares: Sums of the squared differences from these means.
      products: Sum of the products of both differences.
    """

    count: int = 0
    means: tuple[float, float] = (0.0, 0.0)
    squares: tuple[float, float] = (0.0, 0.0)
    products: float = 0.0

    def add(self, column: Values, label: Values) -> None:
        """Add rows, of equal number in both."""
        assert isinstance(column, np.ndarray) and isinstance(label, np.ndarray)
        both = np.isfinite(column) & np.isfinite(label)
        if not both.any():
            return
        (mean_x, x), (mean_y, y) = (_centred(values[both]) for values in (column, label))
        squares = float(x @ x), float(y @ y)
        self.absorb(Pairs(len(x), (mean_x, mean_y), squares, float(x @ y)))

    def absorb(self, other: Pairs) -> None:
        """Add the rows of another accumulator.

        Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
        variances", 1979.
        """
        count = self.count + other.count
        if not other.count:
            return
        deltas = [right - left for left, right in zip(self.means, other.means, strict=True)]
        share = other.count / count
        weight = self.count * share
        x, y = (left + step * share for left, step in zip(self.means, deltas, strict=True))
        xx, yy = (
            left + right + step**2 * weight
            for left, right, step in zip(self.squares, other.squares, deltas, strict=True)
        )
        self.products += other.products + deltas[0] * deltas[1] * weight
        self.count, self.means, self.squares = count, (x, y), (xx, yy)

    def measure(self) -> Measure | None:
        """Return the measure; None where the column or the label is constant."""
        both = sqrt(self.squares[0] * self.squares[1])
        return Measure(min(abs(self.products) / both, 1.0), "pearson") if both else None


def _centred(values: Doubles) -> tuple[float, Doubles]:
    """Return the mean, and the differences from it: exactly 0 where all values are equal."""
    offsets = values - values[0]
    mean = float(offsets.mean())
    return float(values[0]) + mean, offsets - mean


def _no_names() -> pa.StringArray:
    return pa.array([], pa.string())


def _no_counts() -> Counts:
    return np.empty(0, np.int64)


@dataclass
class Groups:
    """Accumulator of numbers by category: a number column by classes, or a label by strings.

    Attributes:
      of_label: Whether the categories are the classes of the label.
      names: Categories, in the order of their first appearance.
      counts: Number of rows of each category in which the number is finite; [names].
      means: Mean of the number in each category; [names].
      squares: Sum of the squared differences from that mean; [names].
      full: True once there were too many categories; then `names` is empty.
    """

    of_label: bool
    names: pa.StringArray = field(default_factory=_no_names)
    counts: Counts = field(default_factory=_no_counts)
    means: Doubles = field(default_factory=lambda: np.empty(0))
    squares: Doubles = field(default_factory=lambda: np.empty(0))
    full: bool = False

    def add(self, column: Values, label: Values) -> None:
        """Add rows, of equal number in both."""
        groups, numbers = (label, column) if self.of_label else (column, label)
        if groups is None or self.full:
            self._fill()
            return
        assert isinstance(groups, Categories) and isinstance(numbers, np.ndarray)
        codes, size = groups.codes, len(groups.names)
        present = (codes >= 0) & np.isfinite(numbers)
        if not present.all():
            codes, numbers = codes[present], numbers[present]
        if not len(numbers):
            return
        counts = np.bincount(codes, minlength=size)
        offsets = numbers - numbers[0]  # exactly 0 where all numbers are equal
        means = np.bincount(codes, offsets, size) / np.maximum(counts, 1)
        squares = np.bincount(codes, (offsets - means[codes]) ** 2, size).astype(np.float64)
        self.absorb(Groups(self.of_label, groups.names, counts, means + numbers[0], squares))

    def absorb(self, other: Groups) -> None:
        """Add the rows of another accumulator; see `Pairs.absorb` for the source."""
        if self.full or other.full:
            self._fill()
            return
        names, (left, right) = _union(self.names, other.names)
        if not _fits(names):
            self._fill()
            return
        size = len(names)
        a, b = _scatter(self.counts, left, size), _scatter(other.counts, right, size)
        x, y = _scatter(self.means, left, size), _scatter(other.means, right, size)
        share = b / np.maximum(a + b, 1)
        squares = _scatter(self.squares, left, size) + _scatter(other.squares, right, size)
        self.squares = squares + (y - x) ** 2 * (a * share)
        self.names, self.counts, self.means = names, a + b, x + (y - x) * share

    def measure(self) -> Measure | None:
        """Return the measure; None for one category, or as many categories as rows."""
        filled = self.counts > 0
        counts, means = self.counts[filled], self.means[filled]
        rows, groups = int(counts.sum()), len(counts)
        if groups < 2 or rows <= groups:
            return None
        means = means - means[0]
        between = float(counts @ (means - float(counts @ means) / rows) ** 2)
        total = between + float(self.squares.sum())
        if not total:
            return None
        share = between / total
        if self.of_label and groups == 2:
            return Measure(sqrt(share), "pearson")
        unbiased = 1 - (1 - share) * (rows - 1) / (rows - groups)
        return Measure(sqrt(max(unbiased, 0.0)), "correlation_ratio")

    def _fill(self) -> None:
        self.full, self.names, self.counts = True, _no_names(), _no_counts()
        self.means, self.squares = np.empty(0), np.empty(0)


@dataclass
class ContingencyTable:
    """Accumulator of a string column with a label of classes.

    Attributes:
      names: Categories of the column, in the order of their first appearance.
      classes: Classes of the label, likewise.
      counts: Number of rows of each pair; int64, [names, classes].
      full: True once there were too many; then `names` and `classes` are empty.
    """

    names: pa.StringArray = field(default_factory=_no_names)
    classes: pa.StringArray = field(default_factory=_no_names)
    counts: Counts = field(default_factory=lambda: np.empty((0, 0), np.int64))
    full: bool = False

    def add(self, column: Values, label: Values) -> None:
        """Add rows, of equal number in both."""
        if column is None or label is None or self.full:
            self._fill()
            return
        assert isinstance(column, Categories) and isinstance(label, Categories)
        shape = len(column.names), len(label.names)
        if shape[0] * shape[1] > CELLS:
            self._fill()
            return
        pairs = column.codes * shape[1] + label.codes
        present = (column.codes >= 0) & (label.codes >= 0)
        pairs = pairs if present.all() else pairs[present]
        counts = np.bincount(pairs, minlength=shape[0] * shape[1])
        self.absorb(ContingencyTable(column.names, label.names, counts.reshape(shape)))

    def absorb(self, other: ContingencyTable) -> None:
        """Add the rows of another accumulator."""
        names, (left_rows, right_rows) = _union(self.names, other.names)
        classes, (left_columns, right_columns) = _union(self.classes, other.classes)
        too_large = len(names) * len(classes) > CELLS or not (_fits(names) and _fits(classes))
        if self.full or other.full or too_large:
            self._fill()
            return
        counts = np.zeros((len(names), len(classes)), np.int64)
        counts[np.ix_(left_rows, left_columns)] += self.counts
        counts[np.ix_(right_rows, right_columns)] += other.counts
        self.names, self.classes, self.counts = names, classes, counts

    def measure(self) -> Measure | None:
        """Return the measure; None where a side is constant, or has as many values as rows."""
        # Sorted, so that the sums of floats depend on the rows alone, not on their order.
        order = np.ix_(*(pc.sort_indices(names).to_numpy() for names in (self.names, self.classes)))
        counts = self.counts[order].astype(np.float64)
        counts = counts[counts.any(axis=1)][:, counts.any(axis=0)]
        rows, (r, c) = float(counts.sum()), counts.shape
        if r < 2 or c < 2 or rows <= max(r, c):
            return None
        expected = np.outer(counts.sum(axis=1), counts.sum(axis=0))
        phi = float((counts**2 / expected).sum()) - 1
        phi = max(phi - (r - 1) * (c - 1) / (rows - 1), 0.0)
        smaller = min(side - 1 - (side - 1) ** 2 / (rows - 1) for side in (r, c))
        return Measure(min(sqrt(phi / smaller), 1.0), "cramers_v")

    def _fill(self) -> None:
        self.full, self.names, self.classes = True, _no_names(), _no_names()
        self.counts = np.empty((0, 0), np.int64)


Association: TypeAlias = "Pairs | Groups | ContingencyTable"


def _union(
    left: pa.StringArray, right: pa.StringArray
) -> tuple[pa.StringArray, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Return the distinct strings of both, and the index there of each string of either."""
    both = pa.concat_arrays([left, right]).dictionary_encode()
    indices = both.indices.to_numpy().astype(np.int64)
    return both.dictionary, (indices[: len(left)], indices[len(left) :])


def _fits(names: pa.StringArray) -> bool:
    size = pc.sum(pc.binary_length(names)).as_py() or 0
    return len(names) <= CATEGORIES and size <= TEXT_BYTES


def _scatter(values: npt.NDArray[_Number], indices: Counts, size: int) -> npt.NDArray[_Number]:
    """Return an array of a size, with values at indices and 0 elsewhere."""
    array = np.zeros(size, values.dtype)
    array[indices] = values
    return array
