from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recordmill.schemas.mix64 import mix64, mix_word

GOLDEN = 0x9E3779B97F4A7C15
SPLITMIX64 = (0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F)
"""The first outputs of SplitMix64 for the seed 0, as its reference implementation prints them."""


def test_it_is_the_finalizer_of_splitmix64() -> None:
    words = np.array([GOLDEN * step % 2**64 for step in (1, 2, 3)], np.uint64)
    assert tuple(mix64(words).tolist()) == SPLITMIX64


@given(st.integers(0, 2**64 - 1))
def test_a_single_word_is_mixed_alike(word: int) -> None:
    array = np.array([word], np.uint64)
    assert mix_word(word) == int(mix64(array)[0])
    assert array.tolist() == [word]  # left as it was


def test_a_word_counts_by_its_low_64_bits() -> None:
    assert mix_word(2**64 + 5) == mix_word(5)
    assert mix_word(-1) == mix_word(2**64 - 1)


def test_a_bit_of_the_input_flips_half_of_the_output() -> None:
    words = np.arange(1, 1001, dtype=np.uint64)
    for bit in (0, 31, 63):
        flipped = mix64(words) ^ mix64(words ^ np.uint64(1 << bit))
        share = np.unpackbits(flipped.view(np.uint8)).mean()
        assert 0.49 < share < 0.51
