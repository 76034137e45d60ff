from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.pipelines.shuffle.fingerprint import mix64
from recordmill.pipelines.shuffle.split import assign, sampled

LANE = mix64(np.arange(100_000, dtype=np.uint64))
WORDS = st.lists(st.integers(0, 2**64 - 1)).map(lambda words: np.array(words, np.uint64))


def test_the_numbers_are_part_of_the_format() -> None:
    """A dataset prepared again must not change its splits: if this fails, `split` changed."""
    lane = np.arange(24, dtype=np.uint64)
    ratios = {"train": 0.5, "eval": 0.3, "test": 0.2}
    assert assign(lane, ratios, 0).tolist() == list(map(int, "000012001100000100001000"))
    assert assign(lane, ratios, 7).tolist() == list(map(int, "002102210012210021100001"))
    assert sampled(lane, 0.5, 0).astype(int).tolist() == list(map(int, "110001001011001101110010"))


@pytest.mark.parametrize("ratios", [[0.8, 0.2], [0.1] * 10, [1 / 3] * 3, [0.999, 0.001], [1.0]])
def test_splits_get_their_shares(ratios: list[float]) -> None:
    split = assign(LANE, {str(i): ratio for i, ratio in enumerate(ratios)}, 0)
    shares = np.bincount(split, minlength=len(ratios)) / len(LANE)
    deviations = np.sqrt(np.array(ratios) * (1 - np.array(ratios)) / len(LANE))
    assert split.dtype == np.uint8
    assert np.all(np.abs(shares - ratios) <= 5 * deviations)


@settings(deadline=None)
@given(WORDS, st.integers())
def test_equal_keys_share_a_split_whatever_else_there_is(lane: Any, seed: int) -> None:
    ratios = {"train": 0.6, "eval": 0.4}
    split = assign(lane, ratios, seed)
    assert assign(lane[::-1], ratios, seed).tolist() == split[::-1].tolist()
    assert assign(np.repeat(lane, 2), ratios, seed).tolist() == np.repeat(split, 2).tolist()


def test_a_split_that_grows_keeps_its_rows() -> None:
    small = assign(LANE, {"train": 0.7, "eval": 0.3}, 0) == 0
    large = assign(LANE, {"train": 0.8, "eval": 0.2}, 0) == 0
    assert np.all(large[small])
    assert np.all(sampled(LANE, 0.2, 0)[sampled(LANE, 0.1, 0)])


@pytest.mark.parametrize("other", ["sampled", "seed", "high bits", "low bits"])
def test_a_split_is_independent_of(other: str) -> None:
    half = assign(LANE, {"train": 0.5, "eval": 0.5}, 0) == 0
    against = {
        "sampled": sampled(LANE, 0.5, 0),
        "seed": assign(LANE, {"train": 0.5, "eval": 0.5}, 1) == 0,
        "high bits": LANE >> np.uint64(63) == 1,
        "low bits": LANE % np.uint64(2) == 0,
    }[other]
    assert abs(np.mean(half == against) - 0.5) < 5 * 0.5 / len(LANE) ** 0.5


def test_the_ends_of_sampling() -> None:
    assert sampled(LANE, 1.0, 0).all()
    assert not sampled(LANE, 0.0, 0).any()
    assert abs(sampled(LANE, 0.25, 0).mean() - 0.25) < 5 * (0.25 * 0.75 / len(LANE)) ** 0.5


def test_no_rows() -> None:
    lane = np.array([], np.uint64)
    assert assign(lane, {"train": 1.0}, 0).tolist() == []
    assert sampled(lane, 0.5, 0).tolist() == []


def test_a_share_too_small_to_meet_is_still_a_split() -> None:
    assert not assign(LANE, {"train": 1.0, "eval": 1e-30}, 0).any()
