"""Pictures that look the same: what they look like in 64 bits, and which of these are alike.

Two pictures are near duplicates where their hashes differ in few of the 64 bits; groups are what
such pairs connect. Pairs are found exactly, without comparing each with each: cut the hashes into
d + 2 bands of bits; hashes that differ in at most d bits are equal in at least two of the bands
(pigeonhole principle). So for each two bands the hashes are sorted by these bits, and compared
only with those beside them that have the same.
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
"""How many bits of 64 the hashes of two pictures may differ in.

Chosen by the pairs of 520 photographs of hot dogs, other things and raccoons, 134,940 in all. In up
to 3 bits differ 8 pairs, all of one photograph at two sizes; in 5, a photograph with and without
a caption; in 8, the next shot of a scene. Different photographs begin at 9, with one pair, and
there are about twice as many with each bit more; their mean is 31. Of copies made of 130 of
them, in up to 4 bits differed all that were halved, grey, or JPEG of quality 50; 129 of those
scaled to a third or stretched to a square; 128 of those made brighter by a fifth; but 58 of
those that lost 3 % of their width.
"""

HASH_CELLS = (8, 9)
"""The rows and columns of cells whose differences are a hash."""

_STEP = 1.0
_LEAST_STEPS = 16
_BITS = 64
_LARGEST_DISTANCE = 16
_EXAMPLES = 5

Hashes: TypeAlias = npt.NDArray[np.uint64]
Places: TypeAlias = npt.NDArray[np.int64]
Luma: TypeAlias = npt.NDArray[np.float64]


def cell_means(luma: Luma, *, height: float, width: float, rows: int, columns: int) -> Luma:
    """The means of pictures in cells of one size, each pixel with the share a cell has of it.

    Args:
      luma: The brightness of the pixels; float64, [..., h, w].
      height: How many rows of pixels the picture has, up to h; the last one may be there in part.
        A decoder that reduces a picture rounds its size up: taken whole, that row would shift
        the cells, and a copy at half the size would look different.
      width: The same of the columns, up to w.
      rows: Of cells, at least 1.
      columns: Of cells, at least 1.

    Returns:
      float64, [..., rows, columns].

    >>> luma = np.array([[1.0, 2.0, 3.0]])
    >>> cell_means(luma, height=1, width=2.5, rows=1, columns=2).round(3).tolist()
    [[1.2, 2.4]]
    """
    means: Luma = _shares(luma.shape[-2], height, rows) @ luma
    return means @ _shares(luma.shape[-1], width, columns).T


def _shares(pixels: int, length: float, cells: int) -> Luma:
    """How much of the mean of each cell is each pixel's: [cells, pixels]; rows sum to 1."""
    ends = np.arange(cells + 1)[:, np.newaxis] * (length / cells)
    starts = np.arange(pixels)
    overlap = np.minimum(ends[1:], starts + 1) - np.maximum(ends[:-1], starts)
    shares: Luma = np.maximum(overlap, 0) * (cells / length)
    return shares


def difference_hash(cells: Luma) -> int | None:
    """What a picture looks like in 64 bits; copies at another size or quality differ in few.

    Each bit says whether a cell is brighter than the one on its left, row by row from the top,
    the first bit the highest (Krawetz, "Kind of Like That", 2013). It must be brighter by more
    than 1 of 255, so that noise on an even ground sets no bits.

    Args:
      cells: The mean brightness, 0 to 255, in 8 rows of 9 equal cells of the upright picture;
        float64, [8, 9].

    Returns:
      The hash, from 0 to 2**64 - 1; None where fewer than 16 of the 64 pairs of neighbours differ
      by more than 1 either way. Such a picture is too flat to be told from others: all blank
      ones would have the hash 0.

    >>> hex(difference_hash(np.tile(np.arange(0, 18.0, 2), (8, 1))))
    '0xffffffffffffffff'
    >>> difference_hash(np.full((8, 9), 255.0)) is None
    True
    """
    steps = np.diff(cells, axis=1)
    if np.count_nonzero(np.abs(steps) > _STEP) < _LEAST_STEPS:
        return None
    return int.from_bytes(np.packbits(steps > _STEP).tobytes(), "big")


