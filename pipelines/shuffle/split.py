"""Which split a row belongs to, decided by its content.

The key of a row, mixed once more, is a place in [0, 2**64); the ratios cut that line into pieces.
So equal rows, or equal groups, stand in one split, and a row stays in its split whatever other
rows there are.
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
    """The split of each row.

    Args:
      lane: A lane of the keys of the rows (or of their key columns); uint64, [rows].
      ratios: As in `Splitting`.
      seed: Any integer; another one draws anew.

    Returns:
      The index in `ratios` of the split of each row; uint8, [rows]. The share of a split in all
      keys is exact to 2**-64, after the decimal ratios are scaled to sum to 1.

    >>> assign(np.arange(8, dtype=np.uint64), {"train": 0.5, "eval": 0.5}, 0)
    array([0, 0, 0, 0, 1, 1, 0, 0], dtype=uint8)
    """
    cuts = np.array(_cuts(ratios), np.uint64)
    return np.searchsorted(cuts, _places(lane, seed, _SPLIT), side="right").astype(np.uint8)


def sampled(lane: Lane, ratio: float, seed: int) -> npt.NDArray[np.bool_]:
    """Whether each row is kept when a share of all keys is: bool, [rows].

    The draw is independent of `assign`, and what a ratio keeps a larger one keeps too.

    Args:
      lane: As in `assign`.
      ratio: The share to keep, from 0 to 1, exact to 2**-64.
      seed: As in `assign`.
    """
    if ratio >= 1:
        return np.ones(len(lane), np.bool_)
    return _places(lane, seed, _SAMPLE) < np.uint64(_exact(ratio) * 2**64 // 1)


def _places(lane: Lane, seed: int, purpose: int) -> Lane:
    """Where each key stands in [0, 2**64), independent for each purpose and seed."""
    salt = mix64(mix64(np.array([seed & _WORD], np.uint64)) ^ np.uint64(purpose))
    return mix64(mix64(lane ^ salt) + np.uint64(purpose))


def _cuts(ratios: Mapping[str, float]) -> list[int]:
    """The places where one split ends and the next begins.

    >>> _cuts({"train": 0.75, "eval": 0.25}) == [3 * 2**62]
    True
    """
    shares = [_exact(ratio) for ratio in ratios.values()]
    total = sum(shares)
    return [int(end / total * 2**64) for end in accumulate(shares[:-1])]


def _exact(ratio: float) -> Fraction:
    """The ratio as it is written: 0.1 is a tenth, not the binary float nearest to it."""
    return Fraction(repr(float(ratio)))
