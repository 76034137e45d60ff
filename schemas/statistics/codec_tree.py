"""Construction of a `Profile` from an untrusted tree of values and arrays, all of it checked."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .association import Association, ContingencyTable, Groups, Pairs
from .columns import CAPACITY, Moments, Numbers, NumberSketches, Strings
from .fold import Profile, StatisticsFold
from .sketches import HASHES, DistinctNumbers, DistinctStrings, Frequent, Quantiles

__all__ = ["PROBLEMS", "Tree", "profile_of"]

Tree: TypeAlias = "dict[str, Any]"
"""Attributes by name: plain values, lists, trees, numpy arrays, `pa.StringArray`s, bytes."""

PROBLEMS = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError),
    *(RuntimeError, MemoryError, pa.ArrowException),
)
"""Exceptions of `profile_of`, and of reading a tree for it."""


def profile_of(tree: Tree, fold: StatisticsFold) -> Profile:
    """Make a profile of a tree, and check every value of it.

    Args:
      tree: Attributes of a profile, as `recordmill.schemas.statistics.codec` writes them, or
        anything else.
      fold: Fold of the schema of the profile.

    Raises:
      PROBLEMS: The tree is no profile of this schema.
    """
    empty = fold.start()
    rows = _count(tree["rows"])
    columns: list[Numbers | Strings] = []
    for expected, attributes in zip(empty.columns, tree["columns"], strict=True):
        column = (
            _strings_of(attributes)
            if isinstance(expected, Strings)
            else _numbers_of(attributes, expected.type)
        )
        _check(column.count + column.missing == rows, "another number of rows")
        columns.append(column)
    names = [name for name, _ in tree["associations"]]
    _check(names == list(empty.associations), "other columns")
    associations = {
        name: _association_of(attributes, empty.associations[name])
        for name, attributes in tree["associations"]
    }
    return Profile(rows, columns, associations)


def _numbers_of(tree: Tree, kind: Literal["int64", "float32"]) -> Numbers:
    column = Numbers(np.dtype(kind))
    _check(tree["dtype"] == kind, f"a column of {tree['dtype']}")
    for name in ("missing", "count", "not_finite"):
        setattr(column, name, _count(tree[name]))
    column.values = _array(tree["values"], kind)
    column.counts = _counts(tree["counts"], len(column.values), least=1)
    _check(len(column.values) <= CAPACITY, "too many values")
    _check(_ascending(column.values), "values out of order")
    if tree["sketches"] is not None:
        column.sketches = _sketches_of(tree["sketches"], kind)
        _check(not len(column.values), "both values and sketches")
    moments = column.moments
    finite = moments.count if moments else 0
    _check(finite + column.not_finite == column.count, "another number of values")
    return column


def _sketches_of(tree: Tree, kind: Literal["int64", "float32"]) -> NumberSketches:
    moments = None if tree["moments"] is None else _moments_of(tree["moments"], kind)
    quantiles = _quantiles_of(tree["quantiles"], kind)
    count = sum(len(values) << level for level, values in enumerate(quantiles.levels))
    _check(count == (moments.count if moments else 0), "quantiles of another number of values")
    hashes = _array(tree["distinct"]["hashes"], "uint64")
    _check(len(hashes) <= HASHES and _ascending(hashes), "hashes out of order")
    return NumberSketches(moments, quantiles, DistinctNumbers(hashes))


def _quantiles_of(tree: Tree, kind: Literal["int64", "float32"]) -> Quantiles:
    levels = [_array(level, kind) for level in tree["levels"]]
    halvings = [[_count(smaller), _count(larger)] for smaller, larger in tree["halvings"]]
    _check(len(levels) == len(halvings) <= 64, "levels that do not fit")
    quantiles = Quantiles(levels=levels, halvings=halvings)
    _check(tree["capacity"] == quantiles.capacity, "another capacity")
    _check(all(len(level) <= quantiles.capacity for level in levels), "a level that is too large")
    return quantiles


def _moments_of(tree: Tree, kind: Literal["int64", "float32"]) -> Moments:
    moments = Moments(**tree)
    number_type = int if kind == "int64" else float
    for number in (moments.minimum, moments.maximum, moments.total):
        _check(type(number) is number_type and abs(number) < 2.0**256, f"the number {number}")
    squares = moments.squares
    _check(type(squares) is float and 0 <= squares < np.inf, f"the squares {squares}")
    _check(_count(moments.count) > 0, "moments of nothing")
    _check(_count(moments.zeros) <= moments.count, "more zeros than numbers")
    _check(moments.minimum <= moments.maximum, "a minimum above the maximum")
    return moments


def _strings_of(tree: Tree) -> Strings:
    column = Strings()
    for name in ("missing", "count", "total_bytes"):
        setattr(column, name, _count(tree[name]))
    for name in ("shortest", "longest"):
        setattr(column, name, _count(tree[name]) if column.count else None)
    _fill_frequent(column.frequent, tree["frequent"], column.count)
    return column


def _fill_frequent(frequent: Frequent, tree: Tree, count: int) -> None:
    values = _names(tree["values"])
    frequent.values, frequent.floor = values, _count(tree["floor"])
    frequent.counts = _counts(tree["counts"], len(values), least=1)
    frequent.errors = _counts(tree["errors"], len(values), least=0)
    capacity = (tree["capacity"], tree["max_bytes"])
    _check(capacity == (frequent.capacity, frequent.max_bytes), "another capacity")
    _check(len(values) <= frequent.capacity and values.nbytes < 2**24, "too many strings")
    _check(bool((frequent.errors <= frequent.counts).all()), "errors above the counts")
    if tree["distinct"] is None:
        exact = int(frequent.counts.sum()) == count and not frequent.errors.any()
        _check(exact and not frequent.floor, "another number of strings")
    else:
        frequent.distinct = DistinctStrings.from_bytes(tree["distinct"])


def _association_of(tree: Tree, expected: Association) -> Association:
    _check(tree.keys() == vars(expected).keys(), "another association")
    if isinstance(expected, Pairs):
        means, squares = ([_real(value) for value in tree[name]] for name in ("means", "squares"))
        _check(len(means) == len(squares) == 2 and min(squares) >= 0, "pairs of other things")
        pair, spread = (means[0], means[1]), (squares[0], squares[1])
        return Pairs(_count(tree["count"]), pair, spread, _real(tree["products"]))
    _check(isinstance(tree["full"], bool), "neither full nor not")
    names = _names(tree["names"])
    if isinstance(expected, Groups):
        _check(tree["of_label"] is expected.of_label, "groups of the other column")
        counts = _counts(tree["counts"], len(names), least=0)
        group_means, group_squares = (
            _array(tree[name], "float64") for name in ("means", "squares")
        )
        _check(len(group_means) == len(group_squares) == len(names), "groups of another number")
        valid = np.isfinite(group_means).all() and (group_squares >= 0).all()
        _check(bool(valid), "groups of nothing")
        return Groups(expected.of_label, names, counts, group_means, group_squares, tree["full"])
    classes = _names(tree["classes"])
    counts = tree["counts"]
    fits = isinstance(counts, np.ndarray) and counts.shape == (len(names), len(classes))
    _check(fits and counts.dtype == np.int64 and bool((counts >= 0).all()), "another table")
    return ContingencyTable(names, classes, counts, tree["full"])


def _array(value: Any, kind: str) -> npt.NDArray[Any]:
    _check(isinstance(value, np.ndarray) and value.ndim == 1, "no array where there must be one")
    array: npt.NDArray[Any] = value
    _check(array.dtype == np.dtype(kind), f"an array of {array.dtype}, expected {kind}")
    return array


def _counts(value: Any, size: int, *, least: int) -> npt.NDArray[np.int64]:
    counts = _array(value, "int64")
    _check(len(counts) == size and bool((counts >= least).all()), "counts that do not fit")
    _check(float(counts.astype(np.float64).sum()) < 2.0**62, "counts that are too large")
    return counts


def _names(value: Any) -> pa.StringArray:
    _check(isinstance(value, pa.StringArray), "no strings where there must be some")
    _check(not value.null_count and len(value) == len(value.unique()), "a string that occurs twice")
    return value


def _ascending(values: npt.NDArray[Any]) -> bool:
    return bool((values[1:] > values[:-1]).all() and np.isfinite(values).all())


def _count(value: Any) -> int:
    _check(type(value) is int and 0 <= value < 2**62, f"the count {value}")
    return int(value)


def _real(value: Any) -> float:
    _check(type(value) is float and np.isfinite(value), f"the number {value}")
    return float(value)


def _check(valid: bool, problem: str) -> None:
    if not valid:
        raise ValueError(problem)
