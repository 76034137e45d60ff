"""Features to serialized `tf.train.Example` records, a batch at a time.

Most bytes of an Example are the same in every row: the keys, the tags, nearly all lengths. So a
batch is put together from pieces, in the order of the bytes of a row: constants and cells of one
width are laid side by side into a matrix, cells of varying width are Arrow binary arrays, and
Arrow joins them all in one go. The messages are those of `tensorflow/core/example/feature.proto`,
the encoding that of https://protobuf.dev/programming-guides/encoding.

The bytes are canonical: features in the order of their keys, numbers packed, varints as short as
can be. tfx_bsl's encoder writes the features of every row in another order, different in each
process, and Python's protobuf puts "ab" before "a" even when asked to be deterministic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.errors import RecipeError

__all__ = ["encode_examples"]

Bytes: TypeAlias = npt.NDArray[np.uint8]
Offsets: TypeAlias = npt.NDArray[np.int64]

Piece: TypeAlias = "bytes | npt.NDArray[np.void] | pa.LargeBinaryArray"
"""A stretch of every row: the same bytes, or one cell a row of one width, or of any width."""

# The tags of length-delimited fields, which the kinds of lists of a Feature are.
_FIELD_1, _FIELD_2 = b"\x0a", b"\x12"
_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = b"\x0a", b"\x12", b"\x1a"

_EMPTY = pa.scalar(b"", pa.large_binary())


def encode_examples(features: Mapping[str, npt.NDArray[Any] | pa.Array]) -> pa.LargeBinaryArray:
    """One serialized `tf.train.Example` a row.

    Args:
      features: At least one. An array [rows, ...] of int64, float32 or bytes (dtype object), or
        an Arrow list or large_list, [rows], of int64, float32 or binary values, where a null
        list is taken for an empty one. No rows will do.

    Returns:
      [rows], without nulls. The bytes are the same on every platform and in every process.

    Raises:
      RecipeError: A feature has values of another type; the message names it.

    >>> [record.hex() for record in encode_examples({"x": np.array([5, 300])}).to_pylist()]
    ['0a0c0a0a0a017812051a030a0105', '0a0d0a0b0a017812061a040a02ac02']
    """
    rows = len(next(iter(features.values())))
    pieces = [piece for name in sorted(features) for piece in _entry(name, features[name])]
    return _join([_heads(partial(_field, _FIELD_1), _size(pieces)), *pieces], rows)


def _entry(name: str, feature: npt.NDArray[Any] | pa.Array) -> list[Piece]:
    """An entry of the map of features: its head, and the values."""
    values, splits = _flat(feature)
    data: npt.NDArray[Any]
    ends: int | Offsets
    if pa.types.is_float32(values.type):
        kind, data, ends = _FLOAT_LIST, values.to_numpy().astype("<f4", copy=False), 4
    elif pa.types.is_int64(values.type):
        kind, (data, ends) = _INT64_LIST, _varints(values.to_numpy())
    elif pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        kind, (data, ends) = _BYTES_LIST, _byte_fields(values.cast(pa.large_binary()))
    else:
        raise RecipeError(
            f'feature "{name}": expected int64, float32 or string values, got {values.type}; '
            "cast it in the preprocessing_fn"
        )
    cells = _cells(data.view(np.uint8), ends, splits)
    return [_heads(partial(_entry_head, name.encode(), kind), _size([cells])), cells]


def _flat(feature: npt.NDArray[Any] | pa.Array) -> tuple[pa.Array, int | Offsets]:
    """The values of all rows, and how many a row has, or else where those of each row begin."""
    if isinstance(feature, np.ndarray):
        kind = pa.large_binary() if feature.dtype == object else None
        return pa.array(feature.reshape(-1), kind), prod(feature.shape[1:])
    return feature.flatten(), _offsets(pc.fill_null(feature.value_lengths(), 0).to_numpy())


def _varints(values: npt.NDArray[np.int64]) -> tuple[Bytes, int | Offsets]:
    """The varints of values, and the bytes that each takes, or else where each begins.

    A negative number takes ten bytes, those of its two's complement in 64 bits.
    """
    unsigned = values.view(np.uint64)
    highest = int(unsigned.max(initial=0))
    if highest < 128:
        return unsigned.astype(np.uint8), 1
    widest = -(-highest.bit_length() // 7)
    septets = np.empty((len(values), widest), np.uint8)
    used = np.empty((len(values), widest), np.bool_)
    lengths = np.zeros(len(values), np.int64)
    for place in range(widest):
        rest = unsigned >> np.uint64(7 * place)
        septets[:, place] = rest & 0x7F | (rest > 0x7F).astype(np.uint8) << 7
        used[:, place] = (rest > 0) | (place == 0)
        lengths += used[:, place]
    return septets[used], _offsets(lengths)


def _byte_fields(values: pa.LargeBinaryArray) -> tuple[Bytes, Offsets]:
    """Each value as a field of a BytesList, and where each begins."""
    heads = _heads(partial(_field, _FIELD_1), _size([values]))
    fields = _join([heads, values], len(values))
    return np.frombuffer(fields.buffers()[2], np.uint8), _offsets_of(fields)


def _cells(data: Bytes, ends: int | Offsets, splits: int | Offsets) -> Piece:
    """The values of each row, as they lie in `data`."""
    if not isinstance(splits, int):
        return _binary(data, splits * ends if isinstance(ends, int) else ends[splits])
    if not isinstance(ends, int):
        return _binary(data, np.ascontiguousarray(ends[::splits])) if splits else b""
    return data.view(f"V{ends * splits}") if ends * splits else b""


def _size(pieces: Sequence[Piece]) -> int | Offsets:
    """The bytes of the pieces in a row, [rows], or one number where all rows have as many."""
    total: int | Offsets = 0
    for piece in pieces:
        if isinstance(piece, pa.Array):
            total = total + np.diff(_offsets_of(piece))
        else:
            total = total + (len(piece) if isinstance(piece, bytes) else piece.itemsize)
    return total


def _heads(head: Callable[[int], bytes], sizes: int | Offsets) -> Piece:
    """What stands before cells of these sizes; `head` is asked once for each size."""
    if isinstance(sizes, int):
        return head(sizes)
    distinct = pa.array(sizes).dictionary_encode()
    heads = pa.array(map(head, distinct.dictionary.to_pylist()), pa.large_binary())
    return heads.take(distinct.indices)


def _entry_head(key: bytes, kind: bytes, size: int) -> bytes:
    """An entry of the map of features, up to its `size` bytes of values.

    The values are one packed field, which is left out where it is empty, or fields of bytes.
    """
    packed = b"" if kind == _BYTES_LIST or not size else _field(_FIELD_1, size)
    values = _field(kind, len(packed) + size) + packed
    feature = _field(_FIELD_2, len(values) + size) + values
    entry = _field(_FIELD_1, len(key)) + key + feature
    return _field(_FIELD_1, len(entry) + size) + entry


def _field(tag: bytes, size: int) -> bytes:
    """What stands before the `size` bytes of a length-delimited field."""
    varint = bytearray(tag)
    while size > 0x7F:
        varint.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*varint, size])


def _join(pieces: Sequence[Piece], rows: int) -> pa.LargeBinaryArray:
    """The pieces of each row, one after the other."""
    columns: list[pa.LargeBinaryArray] = []
    for varying, group in groupby(pieces, key=lambda piece: isinstance(piece, pa.Array)):
        some = list(group)
        columns += some if varying else [_matrix(some, rows)]
    return pc.binary_join_element_wise(*columns, _EMPTY)


def _matrix(pieces: Sequence[bytes | npt.NDArray[np.void]], rows: int) -> pa.LargeBinaryArray:
    """Pieces of constant width, side by side."""
    template = b"".join(p if isinstance(p, bytes) else bytes(p.itemsize) for p in pieces)
    width = len(template)
    matrix = np.empty((rows, width), np.uint8)
    matrix[:] = np.frombuffer(template, np.uint8)
    start = 0
    for piece in pieces:
        if isinstance(piece, bytes):
            start += len(piece)
        else:
            stop = start + piece.itemsize
            matrix[:, start:stop].view(piece.dtype)[:, 0] = piece
            start = stop
    return _binary(matrix, np.arange(rows + 1) * width)


def _binary(data: Bytes, offsets: Offsets) -> pa.LargeBinaryArray:
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def _offsets(lengths: npt.NDArray[np.integer[Any]]) -> Offsets:
    """Where each stretch begins and the last one ends."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _offsets_of(array: pa.LargeBinaryArray) -> Offsets:
    return np.frombuffer(array.buffers()[1], np.int64)[array.offset :][: len(array) + 1]
