"""The histograms of a feature's splits on one set of bars, so that they can lie over each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["common_bars", "own_bars"]

_BARS = 10

_Doubles = npt.NDArray[np.float64]


def own_bars(feature: Any) -> tuple[_Doubles, _Doubles] | None:
    """The standard histogram of a feature.

    A bucket of whole numbers goes from half below its first to half above its last, so that bars
    hold as many numbers as they are wide; buckets without a whole number are left out.

    Args:
      feature: A `FeatureNameStatistics`.

    Returns:
      The edges, ascending, [bars + 1], and the counts, [bars]; None where there are no numbers.
    """
    histograms = [one for one in feature.num_stats.histograms if one.type == one.STANDARD]
    buckets = histograms[0].buckets if histograms else []
    edges = np.array([one.low_value for one in buckets] + [one.high_value for one in buckets[-1:]])
    if not buckets or not np.isfinite(edges).all():
        return None
    counts = np.array([one.sample_count for one in buckets])
    if feature.type != feature.INT:
        return edges, counts
    halves = np.append(np.ceil(edges[:-1]), np.floor(edges[-1]) + 1) - 0.5
    filled = np.diff(halves) > 0
    return np.append(halves[:-1][filled], halves[-1]), counts[filled]


def common_bars(
    own: Sequence[tuple[_Doubles, _Doubles]], *, whole: bool
) -> tuple[_Doubles, list[_Doubles]]:
    """The same bars for all splits.

    Args:
      own: The bars of each split; at least one split.
      whole: Whether the numbers are whole.

    Returns:
      The edges: those of the first split that has the whole range, or new ones. And the counts of
      each split: exact where the edges are its own, else as if bars were evenly filled.
    """
    low = min(edges[0] for edges, _ in own)
    high = max(edges[-1] for edges, _ in own)
    spanning = [edges for edges, _ in own if (edges[0], edges[-1]) == (low, high)]
    edges = spanning[0] if spanning else np.linspace(low, high, _BARS + 1)
    if whole and not spanning:
        edges = np.unique(np.append(np.ceil(edges[:-1] - 0.5) + 0.5, high))
    return edges, [_rebinned(*one, edges) for one in own]


def _rebinned(own: _Doubles, counts: _Doubles, edges: _Doubles) -> _Doubles:
    if np.array_equal(own, edges):
        return counts
    if own[0] == own[-1]:
        place = np.clip(np.searchsorted(edges, own[0], side="right") - 1, 0, len(edges) - 2)
        found = np.zeros(len(edges) - 1)
        found[place] = counts[0]
        return found
    between: _Doubles = np.diff(np.interp(edges, own, np.append(0.0, np.cumsum(counts))))
    return between
