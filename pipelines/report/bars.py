"""Histograms of the splits of a feature with the same bars, so that they can be overlaid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["common_bars", "split_bars"]

_BARS = 10

_Doubles = npt.NDArray[np.float64]


def split_bars(feature: Any) -> tuple[_Doubles, _Doubles] | None:
    """Return the standard histogram of a feature in one split.

    A bucket of integers extends from its first integer - 0.5 to its last + 0.5, so that the width
    of a bar is its number of integers; buckets without an integer are left out.

    Args:
      feature: A `FeatureNameStatistics`.

    Returns:
      Edges, ascending, float64 [bars + 1], and counts, float64 [bars]; None without numbers.
    """
    histograms = [item for item in feature.num_stats.histograms if item.type == item.STANDARD]
    buckets = histograms[0].buckets if histograms else []
    edges = np.array(
        [bucket.low_value for bucket in buckets] + [bucket.high_value for bucket in buckets[-1:]]
    )
    if not buckets or not np.isfinite(edges).all():
        return None
    counts = np.array([bucket.sample_count for bucket in buckets])
    if feature.type != feature.INT:
        return edges, counts
    halves = np.append(np.ceil(edges[:-1]), np.floor(edges[-1]) + 1) - 0.5
    filled = np.diff(halves) > 0
    return np.append(halves[:-1][filled], halves[-1]), counts[filled]


def common_bars(
    bars: Sequence[tuple[_Doubles, _Doubles]], *, are_integers: bool
) -> tuple[_Doubles, list[_Doubles]]:
    """Return bars that all splits share.

    Args:
      bars: Edges and counts of each split, as `split_bars` returns them; at least one split.
      are_integers: Whether the numbers are integers.

    Returns:
      Edges, float64 [bars + 1]: those of the first split that has the full range, or new ones.
      And the counts of each split, float64 [bars]: exact if the split has the same edges, otherwise
      interpolated as if its bars were evenly filled.
    """
    low = min(edges[0] for edges, _ in bars)
    high = max(edges[-1] for edges, _ in bars)
    spanning = [edges for edges, _ in bars if (edges[0], edges[-1]) == (low, high)]
    edges = spanning[0] if spanning else np.linspace(low, high, _BARS + 1)
    if are_integers and not spanning:
        edges = np.unique(np.append(np.ceil(edges[:-1] - 0.5) + 0.5, high))
    return edges, [_rebin(*split, edges) for split in bars]


def _rebin(edges: _Doubles, counts: _Doubles, new_edges: _Doubles) -> _Doubles:
    """Distribute the counts of bars to bars with other edges."""
    if np.array_equal(edges, new_edges):
        return counts
    new_counts: _Doubles = np.zeros(len(new_edges) - 1)
    if edges[0] == edges[-1]:  # all numbers are equal: one bar without width
        index = np.searchsorted(new_edges, edges[0], side="right") - 1
        new_counts[np.clip(index, 0, len(new_counts) - 1)] = counts[0]
        return new_counts
    new_counts = np.diff(np.interp(new_edges, edges, np.append(0.0, np.cumsum(counts))))
    return new_counts
