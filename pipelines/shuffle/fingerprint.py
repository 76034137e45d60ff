"""Keys of rows: 128-bit hashes of their content.

Each value of each column has a pseudorandom number, a hash of the value, the column's index and
the seed; the key of a row is the sum of the numbers of its values, mixed once more (simple
tabulation hashing: Zobrist 1970; Pătraşcu and Thorup, "The Power of Simple Tabulation Hashing",
2012). So a string is hashed once for each distinct value, and equal rows have equal keys in all
files, blocks and dictionaries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from ...schemas.mix64 import mix64
from ..runtime.dictionaries import dictionary_indices

__all__ = ["Lane", "distinct_keys", "fingerprint", "mix64"]

Lane: TypeAlias = npt.NDArray[np.uint64]

_MAX_DISTINCT_KEYS = 100
_FIRST_ROWS = 1024

_WORD = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15


def fingerprint(batch: pa.RecordBatch, columns: Sequence[str], seed: int) -> tuple[Lane, Lane]:
    """Return the keys of rows.

    Args:
      batch: Columns of the types of `Schema.arrow_schema()`; nulls allowed.
      columns: Names of the columns to hash, at least one; another order gives other keys.
      seed: Any integer; another seed gives unrelated keys.

    Returns:
      (hi, lo), each uint64 of shape [rows]: two hashes of the same content, of independent
      functions. Equal content (-0.0 and 0.0 are equal, so are all NaN) gives equal keys; other
      content gives equal keys once in 2**128 pairs. The keys are part of the format of a dataset:
      they depend only on content, order of the columns and seed.
    """
    hi, lo = (_lane(batch, columns, seed, function) for function in (_HI, _LO))
    return hi, lo


def distinct_keys(lane: Lane) -> frozenset[int] | None:
    """Return the distinct keys of a lane; None where there are more than 100.

    >>> sorted(distinct_keys(np.array([7, 7, 3], np.uint64)))
    [3, 7]
    >>> distinct_keys(np.arange(101, dtype=np.uint64))
    """
    # The first rows suffice for most tables, and spare the sort of the whole lane.
    for rows in (lane[:_FIRST_ROWS], lane):
        keys = np.unique(rows)
        if len(keys) > _MAX_DISTINCT_KEYS:
            return None
    return frozenset(keys.tolist())


def _mix64_other(x: Lane) -> Lane:
    """Mix words by another bijection, the finalizer of MurmurHash3 (Appleby, 2011)."""
    x = (x ^ (x >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    x ^= x >> np.uint64(33)
    x *= np.uint64(0xC4CEB9FE1A85EC53)
    x ^= x >> np.uint64(33)
    return x


class _Function(NamedTuple):
    """Hash function of a lane; those of the two lanes are independent.

    Attributes:
      mix: Bijection of words.
      sip_key: Key of SipHash, the hash of strings; 16 bytes.
      null: Word that represents null; it differs between the lanes, so that no integer collides
        with null in both.
      salt: Offset that makes the salts of the lanes differ.
    """

    mix: Callable[[Lane], Lane]
    sip_key: str
    null: int
    salt: int


_HI = _Function(mix64, "recordmill key 0", 0x6A09E667F3BCC908, 0)
_LO = _Function(_mix64_other, "recordmill key 1", 0xBB67AE8584CAA73B, 1)


def _lane(batch: pa.RecordBatch, columns: Sequence[str], seed: int, function: _Function) -> Lane:
    total: Lane = np.zeros(batch.num_rows, np.uint64)
    for index, name in enumerate(columns):
        salt = _salt(seed, 2 * index + function.salt)
        total += _numbers(batch.column(batch.schema.get_field_index(name)), salt, function)
    return function.mix(total)


def _salt(seed: int, index: int) -> np.uint64:
    """Return a word for a seed and an index, unrelated to that of any other pair."""
    words = mix64(np.array([seed & _WORD], np.uint64))
    words += np.uint64((index + 1) * _GOLDEN & _WORD)
    return np.uint64(mix64(words)[0])


def _numbers(column: pa.Array, salt: np.uint64, function: _Function) -> Lane:
    """Return the pseudorandom number of each value of a column; uint64, [rows]."""
    if not pa.types.is_dictionary(column.type):
        return function.mix(_words(column, _bits, function) ^ salt)
    hashes = np.append(_words(column.dictionary, _siphash, function), np.uint64(function.null))
    numbers: Lane = function.mix(hashes ^ salt).take(dictionary_indices(column))
    return numbers


def _words(
    values: pa.Array, words_of: Callable[[pa.Array, _Function], Lane], function: _Function
) -> Lane:
    """Return the word of each value, null included."""
    words = words_of(values, function)
    if values.null_count:
        words[values.is_null().to_numpy(zero_copy_only=False)] = function.null
    return words


def _siphash(texts: pa.Array, function: _Function) -> Lane:
    objects = texts.to_numpy(zero_copy_only=False)
    hashes: Lane = pd.util.hash_array(objects, hash_key=function.sip_key, categorize=False)
    return hashes


def _bits(numbers: pa.Array, _: _Function) -> Lane:
    """Return the bits of numbers, the same for equal values; those of a null are arbitrary."""
    if pa.types.is_integer(numbers.type):
        integers: Lane = numbers.fill_null(0).to_numpy().astype(np.uint64)
        return integers
    values = numbers.fill_null(0).to_numpy() + np.float32(0)  # turns -0.0 into 0.0
    values[np.isnan(values)] = np.nan
    bits: Lane = values.view(np.uint32).astype(np.uint64)
    return bits
