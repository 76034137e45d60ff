from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.pipelines.images.perceptual_hash import (
    NearDuplicates,
    cell_means,
    difference_hash,
    find_groups,
    leave_out,
)
from recordmill.schemas.errors import RecipeError

WORDS = st.integers(0, 2**64 - 1)


def _flipped(word: int, bits: list[int]) -> int:
    for bit in bits:
        word ^= 1 << bit
    return word


NEIGHBOURS = st.lists(WORDS, min_size=1, max_size=5).flatmap(
    lambda centres: st.lists(
        st.builds(_flipped, st.sampled_from(centres), st.lists(st.integers(0, 63), max_size=12)),
        max_size=40,
    )
)


def _brute_force(hashes: list[int], distance: int) -> list[list[int]]:
    groups = [[index] for index in range(len(hashes))]
    for right in range(len(hashes)):
        for left in range(right):
            if (hashes[left] ^ hashes[right]).bit_count() <= distance:
                component = next(group for group in groups if left in group)
                other = next(group for group in groups if right in group)
                if component is not other:
                    groups.remove(other)
                    component += other
    return sorted(sorted(group) for group in groups if len(group) > 1)


def _found(hashes: list[int], distance: int) -> list[list[int]]:
    return [group.tolist() for group in find_groups(np.array(hashes, np.uint64), distance=distance)]


@settings(deadline=None)
@given(NEIGHBOURS | st.lists(WORDS, max_size=40), st.integers(0, 16))
def test_groups_are_those_of_comparing_each_with_each(hashes: list[int], distance: int) -> None:
    assert _found(hashes, distance) == _brute_force(hashes, distance)


@pytest.mark.parametrize("distance", [0, 1, 4, 16])
def test_the_distance_is_met_and_not_exceeded(distance: int) -> None:
    rng = np.random.default_rng(distance)
    for _ in range(10):
        bits = rng.permutation(64)
        word = int(rng.integers(0, 2**64, dtype=np.uint64))
        near = _flipped(word, bits[:distance].tolist())
        far = _flipped(word, bits[: distance + 1].tolist())
        assert _found([word, near], distance) == [[0, 1]]
        assert _found([word, far], distance) == []


def test_a_chain_is_one_group() -> None:
    assert _found([0, 0b11, 0b1111, 0b111111], 2) == [[0, 1, 2, 3]]
    assert _found([0, 0b111111, 0b1111, 0b11], 2) == [[0, 1, 2, 3]]
    assert _found([0, 0b1111, 0b111111], 2) == [[1, 2]]


def test_no_hashes() -> None:
    assert _found([], 4) == []
    assert _found([5], 4) == []


def test_many_copies_of_one_picture_are_one_group() -> None:
    groups = find_groups(np.full(200_000, 7, np.uint64), distance=4)
    assert [group.tolist() for group in groups] == [list(range(200_000))]


def test_many_hashes_in_one_bucket() -> None:
    """All hashes agree in their high half, so that most pairs of bands tell nothing."""
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**32, 1_500, dtype=np.uint64)
    near = np.bitwise_count(hashes[:, None] ^ hashes) <= 4
    groups = find_groups(np.append(hashes, hashes[0]), distance=4)
    assert sum(map(len, groups)) == np.count_nonzero(near.sum(0) > 1) + (near[0].sum() == 1) + 1


def test_random_hashes_are_not_alike() -> None:
    hashes = np.random.default_rng(0).integers(0, 2**64, 20_000, dtype=np.uint64)
    assert find_groups(hashes, distance=4) == []


@pytest.mark.parametrize("distance", [-1, 17])
def test_a_distance_out_of_range(distance: int) -> None:
    with pytest.raises(RecipeError) as error:
        find_groups(np.array([], np.uint64), distance=distance)
    assert str(error.value) == f"expected a distance from 0 to 16, got {distance}"


GROUPS = [np.array([0, 3, 4]), np.array([1, 5]), np.array([2, 6])]
NAMES = ["d.jpg", "b.jpg", "c.jpg", "a.jpg", "e.jpg", "f.jpg", "g.jpg"]
SPLITS = ["train", "train", "train", "eval", "eval", "train", "test"]


def test_evaluation_keeps_its_own() -> None:
    assert leave_out(GROUPS, keys=NAMES, splits=SPLITS).tolist() == [0, 2, 4, 5]
    assert leave_out([], keys=[], splits=[]).tolist() == []


def test_what_is_left_out_does_not_depend_on_the_order() -> None:
    order = [6, 2, 5, 0, 3, 1, 4]
    groups = [np.sort([order.index(index) for index in group]) for group in GROUPS]
    dropped = leave_out(
        groups, keys=[NAMES[at] for at in order], splits=[SPLITS[at] for at in order]
    )
    assert sorted(order[index] for index in dropped) == [0, 2, 4, 5]


def test_one_of_each_group_stays() -> None:
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 40, 100).astype(np.uint64)
    groups = find_groups(hashes, distance=0)
    keys = [f"{word:08x}" for word in rng.integers(0, 2**32, 100)]
    splits = rng.choice(["train", "eval"], 100).tolist()
    stay = np.delete(hashes, leave_out(groups, keys=keys, splits=splits))
    assert sorted(stay.tolist()) == sorted(set(hashes.tolist()))


def test_the_summary() -> None:
    assert NearDuplicates.of(GROUPS, names=NAMES, splits=SPLITS) == NearDuplicates(
        groups=3,
        images=7,
        straddling=2,
        examples=(
            (("eval", "a.jpg"), ("train", "d.jpg")),
            (("test", "g.jpg"), ("train", "c.jpg")),
        ),
    )
    assert NearDuplicates.of([], names=[], splits=[]) == NearDuplicates(0, 0, 0, ())


def test_the_summary_has_few_examples() -> None:
    groups = [np.array([2 * index, 2 * index + 1]) for index in range(9)]
    names = [f"{index:02}" for index in range(18)]
    summary = NearDuplicates.of(groups[::-1], names=names, splits=["train", "eval"] * 9)
    assert (summary.straddling, len(summary.examples)) == (9, 5)
    assert summary.examples[0] == (("eval", "01"), ("train", "00"))


def test_cells_have_their_shares_of_pixels() -> None:
    luma = np.arange(12.0).reshape(3, 4)
    mean: Any = cell_means(luma, height=3, width=4, rows=1, columns=1)
    assert mean == pytest.approx(luma.mean())
    assert cell_means(luma, height=3, width=4, rows=3, columns=4) == pytest.approx(luma)
    parts = cell_means(luma, height=3, width=4, rows=2, columns=2)
    assert parts == pytest.approx(np.array([[11 / 6, 23 / 6], [43 / 6, 55 / 6]]))
    cut = cell_means(luma[:1], height=1, width=3.5, rows=1, columns=1)
    assert cut == pytest.approx((0 + 1 + 2 + 3 / 2) / 3.5)


def test_pictures_smaller_than_the_cells() -> None:
    assert cell_means(np.array([[9.0]]), height=1, width=1, rows=8, columns=9) == pytest.approx(
        np.full((8, 9), 9.0)
    )


def test_bits_of_a_hash() -> None:
    cells = np.full((8, 9), 100.0)
    cells[0, 1:] = 102
    cells[7] = np.arange(9) * 20
    assert difference_hash(cells) is None
    cells[6] = np.arange(9)[::-1] * 20
    assert difference_hash(cells) == 0x80000000000000FF
    cells[5] = np.arange(9)
    assert difference_hash(cells) == 0x80000000000000FF
