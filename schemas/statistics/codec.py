r"""Serialization of profiles, for a cache that outlives a run, without pickle.

    "recordmill profile 2\n"   format and version
    sha256 of the rest         32 bytes, which detect damage
    JSON                       the dataclasses of a `Profile`; numpy arrays and bytes as base64,
                               little-endian, and Arrow strings as lists

`decode` treats its input as untrusted: any bytes give a profile that a fold could have made, apart
from the values of the numbers, or a `DataError`.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from dataclasses import is_dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import DataError
from .codec_tree import PROBLEMS, profile_of
from .fold import Profile, StatisticsFold
from .sketches import DistinctStrings

__all__ = ["VERSION", "decode", "encode"]

VERSION = 2
"""Version of the format. A profile of another version is refused."""

_FIRST_LINE = f"recordmill profile {VERSION}\n".encode()
_BODY = len(_FIRST_LINE) + hashlib.sha256().digest_size
_DTYPES = ("<i8", "<u8", "<f4", "<f8")


def encode(profile: Profile) -> bytes:
    """Serialize a profile; equal profiles have equal bytes."""
    body = json.dumps(profile, default=_to_json, sort_keys=True, separators=(",", ":")).encode()
    return b"".join([_FIRST_LINE, hashlib.sha256(body).digest(), body])


def decode(data: bytes, fold: StatisticsFold, *, path: str) -> Profile:
    """Read a profile from bytes.

    Args:
      data: Bytes of `encode`, or any others.
      fold: Fold of the schema of the profile.
      path: Path of the bytes, for messages.

    Raises:
      DataError: The bytes are no profile of this version and this schema, or are damaged.
    """
    if not data.startswith(_FIRST_LINE):
        raise DataError(
            f"{path}: expected the profile of a span, of version {VERSION}, got "
            f"{data[: len(_FIRST_LINE)]!r}. Delete it, so that it is made again."
        )
    body = data[_BODY:]
    if hashlib.sha256(body).digest() != data[len(_FIRST_LINE) : _BODY]:
        raise DataError(f"{path}: is damaged: its sha256 differs. Delete it.")
    try:
        return profile_of(json.loads(body, object_hook=_from_json), fold)
    except PROBLEMS as error:
        raise DataError(f"{path}: is no profile of this schema ({error}). Delete it.") from error


def _to_json(value: Any) -> Any:
    """Convert an object that JSON lacks to one that `_from_json` reads."""
    if isinstance(value, Profile):
        # Pairs, for the name of a column could be one of the keys below.
        return {**vars(value), "associations": list(value.associations.items())}
    if is_dataclass(value):
        return vars(value)
    if isinstance(value, np.ndarray):
        array = value.astype(value.dtype.newbyteorder("<"), copy=False)
        base64 = b64encode(array.tobytes()).decode()
        return {"dtype": array.dtype.str, "shape": array.shape, "base64": base64}
    if isinstance(value, pa.StringArray):
        return {"strings": value.to_pylist()}
    if isinstance(value, DistinctStrings):
        return {"base64": b64encode(value.to_bytes()).decode()}
    return np.dtype(value).name  # `Numbers.dtype`


def _from_json(value: dict[str, Any]) -> Any:
    """Convert an object of `_to_json` to a numpy array, Arrow strings or bytes."""
    if value.keys() == {"strings"}:
        return pa.array(value["strings"], pa.string())
    if "base64" not in value:
        return value
    data = b64decode(value["base64"], validate=True)
    if value.keys() == {"base64"}:
        return data
    if value["dtype"] not in _DTYPES:
        raise ValueError(f"an array of {value['dtype']}")
    return np.frombuffer(data, value["dtype"]).reshape(value["shape"]).copy()
