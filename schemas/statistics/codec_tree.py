"""A `Profile` as a tree of plain values and arrays, and back, with everything checked."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .association import Association, ContingencyTable, Groups, Pairs
from .columns import CAPACITY, Moments, Numbers, NumberSketches, Strings
from .fold import Profile, StatisticsFold
from .sketches import HASHES, DistinctNumbers, DistinctStrings, Quantiles

__all__ = ["PROBLEMS", "Tree", "profile_of", "tree_of"]

Tree: TypeAlias = "dict[str, Any]"
"""By name: plain values, lists, trees, numpy arrays, `pa.StringArray`s, bytes."""

PROBLEMS = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError),
    *(RuntimeError, MemoryError, pa.ArrowException),
)
"""What `profile_of`, and what reads a tree for it, may raise."""


def tree_of(profile: Profile) -> Tree:
    """The tree of a profile."""
    return {
        "rows": profile.rows,
        "columns": [
            _strings_tree(column) if isinstance(column, Strings) else _numbers_tree(column)
            for column in profile.columns
        ],
        "associations": {
            name: dict(vars(association)) for name, association in profile.associations.items()
        },
    }


def profile_of(tree: Tree, fold: StatisticsFold) -> Profile:
    """The profile in a tree, which may be anything.

    Args:
      tree: As `tree_of` gives it, or as a stranger does.
      fold: The fold of the schema that the profile is of.

    Raises:
      PROBLEMS: It is no profile of this schema.
    """
    empty = fold.start()
    rows = _count(tree["rows"])
    columns: list[Numbers | Strings] = []
    for like, column in zip(empty.columns, tree["columns"], strict=True):
        found = _strings_of(column) if isinstance(like, Strings) else _numbers_of(column, like.type)
        _check(found.count + found.missing == rows, "another number of rows")
        columns.append(found)
    given = tree["associations"]
    _check(list(given) == list(empty.associations), "other columns")
    associations = {
        name: _association_of(given[name], like) for name, like in empty.associations.items()
    }
    return Profile(rows, columns, associations)


def _numbers_tree(column: Numbers) -> Tree:
    tree = {
        "missing": column.missing,
        "count": column.count,
        "not_finite": column.not_finite,
        "values": column.values,
        "counts": column.counts,
    }
    sketched = column.sketches
    if sketched is None:
        return tree
    return tree | {
        "moments": None if sketched.moments is None else astuple(sketched.moments),
        "levels": sketched.quantiles.levels,
        "halvings": sketched.quantiles.halvings,
        "hashes": sketched.distinct.hashes,
    }


def _numbers_of(tree: Tree, kind: Literal["int64", "float32"]) -> Numbers:
    column = Numbers(np.dtype(kind))
    for name in ("missing", "count", "not_finite"):
        setattr(column, name, _count(tree[name]))
    column.values = _array(tree["values"], kind)
    column.counts = _counts(tree["counts"], len(column.values), least=1)
    _check(len(column.values) <= CAPACITY, "too many values")
    _check(_ascending(column.values), "values out of order")
    if "levels" in tree:
        column.sketches = _sketched_of(tree, kind)
        _check(not len(column.values), "both values and sketches")
    moments = column.moments
    finite = moments.count if moments else 0
    _check(finite + column.not_finite == column.count, "another number of values")
    return column


def _sketched_of(tree: Tree, kind: Literal["int64", "float32"]) -> NumberSketches:
    moments = None if tree["moments"] is None else _moments_of(tree["moments"], kind)
    levels = [_array(level, kind) for level in tree["levels"]]
    halvings = [[_count(smaller), _count(larger)] for smaller, larger in tree["halvings"]]
    _check(len(levels) == len(halvings) <= 64, "levels that do not fit")
    quantiles = Quantiles(levels=levels, halvings=halvings)
    _check(all(len(level) <= quantiles.capacity for level in levels), "a level that is too large")
    held = sum(len(level) << place for place, level in enumerate(levels))
    _check(held == (moments.count if moments else 0), "quantiles of another number of values")
    hashes = _array(tree["hashes"], "uint64")
    _check(len(hashes) <= HASHES and _ascending(hashes), "hashes out of order")
    return NumberSketches(moments, quantiles, DistinctNumbers(hashes))


def _moments_of(values: Any, kind: Literal["int64", "float32"]) -> Moments:
    count, zeros, minimum, maximum, total, squares = values
    exact = (int,) if kind == "int64" else (float,)
    for number in (minimum, maximum, total):
        _check(type(number) in exact and abs(number) < 2.0**256, f"the number {number}")
    _check(type(squares) is float and 0 <= squares < np.inf, f"the squares {squares}")
    _check(_count(count) > 0 and minimum <= maximum, "moments of nothing")
    return Moments(count, _count(zeros), minimum, maximum, total, squares)


def _strings_tree(column: Strings) -> Tree:
    frequent = column.frequent
    return {
        "missing": column.missing,
        "count": column.count,
        "total_bytes": column.total_bytes,
        "shortest": column.shortest,
        "longest": column.longest,
        "values": frequent.values,
        "counts": frequent.counts,
        "errors": frequent.errors,
        "floor": frequent.floor,
        "distinct": None if frequent.distinct is None else frequent.distinct.to_bytes(),
    }


def _strings_of(tree: Tree) -> Strings:
    column = Strings()
    for name in ("missing", "count", "total_bytes"):
        setattr(column, name, _count(tree[name]))
    for name in ("shortest", "longest"):
        setattr(column, name, _count(tree[name]) if column.count else None)
    frequent, values = column.frequent, _names(tree["values"])
    frequent.values, frequent.floor = values, _count(tree["floor"])
    frequent.counts = _counts(tree["counts"], len(values), least=1)
    frequent.errors = _counts(tree["errors"], len(values), least=0)
    _check(len(values) <= frequent.capacity and values.nbytes < 2**24, "too many strings")
    _check(bool((frequent.errors <= frequent.counts).all()), "errors above the counts")
    if tree["distinct"] is None:
        exact = int(frequent.counts.sum()) == column.count and not frequent.errors.any()
        _check(exact and not frequent.floor, "another number of strings")
    else:
        frequent.distinct = DistinctStrings.from_bytes(tree["distinct"])
    return column


def _association_of(tree: Tree, like: Association) -> Association:
    if isinstance(like, Pairs):
        means, squares = ([_real(one) for one in tree[name]] for name in ("means", "squares"))
        _check(len(means) == len(squares) == 2 and min(squares) >= 0, "pairs of other things")
        pair, spread = (means[0], means[1]), (squares[0], squares[1])
        return Pairs(_count(tree["count"]), pair, spread, _real(tree["products"]))
    _check(isinstance(tree["full"], bool), "neither full nor not")
    names = _names(tree["names"])
    if isinstance(like, Groups):
        counts = _counts(tree["counts"], len(names), least=0)
        means_of, squares_of = (_array(tree[name], "float64") for name in ("means", "squares"))
        _check(len(means_of) == len(squares_of) == len(names), "groups of another number")
        _check(bool(np.isfinite(means_of).all() and (squares_of >= 0).all()), "groups of nothing")
        return Groups(like.of_label, names, counts, means_of, squares_of, tree["full"])
    classes = _names(tree["classes"])
    table = tree["counts"]
    fits = isinstance(table, np.ndarray) and table.shape == (len(names), len(classes))
    _check(fits and table.dtype == np.int64 and bool((table >= 0).all()), "another table")
    return ContingencyTable(names, classes, table, tree["full"])


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
    _check(len(value) == len(value.unique()), "a string that stands there twice")
    return value


def _ascending(values: npt.NDArray[Any]) -> bool:
    return bool((values[1:] > values[:-1]).all() and np.isfinite(values).all())


def _count(value: Any) -> int:
    _check(type(value) is int and 0 <= value < 2**62, f"the count {value}")
    return int(value)


def _real(value: Any) -> float:
    _check(type(value) is float and np.isfinite(value), f"the number {value}")
    return float(value)


def _check(right: bool, problem: str) -> None:
    if not right:
        raise ValueError(problem)
