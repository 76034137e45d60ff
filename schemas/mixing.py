"""`mix64`: the one mixing step under keys and sketches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["mix64"]


def mix64(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """A bijection of 64-bit words whose every output bit depends on every input bit.

    The finalizer of SplitMix64 (Steele, Lea, Flood, 2014), which is Stafford's "Mix13".

    >>> mix64(np.array([0x9E3779B97F4A7C15], np.uint64))  # the first output for the seed 0
    array([16294208416658607535], dtype=uint64)
    """
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x
