"""Profiles as bytes, for profiles that outlive a run, and without pickle.

A head in JSON holds the tree of what a `Profile` is made of; its arrays lie behind it, one after
the other, little-endian:

    "recordmill profile 1\\n"   the format and its version
    sha256 of what follows     32 bytes: damage is found
    size of the head           8 bytes
    head                       {"tree": …, "arrays": [[dtype, shape], …]}
    arrays

What is read is checked as if a stranger had written it, so that whatever the bytes are, there is
a profile that a fold could have made, up to the numbers in it, or a `DataError`.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from itertools import pairwise
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..errors import DataError
from .codec_tree import PROBLEMS, profile_of, tree_of
from .fold import Profile, StatisticsFold

__all__ = ["VERSION", "decode", "encode"]

VERSION = 1
"""Of the format. A profile of another version is refused."""

_MAGIC = b"recordmill profile "
_DIGEST = hashlib.sha256().digest_size
_SIZE = struct.Struct("<Q")
_DTYPES = ("<i8", "<u8", "<f4", "<f8", "|u1")

Array: TypeAlias = npt.NDArray[Any]


def encode(profile: Profile) -> bytes:
    """The bytes of a profile; equal profiles have equal bytes."""
    arrays: list[Array] = []
    tree = _without_arrays(tree_of(profile), arrays)
    kinds = [[array.dtype.str, list(array.shape)] for array in arrays]
    head = json.dumps({"tree": tree, "arrays": kinds}).encode()
    body = b"".join([_SIZE.pack(len(head)), head, *(array.tobytes() for array in arrays)])
    return b"".join([_first_line(), hashlib.sha256(body).digest(), body])


def decode(data: bytes, fold: StatisticsFold, *, path: str) -> Profile:
    """The profile in some bytes.

    Args:
      data: As `encode` gave them, or anything.
      fold: The fold of the schema that the profile is of.
      path: What the bytes are called in messages.

    Raises:
      DataError: They are no profile of this version and this schema, or are damaged.
    """
    line = _first_line()
    if not data.startswith(line):
        raise DataError(
            f"{path}: expected the profile of a span, of version {VERSION}, got "
            f"{data[: len(line)]!r}. Delete it, so that it is made anew."
        )
    body = memoryview(data)[len(line) + _DIGEST :]
    if hashlib.sha256(body).digest() != data[len(line) : len(line) + _DIGEST]:
        raise DataError(f"{path}: is damaged: its sha256 is another. Delete it.")
    try:
        return profile_of(_tree(body), fold)
    except (*PROBLEMS, struct.error) as error:
        raise DataError(f"{path}: is no profile of this schema ({error}). Delete it.") from error


def _first_line() -> bytes:
    return _MAGIC + str(VERSION).encode() + b"\n"


def _tree(body: memoryview) -> Any:
    (size,) = _SIZE.unpack_from(body)
    head = json.loads(bytes(body[_SIZE.size : _SIZE.size + size]))
    arrays, offset = [], _SIZE.size + size
    for kind, shape in head["arrays"]:
        if kind not in _DTYPES:
            raise ValueError(f"an array of {kind}")
        count = prod(shape)
        array = np.frombuffer(body, kind, count, offset) if count else np.empty(0, kind)
        arrays.append(array.reshape(shape).copy())
        offset += array.nbytes
    if offset != len(body):
        raise ValueError(f"{len(body) - offset:,} bytes too many")
    return _with_arrays(head["tree"], arrays)


def _without_arrays(tree: Any, arrays: list[Array]) -> Any:
    """The tree with each array, string array and bytes replaced by its place in `arrays`."""
    if isinstance(tree, Mapping):
        return {name: _without_arrays(value, arrays) for name, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_without_arrays(value, arrays) for value in tree]
    if isinstance(tree, pa.Array):
        offsets, text = _text(tree)
        return {"strings": [_placed(offsets, arrays), _placed(text, arrays)]}
    if isinstance(tree, bytes):
        return {"bytes": _placed(np.frombuffer(tree, np.uint8), arrays)}
    return {"array": _placed(tree, arrays)} if isinstance(tree, np.ndarray) else tree


def _placed(array: Array, arrays: list[Array]) -> int:
    arrays.append(array.astype(array.dtype.newbyteorder("<"), copy=False))
    return len(arrays) - 1


def _with_arrays(tree: Any, arrays: list[Array]) -> Any:
    """The reverse of `_without_arrays`."""
    if isinstance(tree, list):
        return [_with_arrays(value, arrays) for value in tree]
    if not isinstance(tree, dict):
        return tree
    if tree.keys() == {"array"}:
        return arrays[tree["array"]]
    if tree.keys() == {"bytes"}:
        return arrays[tree["bytes"]].tobytes()
    if tree.keys() == {"strings"}:
        return _strings(*(arrays[place] for place in tree["strings"]))
    return {name: _with_arrays(value, arrays) for name, value in tree.items()}


def _text(strings: pa.StringArray) -> tuple[Array, Array]:
    """Where each string begins and the last one ends, and their bytes."""
    texts = [text.encode() for text in strings.to_pylist()]
    ends = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    return ends, np.frombuffer(b"".join(texts), np.uint8)


def _strings(offsets: Array, text: Array) -> pa.StringArray:
    data = text.tobytes()
    bounds = offsets.tolist()
    if not bounds or bounds[0] != 0 or bounds[-1] != len(data) or bounds != sorted(bounds):
        raise ValueError("strings that begin nowhere")
    return pa.array([data[a:b].decode() for a, b in pairwise(bounds)], pa.string())
