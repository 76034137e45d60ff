"""How strongly a column goes with the label, from one pass and in bounded memory.

Each measure is a number in [0, 1], of the rows in which neither is missing:

    column   label                 measure                                   kind
    number   number                the absolute value of Pearson's r         "pearson"
    number   two classes           the same, with the classes as 0 and 1     "pearson"
    number   several classes       the correlation ratio of the number       "correlation_ratio"
    string   number                the correlation ratio of the label        "correlation_ratio"
    string   classes, two or more  Cramér's V                                "cramers_v"

The correlation ratio and Cramér's V grow with the number of categories even where nothing goes
with anything: of as many categories as rows both are 1. So both are corrected for that, and are
near 0 for a column of identifiers:

    correlation ratio   sqrt(1 - (1 - eta^2) (n - 1) / (n - k)), where eta^2 is the share of the
                        variance that is between the k categories. (Kelley, "An unbiased
                        correlation ratio measure", 1935.)
    Cramér's V          sqrt(p / min(r' - 1, c' - 1)), where p is chi^2 / n - (r - 1) (c - 1) /
                        (n - 1), and r' is r - (r - 1)^2 / (n - 1), c' alike, of a table of r rows
                        and c columns. (Bergsma, "A bias-correction for Cramér's V and Tschuprow's
                        T", 2013.) Of two classes V without the correction is eta.

What is below 0 is 0. Counts are exact, sums are float64. There is no measure where a column or
the label is constant, where there are as many categories as rows, or beyond `CATEGORIES`,
`CELLS` or `TEXT_BYTES`. A column takes at most 0.8 MB.
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

__all__ = [
    "CATEGORIES",
    "CELLS",
    "TEXT_BYTES",
    "Association",
    "Categories",
    "Groups",
    "Measured",
    "Pairs",
    "Table",
    "association_of",
    "values_of",
]

CATEGORIES = 1000
"""Up to how many categories of a string column or label there is a measure."""

CELLS = 2**16
"""Up to how many pairs of a category and a class there is one."""

TEXT_BYTES = 2**18
"""Up to how many bytes of different categories there is one."""

Doubles: TypeAlias = npt.NDArray[np.float64]
Counts: TypeAlias = npt.NDArray[np.int64]

_Number = TypeVar("_Number", np.int64, np.float64)


class Measured(NamedTuple):
    """A measure, in [0, 1], and which one it is."""

    value: float
    kind: str


@dataclass(frozen=True)
class Categories:
    """The categories of some rows.

    Attributes:
      places: The place in `names` of each row's; -1 where it is missing; [rows].
      names: The different ones, without nulls, each used by a row.
    """

    places: npt.NDArray[np.int64]
    names: pa.StringArray


Values: TypeAlias = "Doubles | Categories | None"
"""Of some rows: numbers, NaN where missing; categories; or None where these are too many."""


def values_of(array: pa.Array) -> Values:
    """What is needed of a column of `Schema.arrow_schema()`."""
    if not pa.types.is_dictionary(array.type):
        numbers: Doubles = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return numbers
    if array.dictionary.null_count:
        array = array.dictionary_decode().dictionary_encode()
    size = len(array.dictionary)
    places = array.indices.fill_null(size).to_numpy()
    used = np.flatnonzero(np.bincount(places, minlength=size + 1)[:size])
    if len(used) > CATEGORIES:
        return None
    compact = np.full(size + 1, -1)
    compact[used] = np.arange(len(used))
    return Categories(compact[places], array.dictionary.take(pa.array(used)))


def association_of(column: Column, label: Column) -> Association:
    """The association of no rows yet, of a column with a label."""
    if column.type != "string":
        return Groups(of_label=True) if label.type == "string" else Pairs()
    return Table() if label.type == "string" else Groups(of_label=False)


@dataclass
class Pairs:
    """A number column with a number label.

    Attributes:
      count: The rows in which both are finite.
      means: Of the column, of the label.
      squares: The sums of the squares of the distances from these means.
      products: The sum of the products of the two distances.
    """

    count: int = 0
    means: tuple[float, float] = (0.0, 0.0)
    squares: tuple[float, float] = (0.0, 0.0)
    products: float = 0.0

    def add(self, column: Values, label: Values) -> None:
        """Add rows."""
        assert isinstance(column, np.ndarray) and isinstance(label, np.ndarray)
        both = np.isfinite(column) & np.isfinite(label)
        if not both.any():
            return
        (mean_x, x), (mean_y, y) = (_centred(values[both]) for values in (column, label))
        squares = float(x @ x), float(y @ y)
        self.absorb(Pairs(len(x), (mean_x, mean_y), squares, float(x @ y)))

    def absorb(self, other: Pairs) -> None:
        """Add all that the other one was given.

        Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
        variances", 1979.
        """
        count = self.count + other.count
        if not other.count:
            return
        apart = [its - mine for mine, its in zip(self.means, other.means, strict=True)]
        share = other.count / count
        weight = self.count * share
        x, y = (mine + step * share for mine, step in zip(self.means, apart, strict=True))
        xx, yy = (
            mine + its + step**2 * weight
            for mine, its, step in zip(self.squares, other.squares, apart, strict=True)
        )
        self.products += other.products + apart[0] * apart[1] * weight
        self.count, self.means, self.squares = count, (x, y), (xx, yy)

    def measured(self) -> Measured | None:
        """The measure; None where one of the two is constant."""
        both = sqrt(self.squares[0] * self.squares[1])
        return Measured(min(abs(self.products) / both, 1.0), "pearson") if both else None


def _centred(values: Doubles) -> tuple[float, Doubles]:
    """The mean, and the distances from it: exactly 0 where all values are one."""
    apart = values - values[0]
    mean = float(apart.mean())
    return float(values[0]) + mean, apart - mean


def _no_names() -> pa.StringArray:
    return pa.array([], pa.string())


def _no_counts() -> Counts:
    return np.empty(0, np.int64)


@dataclass
class Groups:
    """A number in each category: a number column by classes, or a number label by a column.

    Attributes:
      of_label: Whether the categories are the classes of the label.
      names: The categories, in the order of their first appearance.
      counts: The rows of each in which the number is finite; [names].
      means: The mean of the number in each; [names].
      squares: The sum of the squares of the distances from that mean; [names].
      full: Whether there were too many categories; then there are none.
    """

    of_label: bool
    names: pa.StringArray = field(default_factory=_no_names)
    counts: Counts = field(default_factory=_no_counts)
    means: Doubles = field(default_factory=lambda: np.empty(0))
    squares: Doubles = field(default_factory=lambda: np.empty(0))
    full: bool = False

    def add(self, column: Values, label: Values) -> None:
        """Add rows."""
        groups, numbers = (label, column) if self.of_label else (column, label)
        if groups is None or self.full:
            self._fill()
            return
        assert isinstance(groups, Categories) and isinstance(numbers, np.ndarray)
        places, size = groups.places, len(groups.names)
        known = (places >= 0) & np.isfinite(numbers)
        if not known.all():
            places, numbers = places[known], numbers[known]
        if not len(numbers):
            return
        counts = np.bincount(places, minlength=size)
        apart = numbers - numbers[0]  # exactly 0 where all numbers are one
        means = np.bincount(places, apart, size) / np.maximum(counts, 1)
        squares = np.bincount(places, (apart - means[places]) ** 2, size).astype(np.float64)
        self.absorb(Groups(self.of_label, groups.names, counts, means + numbers[0], squares))

    def absorb(self, other: Groups) -> None:
        """Add all that the other one was given; see `Pairs.absorb` for the source."""
        if self.full or other.full:
            self._fill()
            return
        names, (mine, its) = _union(self.names, other.names)
        if not _fits(names):
            self._fill()
            return
        size = len(names)
        a, b = (_spread(one.counts, at, size) for one, at in ((self, mine), (other, its)))
        x, y = (_spread(one.means, at, size) for one, at in ((self, mine), (other, its)))
        share = b / np.maximum(a + b, 1)
        squares = _spread(self.squares, mine, size) + _spread(other.squares, its, size)
        self.squares = squares + (y - x) ** 2 * (a * share)
        self.names, self.counts, self.means = names, a + b, x + (y - x) * share

    def measured(self) -> Measured | None:
        """The measure; None where there is none."""
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
            return Measured(sqrt(share), "pearson")
        unbiased = 1 - (1 - share) * (rows - 1) / (rows - groups)
        return Measured(sqrt(max(unbiased, 0.0)), "correlation_ratio")

    def _fill(self) -> None:
        self.full, self.names, self.counts = True, _no_names(), _no_counts()
        self.means, self.squares = np.empty(0), np.empty(0)


@dataclass
class Table:
    """A string column with a label of classes.

    Attributes:
      names: The categories of the column, in the order of their first appearance.
      classes: Those of the label.
      counts: The rows of each pair; [names, classes].
      full: Whether there were too many; then there are none.
    """

    names: pa.StringArray = field(default_factory=_no_names)
    classes: pa.StringArray = field(default_factory=_no_names)
    counts: Counts = field(default_factory=lambda: np.empty((0, 0), np.int64))
    full: bool = False

    def add(self, column: Values, label: Values) -> None:
        """Add rows."""
        if column is None or label is None or self.full:
            self._fill()
            return
        assert isinstance(column, Categories) and isinstance(label, Categories)
        shape = len(column.names), len(label.names)
        if shape[0] * shape[1] > CELLS:
            self._fill()
            return
        pairs = column.places * shape[1] + label.places
        known = (column.places >= 0) & (label.places >= 0)
        counts = np.bincount(pairs if known.all() else pairs[known], minlength=shape[0] * shape[1])
        self.absorb(Table(column.names, label.names, counts.reshape(shape)))

    def absorb(self, other: Table) -> None:
        """Add all that the other one was given."""
        names, (my_rows, its_rows) = _union(self.names, other.names)
        classes, (my_columns, its_columns) = _union(self.classes, other.classes)
        too_large = len(names) * len(classes) > CELLS or not (_fits(names) and _fits(classes))
        if self.full or other.full or too_large:
            self._fill()
            return
        counts = np.zeros((len(names), len(classes)), np.int64)
        counts[np.ix_(my_rows, my_columns)] += self.counts
        counts[np.ix_(its_rows, its_columns)] += other.counts
        self.names, self.classes, self.counts = names, classes, counts

    def measured(self) -> Measured | None:
        """The measure, of the sorted table: it depends on the rows alone."""
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
        return Measured(min(sqrt(phi / smaller), 1.0), "cramers_v")

    def _fill(self) -> None:
        self.full, self.names, self.classes = True, _no_names(), _no_names()
        self.counts = np.empty((0, 0), np.int64)


Association: TypeAlias = "Pairs | Groups | Table"


def _union(
    mine: pa.StringArray, its: pa.StringArray
) -> tuple[pa.StringArray, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """The different strings of both, and the places in it of either's."""
    both = pa.concat_arrays([mine, its]).dictionary_encode()
    places = both.indices.to_numpy().astype(np.int64)
    return both.dictionary, (places[: len(mine)], places[len(mine) :])


def _fits(names: pa.StringArray) -> bool:
    size = pc.sum(pc.binary_length(names)).as_py() or 0
    return len(names) <= CATEGORIES and size <= TEXT_BYTES


def _spread(values: npt.NDArray[_Number], places: Counts, size: int) -> npt.NDArray[_Number]:
    """An array of that size, with the values at these places and 0 elsewhere."""
    spread = np.zeros(size, values.dtype)
    spread[places] = values
    return spread
