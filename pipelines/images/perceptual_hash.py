"""Hash pictures to 64 bits that change little with size or quality, and group similar hashes.

Two pictures are near duplicates if their hashes differ in few of the 64 bits; a group is a
connected component of such pairs. The search is exact, but does not compare each hash with each
other: cut the hashes into d + 2 bands of bits; hashes that differ in at most d bits are equal in at
least two of the bands (pigeonhole principle). So for each two bands the hashes are sorted by these
bits, and compared only with neighbours that have the same bits there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ...schemas.errors import RecipeError

__all__ = [
    "DISTANCE",
    "HASH_CELLS",
    "NearDuplicates",
    "cell_means",
    "difference_hash",
    "find_groups",
    "leave_out",
]

DISTANCE = 4
"""Largest number of bits, of 64, in which the hashes of near duplicates differ.

Chosen by the pairs of 520 photographs of hot dogs, other things and raccoons, 134,940 in all. 8
pairs differ in up to 3 bits, all of one photograph at two sizes; a photograph with and without a
caption in 5; the next shot of a scene in 8. Different photographs begin at 9, with one pair, and
there are about twice as many with each bit more; their mean is 31. Of copies made of 130 of them,
all that were halved, grey, or JPEG of quality 50 differed in up to 4 bits; 129 of those scaled to a
third or stretched to a square; 128 of those made brighter by a fifth; but only 58 of those that
lost 3 % of their width.
"""

HASH_CELLS = (8, 9)
"""Rows and columns of cells whose differences make a hash."""

_STEP = 1.0
"""Difference in brightness, of 255, above which a cell counts as brighter."""

_MIN_STEPS = 16
_BITS = 64
_LARGEST_DISTANCE = 16
_EXAMPLES = 5

Hashes: TypeAlias = npt.NDArray[np.uint64]
Indices: TypeAlias = npt.NDArray[np.int64]
Luma: TypeAlias = npt.NDArray[np.float64]


def cell_means(luma: Luma, *, height: float, width: float, rows: int, columns: int) -> Luma:
    """Return the means of pictures in equal cells, with pixels at an edge split between cells.

    Args:
      luma: Brightness of the pixels; float64, [..., h, w].
      height: Height of the picture in rows of pixels, up to h; a fraction where the last row is
        partial. A decoder that reduces a picture rounds its size up: counted in full, that row
        would shift the cells, and a copy of half the size would get another hash.
      width: Width of the picture in columns of pixels, up to w; likewise.
      rows: Number of rows of cells, at least 1.
      columns: Number of columns of cells, at least 1.

    Returns:
      float64, [..., rows, columns].

    >>> luma = np.array([[1.0, 2.0, 3.0]])
    >>> cell_means(luma, height=1, width=2.5, rows=1, columns=2).round(3).tolist()
    [[1.2, 2.4]]
    """
    means: Luma = _shares(luma.shape[-2], height, rows) @ luma
    return means @ _shares(luma.shape[-1], width, columns).T


def _shares(pixels: int, length: float, cells: int) -> Luma:
    """Return the weight of each pixel in the mean of each cell, [cells, pixels]; rows sum to 1."""
    ends = np.arange(cells + 1)[:, np.newaxis] * (length / cells)
    starts = np.arange(pixels)
    overlap = np.minimum(ends[1:], starts + 1) - np.maximum(ends[:-1], starts)
    shares: Luma = np.maximum(overlap, 0) * (cells / length)
    return shares


def difference_hash(cells: Luma) -> int | None:
    """Return the difference hash of a picture; copies at another size or quality differ little.

    A bit is set if a cell is brighter than its left neighbour, row by row from the top, with the
    first bit the highest (Krawetz, "Kind of Like That", 2013). It must be brighter by more than 1
    of 255, so that noise on an even ground sets no bits.

    Args:
      cells: Mean brightness, 0 to 255, in 8 rows of 9 equal cells of the upright picture; float64,
        [8, 9].

    Returns:
      The hash, from 0 to 2**64 - 1; None where fewer than 16 of the 64 pairs of neighbours differ
      by more than 1 either way. Such a picture is too flat for a hash: all blank ones would have
      the hash 0.

    >>> hex(difference_hash(np.tile(np.arange(0, 18.0, 2), (8, 1))))
    '0xffffffffffffffff'
    >>> difference_hash(np.full((8, 9), 255.0)) is None
    True
    """
    steps = np.diff(cells, axis=1)
    if np.count_nonzero(np.abs(steps) > _STEP) < _MIN_STEPS:
        return None
    return int.from_bytes(np.packbits(steps > _STEP).tobytes(), "big")


@dataclass(frozen=True)
class NearDuplicates:
    """Counts of near duplicates in all splits, and examples.

    Attributes:
      groups: Number of groups of two or more near duplicates.
      images: Number of pictures in these groups.
      straddling: Number of groups with pictures in more than one split.
      examples: Up to 5 straddling groups, with one picture of each split: ((split, name), …).
    """

    groups: int
    images: int
    straddling: int
    examples: tuple[tuple[tuple[str, str], ...], ...]

    @classmethod
    def of(
        cls, groups: Sequence[Indices], *, names: Sequence[str], splits: Sequence[str]
    ) -> NearDuplicates:
        """Summarize groups.

        Args:
          groups: Groups of `find_groups`.
          names: Name of each picture.
          splits: Split of each picture.
        """
        firsts = [_first_of_each_split(group, names, splits) for group in groups]
        straddling = [pictures for pictures in firsts if len(pictures) > 1]
        return cls(
            groups=len(groups),
            images=sum(map(len, groups)),
            straddling=len(straddling),
            examples=tuple(sorted(straddling)[:_EXAMPLES]),
        )


def _first_of_each_split(
    group: Indices, names: Sequence[str], splits: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    pictures = sorted((splits[index], names[index]) for index in group)
    return tuple(sorted({split: name for split, name in reversed(pictures)}.items()))


def find_groups(hashes: Hashes, *, distance: int = DISTANCE) -> list[Indices]:
    """Group the indices of similar hashes.

    Groups are connected by pairs: where a is similar to b and b to c, a and c may differ in more
    than `distance` bits.

    Args:
      hashes: Hashes of the pictures that have one; uint64, [n].
      distance: Number of bits, from 0 to 16, in which the hashes of a pair may differ. Equal hashes
        are merged first, so many copies of one picture cost nothing.

    Returns:
      The groups of two or more, each an int64 array of ascending indices, in the order of their
      first indices; deterministic.

    Raises:
      RecipeError: The distance is out of its range.

    >>> find_groups(np.array([7, 0, 3, 2**63], np.uint64), distance=1)
    [array([0, 2]), array([1, 3])]
    """
    if not 0 <= distance <= _LARGEST_DISTANCE:
        raise RecipeError(f"expected a distance from 0 to {_LARGEST_DISTANCE}, got {distance}")
    distinct, inverse = np.unique(hashes, return_inverse=True)
    labels = np.arange(len(distinct))
    for mask in _masks(distance):
        for left, right in _neighbours(distinct, mask):
            near = np.bitwise_count(distinct[left] ^ distinct[right]) <= distance
            _join(labels, left[near], right[near])
    return _members(labels[inverse])


def _masks(distance: int) -> Iterator[np.uint64]:
    """Return the masks of each two of distance + 2 bands."""
    ends = [_BITS * band // (distance + 2) for band in range(distance + 3)]
    bands = [(1 << high) - (1 << low) for low, high in pairwise(ends)]
    return (np.uint64(first | second) for first, second in combinations(bands, 2))


def _neighbours(hashes: Hashes, mask: np.uint64) -> Iterator[tuple[Indices, Indices]]:
    """Yield all pairs of indices whose hashes are equal in the bits of a mask, in portions."""
    order = np.argsort(hashes & mask, kind="stable")
    bits = (hashes & mask)[order]
    # Pairs `step` apart in sorted order; a row without one has none further apart either.
    rows, step = np.arange(len(bits)), 0
    while len(rows):
        step += 1
        rows = rows[: np.searchsorted(rows, len(bits) - step)]
        rows = rows[bits[rows] == bits[rows + step]]
        yield order[rows], order[rows + step]


def _join(labels: Indices, left: Indices, right: Indices) -> None:
    """Give the indices that pairs connect one label, the smallest of theirs, in place."""
    # A union-find of all pairs at once: hang the larger root below the smaller, flatten the trees,
    # and repeat with the pairs whose roots still differ.
    while len(apart := np.flatnonzero(labels[left] != labels[right])):
        left, right = left[apart], right[apart]
        first, second = labels[left], labels[right]
        np.minimum.at(labels, np.maximum(first, second), np.minimum(first, second))
        while np.any((root := labels[labels]) != labels):
            labels[:] = root


def _members(labels: npt.NDArray[Any]) -> list[Indices]:
    """Return the indices of each label that occurs more than once."""
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order])) + 1
    groups = [group for group in np.split(order, starts) if len(group) > 1]
    return sorted(groups, key=lambda group: int(group[0]))


def leave_out(
    groups: Sequence[Indices],
    *,
    keys: Sequence[str],
    splits: Sequence[str],
    training: str = "train",
) -> Indices:
    """Choose the pictures to drop so that one of each group remains.

    The remaining picture is of another split than `training` if there is one, so that evaluation
    keeps its pictures; among several it is the one with the smallest key.

    Args:
      groups: Groups of `find_groups`.
      keys: Key of each picture, independent of the order of the input.
      splits: Split of each picture.
      training: Name of the split that loses its copies.

    Returns:
      The indices to drop, ascending; int64, one fewer than pictures in each group.

    >>> groups = [np.array([0, 1]), np.array([2, 3])]
    >>> leave_out(groups, keys="dcba", splits=["train", "eval", "train", "train"])
    array([0, 2])
    """
    dropped = [
        index
        for group in groups
        for index in sorted(group.tolist(), key=lambda i: (splits[i] == training, keys[i]))[1:]
    ]
    return np.array(sorted(dropped), np.int64)
