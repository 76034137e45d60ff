"""Splits and sampling by the content of rows.

The key of a row, mixed once more, is a position in [0, 2**64); the ratios divide that range. So
equal rows, or equal groups, are in one split, and a row stays in its split when other rows are
added or removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import accumulate
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .fingerprint import Lane, mix64

__all__ = ["SplitIndex", "assign", "sampled"]

SplitIndex: TypeAlias = npt.NDArray[np.uint8]

_SPLIT = 0x3C6EF372FE94F82B
_SAMPLE = 0xA54FF53A5F1D36F1
_WORD = 2**64 - 1


def assign(lane: Lane, ratios: Mapping[str, float], seed: int) -> SplitIndex:
    """Assign each row to a split.

    Args:
      lane: Lane of the keys of the rows (or of their key columns); uint64, [rows].
      ratios: Ratio of each split, as in `Splitting`.
      seed: Any integer; another seed gives an independent assignment.

    Returns:
      The index in `ratios` of the split of each row; uint8, [rows]. The share of a split in all
      keys is exact to 2**-64, after the decimal ratios are scaled to sum to 1.

    >>> assign(np.arange(8, dtype=np.uint64), {"train": 0.5, "eval": 0.5}, 0)
    array([0, 0, 0, 0, 1, 1, 0, 0], dtype=uint8)
    """
    bounds = np.array(_bounds(ratios), np.uint64)
    return np.searchsorted(bounds, _positions(lane, seed, _SPLIT), side="right").astype(np.uint8)


def sampled(lane: Lane, ratio: float, seed: int) -> npt.NDArray[np.bool_]:
    """Return the sampling mask, bool [rows].

    It is independent of `assign`, and a larger ratio keeps all rows of a smaller one.

    Args:
      lane: As in `assign`.
      ratio: Share of all keys to keep, from 0 to 1, exact to 2**-64.
      seed: As in `assign`.
    """
    if ratio >= 1:
        return np.ones(len(lane), np.bool_)
    return _positions(lane, seed, _SAMPLE) < np.uint64(_exact(ratio) * 2**64 // 1)


def _positions(lane: Lane, seed: int, purpose: int) -> Lane:
    """Return the position of each key in [0, 2**64), independent for each purpose and seed."""
    salt = mix64(mix64(np.array([seed & _WORD], np.uint64)) ^ np.uint64(purpose))
    return mix64(mix64(lane ^ salt) + np.uint64(purpose))


def _bounds(ratios: Mapping[str, float]) -> list[int]:
    """Return the positions at which each split but the first begins.

    >>> _bounds({"train": 0.75, "eval": 0.25}) == [3 * 2**62]
    True
    """
    shares = [_exact(ratio) for ratio in ratios.values()]
    total = sum(shares)
    return [int(end / total * 2**64) for end in accumulate(shares[:-1])]


def _exact(ratio: float) -> Fraction:
    """Return the ratio as written: 0.1 is a tenth, not the binary float nearest to it."""
    return Fraction(repr(float(ratio)))
