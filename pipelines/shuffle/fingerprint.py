"""Keys: 128 bits that stand for the content of a row.

Every value of every column has a random number, a hash of the value, the column's place and the
seed; the key of a row is the sum of its values' numbers, mixed once more (simple tabulation
hashing: Zobrist 1970; Pătraşcu and Thorup, "The Power of Simple Tabulation Hashing", 2012). So
the work on strings is done once a distinct value, and equal rows have equal keys in whatever
files, blocks and dictionaries they stand.
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

__all__ = ["Lane", "few_keys", "fingerprint", "mix64"]

Lane: TypeAlias = npt.NDArray[np.uint64]

_FEW_KEYS = 100
_FIRST_KEYS = 1024

_WORD = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15


def fingerprint(batch: pa.RecordBatch, columns: Sequence[str], seed: int) -> tuple[Lane, Lane]:
    """The keys of rows.

    Args:
      batch: Columns of the types of `Schema.arrow_schema()`; nulls allowed.
      columns: The names of the columns that count, in the order that counts; at least one.
      seed: Any integer; another seed gives unrelated keys.

    Returns:
      (hi, lo), each uint64 of shape [rows]: two hashes of the same content, of independent
      functions. Equal content (-0.0 and 0.0 are equal, so are all NaN) gives equal keys; other
      content gives equal keys once in 2**128 pairs. The numbers are part of the format of a
      dataset: they depend on nothing but content, columns' order and seed.
    """
    hi, lo = (_lane(batch, columns, seed, function) for function in (_HI, _LO))
    return hi, lo


def few_keys(lane: Lane) -> frozenset[int] | None:
    """The different keys of a lane; None where there are more than 100.

    >>> sorted(few_keys(np.array([7, 7, 3], np.uint64))), few_keys(np.arange(101, dtype=np.uint64))
    ([3, 7], None)
    """
    for part in (lane[:_FIRST_KEYS], lane):  # most often the first rows tell
        keys = np.unique(part)
        if len(keys) > _FEW_KEYS:
            return None
    return frozenset(keys.tolist())


def _mix64_other(x: Lane) -> Lane:
    """Another such bijection: the finalizer of MurmurHash3 (Appleby, 2011)."""
    x = (x ^ (x >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    x ^= x >> np.uint64(33)
    x *= np.uint64(0xC4CEB9FE1A85EC53)
    x ^= x >> np.uint64(33)
    return x


class _Function(NamedTuple):
    """What makes the hash functions of the lanes different ones.

    Attributes:
      mix: A bijection of words.
      sip_key: The 16 bytes that key SipHash, the hash of strings.
      null: The word a null is taken for: another in each lane, so that no integer equals it twice.
      salt: Sets the lanes' salts apart.
    """

    mix: Callable[[Lane], Lane]
    sip_key: str
    null: int
    salt: int


_HI = _Function(mix64, "recordmill key 0", 0x6A09E667F3BCC908, 0)
_LO = _Function(_mix64_other, "recordmill key 1", 0xBB67AE8584CAA73B, 1)


def _lane(batch: pa.RecordBatch, columns: Sequence[str], seed: int, function: _Function) -> Lane:
    total: Lane = np.zeros(batch.num_rows, np.uint64)
    for place, name in enumerate(columns):
        salt = _salt(seed, 2 * place + function.salt)
        total += _numbers(batch.column(batch.schema.get_field_index(name)), salt, function)
    return function.mix(total)


def _salt(seed: int, place: int) -> np.uint64:
    """An unrelated word for each pair of a seed and a place."""
    words = mix64(np.array([seed & _WORD], np.uint64))
    words += np.uint64((place + 1) * _GOLDEN & _WORD)
    return np.uint64(mix64(words)[0])


def _numbers(column: pa.Array, salt: np.uint64, function: _Function) -> Lane:
    """The random number of each value of a column; uint64, [rows]."""
    if not pa.types.is_dictionary(column.type):
        return function.mix(_words(column, _bits, function) ^ salt)
    hashes = np.append(_words(column.dictionary, _siphash, function), np.uint64(function.null))
    numbers: Lane = function.mix(hashes ^ salt).take(dictionary_indices(column))
    return numbers


def _words(
    values: pa.Array, words_of: Callable[[pa.Array, _Function], Lane], function: _Function
) -> Lane:
    """The word of each value, null or not."""
    words = words_of(values, function)
    if values.null_count:
        words[values.is_null().to_numpy(zero_copy_only=False)] = function.null
    return words


def _siphash(texts: pa.Array, function: _Function) -> Lane:
    objects = texts.to_numpy(zero_copy_only=False)
    hashes: Lane = pd.util.hash_array(objects, hash_key=function.sip_key, categorize=False)
    return hashes


def _bits(numbers: pa.Array, _: _Function) -> Lane:
    """The bits of numbers, one pattern for each value; of a null, anything."""
    if pa.types.is_integer(numbers.type):
        integers: Lane = numbers.fill_null(0).to_numpy().astype(np.uint64)
        return integers
    values = numbers.fill_null(0).to_numpy() + np.float32(0)  # turns -0.0 into 0.0
    values[np.isnan(values)] = np.nan
    bits: Lane = values.view(np.uint32).astype(np.uint64)
    return bits
