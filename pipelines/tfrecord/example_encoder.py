"""Columnar encoder of `tf.train.Example` records: a batch of features at a time.

Most bytes of an Example are the same in every row: the keys, the tags, nearly all lengths. So a
batch is assembled by columns of bytes ("pieces"), in the order of the bytes of a row: constants
and cells of fixed width are laid side by side into a matrix, cells of variable width are Arrow
binary arrays, and one Arrow kernel joins them by row. The messages are defined in
`tensorflow/core/example/feature.proto`, the encoding in
https://protobuf.dev/programming-guides/encoding.

The bytes are canonical: features in the order of their keys, numbers packed, varints minimal.
tfx_bsl's encoder orders the features of every row differently in each process, and Python's
protobuf puts "ab" before "a" even in its deterministic mode.

An Example nests five messages, and each is preceded by its tag and its length in bytes:

    Example.features > Features.feature, once a key > the key, and
    Feature > BytesList, FloatList or Int64List > values
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
"""A column of bytes: the same in every row, or cells of fixed or of variable width, [rows]."""

# Tags of length-delimited fields: field number << 3 | 2. The lists are fields 1 to 3 of Feature.
_FIELD_1, _FIELD_2 = b"\x0a", b"\x12"
_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = b"\x0a", b"\x12", b"\x1a"

_EMPTY = pa.scalar(b"", pa.large_binary())


def encode_examples(features: Mapping[str, npt.NDArray[Any] | pa.Array]) -> pa.LargeBinaryArray:
    """Encode each row as a serialized `tf.train.Example`.

    Args:
      features: At least one feature by name: an array [rows, ...] of int64, float32 or bytes
        (dtype object), or an Arrow list or large_list, [rows], of int64, float32 or binary
        values. A null list counts as an empty one. There may be no rows.

    Returns:
      The records, [rows], without nulls. The bytes are the same on every platform and in every
      process.

    Raises:
      RecipeError: A feature has values of another type; the message names the feature.

    >>> [record.hex() for record in encode_examples({"x": np.array([5, 300])}).to_pylist()]
    ['0a0c0a0a0a017812051a030a0105', '0a0d0a0b0a017812061a040a02ac02']
    """
    rows = len(next(iter(features.values())))
    pieces = [piece for name in sorted(features) for piece in _entry(name, features[name])]
    return _join([_heads(partial(_field_head, _FIELD_1), _size(pieces)), *pieces], rows)


def _entry(name: str, feature: npt.NDArray[Any] | pa.Array) -> list[Piece]:
    """Return an entry of the map of features: its head, and the encoded values."""
    values, splits = _flat(feature)
    data: npt.NDArray[Any]
    ends: int | Offsets
    if pa.types.is_float32(values.type):
        list_tag, data, ends = _FLOAT_LIST, values.to_numpy().astype("<f4", copy=False), 4
    elif pa.types.is_int64(values.type):
        list_tag, (data, ends) = _INT64_LIST, _varints(values.to_numpy())
    elif pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        list_tag, (data, ends) = _BYTES_LIST, _byte_fields(values.cast(pa.large_binary()))
    else:
        raise RecipeError(
            f'feature "{name}": expected int64, float32 or string values, got {values.type}; '
            "cast it in the preprocessing_fn"
        )
    cells = _cells(data.view(np.uint8), ends, splits)
    return [_heads(partial(_entry_head, name.encode(), list_tag), _size([cells])), cells]


def _flat(feature: npt.NDArray[Any] | pa.Array) -> tuple[pa.Array, int | Offsets]:
    """Return the values of all rows, and their number in a row or the offset of each row's.

    The number is an int, where all rows have as many; the offsets are int64 [rows + 1].
    """
    if isinstance(feature, np.ndarray):
        value_type = pa.large_binary() if feature.dtype == object else None
        return pa.array(feature.reshape(-1), value_type), prod(feature.shape[1:])
    return feature.flatten(), _offsets(pc.fill_null(feature.value_lengths(), 0).to_numpy())


def _varints(values: npt.NDArray[np.int64]) -> tuple[Bytes, int | Offsets]:
    """Return the varints of values, and the size of each or the offset of each.

    The size is an int, where it is the same for all; the offsets are int64 [values + 1]. A
    negative number takes ten bytes, as its two's complement in 64 bits does.
    """
    unsigned = values.view(np.uint64)
    highest = int(unsigned.max(initial=0))
    if highest < 128:
        return unsigned.astype(np.uint8), 1
    # The columns of a matrix as wide as the longest varint, [values, widest]: septet by septet,
    # from the lowest. Its used cells, read by row, are the varints one after the other.
    widest = -(-highest.bit_length() // 7)
    septets = np.empty((len(values), widest), np.uint8)
    used = np.empty((len(values), widest), np.bool_)
    lengths = np.zeros(len(values), np.int64)
    for index in range(widest):
        shifted = unsigned >> np.uint64(7 * index)
        septets[:, index] = shifted & 0x7F | (shifted > 0x7F).astype(np.uint8) << 7
        used[:, index] = (shifted > 0) | (index == 0)  # zero takes a byte too
        lengths += used[:, index]
    return septets[used], _offsets(lengths)


def _byte_fields(values: pa.LargeBinaryArray) -> tuple[Bytes, Offsets]:
    """Return each value as a field of a BytesList, and the offset of each, int64 [values + 1]."""
    heads = _heads(partial(_field_head, _FIELD_1), _size([values]))
    fields = _join([heads, values], len(values))
    return np.frombuffer(fields.buffers()[2], np.uint8), _offsets_of(fields)


def _cells(data: Bytes, ends: int | Offsets, splits: int | Offsets) -> Piece:
    """Return the encoded values by row; none of the bytes is copied.

    Args:
      data: The encoded values of all rows, one after the other.
      ends: Their size, or the offset of each, [values + 1].
      splits: The number of values in a row, or the index of each row's first one, [rows + 1].
    """
    if not isinstance(splits, int):
        return _binary(data, splits * ends if isinstance(ends, int) else ends[splits])
    if not isinstance(ends, int):
        return _binary(data, np.ascontiguousarray(ends[::splits])) if splits else b""
    return data.view(f"V{ends * splits}") if ends * splits else b""


def _size(pieces: Sequence[Piece]) -> int | Offsets:
    """Return the size of all pieces in a row, [rows], or one number where it is always the same."""
    total: int | Offsets = 0
    for piece in pieces:
        if isinstance(piece, pa.Array):
            total = total + np.diff(_offsets_of(piece))
        else:
            total = total + (len(piece) if isinstance(piece, bytes) else piece.itemsize)
    return total


def _heads(head: Callable[[int], bytes], sizes: int | Offsets) -> Piece:
    """Return the heads of cells of these sizes; `head` is called once for each distinct size."""
    if isinstance(sizes, int):
        return head(sizes)
    # Cells vary in width, but few widths occur: thousands of rows need a handful of heads.
    distinct = pa.array(sizes).dictionary_encode()
    heads = pa.array(map(head, distinct.dictionary.to_pylist()), pa.large_binary())
    return heads.take(distinct.indices)


def _entry_head(key: bytes, list_tag: bytes, size: int) -> bytes:
    """Return the head of an entry of the map of features, up to its `size` bytes of values.

    Numbers are one packed field, which is omitted where it is empty; bytes are a field each, whose
    heads are part of the values.
    """
    packed = b"" if list_tag == _BYTES_LIST or not size else _field_head(_FIELD_1, size)
    values = _field_head(list_tag, len(packed) + size) + packed
    feature = _field_head(_FIELD_2, len(values) + size) + values
    entry = _field_head(_FIELD_1, len(key)) + key + feature
    return _field_head(_FIELD_1, len(entry) + size) + entry


def _field_head(tag: bytes, size: int) -> bytes:
    """Return the tag and the length of a length-delimited field of `size` bytes."""
    varint = bytearray(tag)
    while size > 0x7F:
        varint.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*varint, size])


def _join(pieces: Sequence[Piece], rows: int) -> pa.LargeBinaryArray:
    """Concatenate the pieces of each row, [rows]."""
    columns: list[pa.LargeBinaryArray] = []
    for is_variable, group in groupby(pieces, key=lambda piece: isinstance(piece, pa.Array)):
        neighbours = list(group)
        columns += neighbours if is_variable else [_matrix(neighbours, rows)]
    # The kernel takes its last argument as the separator: here nothing.
    return pc.binary_join_element_wise(*columns, _EMPTY)


def _matrix(pieces: Sequence[bytes | npt.NDArray[np.void]], rows: int) -> pa.LargeBinaryArray:
    """Concatenate pieces of fixed width by row: broadcast the constants, then fill in the cells."""
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
    """Return an array over bytes and offsets, int64 [rows + 1], without a copy."""
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def _offsets(lengths: npt.NDArray[np.integer[Any]]) -> Offsets:
    """Return the offset of each cell, and of the end: int64 [cells + 1]."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _offsets_of(array: pa.LargeBinaryArray) -> Offsets:
    """Return the offsets of an array, which may be a slice: int64 [rows + 1]."""
    return np.frombuffer(array.buffers()[1], np.int64)[array.offset :][: len(array) + 1]
