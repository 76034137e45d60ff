"""`mix64` and `mix_word`: the hash finalizer of row keys and sketches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["mix64", "mix_word"]

_FACTORS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_WORD = (1 << 64) - 1


def mix64(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Mix 64-bit words: a bijection in which every output bit depends on every input bit.

    The finalizer of SplitMix64 (Steele, Lea, Flood, 2014), which is Stafford's "Mix13".

    >>> mix64(np.array([0x9E3779B97F4A7C15], np.uint64))  # the first output for the seed 0
    array([16294208416658607535], dtype=uint64)
    """
    x = (x ^ (x >> np.uint64(30))) * np.uint64(_FACTORS[0])
    x ^= x >> np.uint64(27)
    x *= np.uint64(_FACTORS[1])
    x ^= x >> np.uint64(31)
    return x


def mix_word(word: int) -> int:
    """Return `mix64` of the low 64 bits of a number, without the cost of an array.

    >>> mix_word(0x9E3779B97F4A7C15)
    16294208416658607535
    """
    word &= _WORD
    word = (word ^ word >> 30) * _FACTORS[0] & _WORD
    word = (word ^ word >> 27) * _FACTORS[1] & _WORD
    return word ^ word >> 31