@dataclass(frozen=True)
class NearDuplicates:
    """What was found in the pictures of all splits.

    Attributes:
      groups: How many groups of two or more pictures that look the same.
      images: How many pictures stand in these groups.
      straddling: How many of the groups have pictures in more than one split.
      examples: Of up to 5 straddling groups, one picture of each split: ((split, name), …).
    """

    groups: int
    images: int
    straddling: int
    examples: tuple[tuple[tuple[str, str], ...], ...]

    @classmethod
    def of(
        cls, groups: Sequence[Places], *, names: Sequence[str], splits: Sequence[str]
    ) -> NearDuplicates:
        """The summary of groups.

        Args:
          groups: As `find_groups` gives them.
          names: By place, what to call a picture.
          splits: By place, the split of a picture.
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
    group: Places, names: Sequence[str], splits: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    pictures = sorted((splits[place], names[place]) for place in group)
    return tuple(sorted({split: name for split, name in reversed(pictures)}.items()))


def find_groups(hashes: Hashes, *, distance: int = DISTANCE) -> list[Places]:
    """The groups of places whose hashes are alike.

    A group is what pairs connect: of a, b and c, where a is like b and b like c, a and c can
    differ in more than `distance` bits.

    Args:
      hashes: uint64, [n]; of pictures that have one.
      distance: The number of bits, from 0 to 16, in which the hashes of a pair may differ. Equal
        hashes are taken together first, so many copies of one picture cost nothing.

    Returns:
      The groups of two or more, each an int64 array of ascending places, in the order of their
      first places; the same whatever the order of the work.

    Raises:
      RecipeError: The distance is out of its range.

    >>> find_groups(np.array([7, 0, 3, 2**63], np.uint64), distance=1)
    [array([0, 2]), array([1, 3])]
    """
    if not 0 <= distance <= _LARGEST_DISTANCE:
        raise RecipeError(f"expected a distance from 0 to {_LARGEST_DISTANCE}, got {distance}")
    distinct, of_place = np.unique(hashes, return_inverse=True)
    labels = np.arange(len(distinct))
    for mask in _masks(distance):
        for left, right in _neighbours(distinct, mask):
            near = np.bitwise_count(distinct[left] ^ distinct[right]) <= distance
            _join(labels, left[near], right[near])
    return _members(labels[of_place])


def _masks(distance: int) -> Iterator[np.uint64]:
    """The bits of each two of distance + 2 bands."""
    ends = [_BITS * band // (distance + 2) for band in range(distance + 3)]
    bands = [(1 << high) - (1 << low) for low, high in pairwise(ends)]
    return (np.uint64(one | other) for one, other in combinations(bands, 2))


def _neighbours(hashes: Hashes, mask: np.uint64) -> Iterator[tuple[Places, Places]]:
    """All pairs of places whose hashes are equal in the bits of a mask, some at a time."""
    order = np.argsort(hashes & mask, kind="stable")
    bits = (hashes & mask)[order]
    rows, step = np.arange(len(bits)), 0
    while len(rows):
        step += 1
        rows = rows[: np.searchsorted(rows, len(bits) - step)]
        rows = rows[bits[rows] == bits[rows + step]]
        yield order[rows], order[rows + step]


def _join(labels: Places, left: Places, right: Places) -> None:
    """Give the places that pairs connect one label, the smallest that one of them has."""
    while len(apart := np.flatnonzero(labels[left] != labels[right])):
        left, right = left[apart], right[apart]
        one, other = labels[left], labels[right]
        np.minimum.at(labels, np.maximum(one, other), np.minimum(one, other))
        while np.any((root := labels[labels]) != labels):
            labels[:] = root


def _members(labels: npt.NDArray[Any]) -> list[Places]:
    """The places of each label that comes more than once."""
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order])) + 1
    groups = [group for group in np.split(order, starts) if len(group) > 1]
    return sorted(groups, key=lambda group: int(group[0]))


def leave_out(
    groups: Sequence[Places],
    *,
    keys: Sequence[str],
    splits: Sequence[str],
    training: str = "train",
) -> Places:
    """Which pictures to drop so that one of each group stays.

    Training loses its copies and evaluation keeps its own: the one that stays is of another split
    than `training`, if there is one; of those the one with the smallest key.

    Args:
      groups: As `find_groups` gives them.
      keys: By place, what tells pictures apart whatever the order of the input.
      splits: By place, the split of a picture.
      training: The split that loses.

    Returns:
      The places to drop, ascending; int64, as many as there are pictures in groups less one a
      group.

    >>> groups = [np.array([0, 1]), np.array([2, 3])]
    >>> leave_out(groups, keys="dcba", splits=["train", "eval", "train", "train"])
    array([0, 2])
    """
    dropped = [
        place
        for group in groups
        for place in sorted(group.tolist(), key=lambda at: (splits[at] == training, keys[at]))[1:]
    ]
    return np.array(sorted(dropped), np.int64)
