"""TFRecord frames: many records framed, or checked, at a time.

A frame is the length of the record (uint64, little-endian), the masked CRC-32C of those eight
bytes, the record, and the masked CRC-32C of the record. The format and the mask are those of
TensorFlow's `tensorflow/core/lib/io/record_writer.h` and `tensorflow/core/lib/hash/crc32c.h`.
A file of frames has no header and no end mark, so a file cut between two frames reads as a
shorter one: only the number of records that stands in the manifest tells.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import google_crc32c
import numpy as np
import numpy.typing as npt

from ...schemas.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Readable", "encode_frames", "frame_ends", "read_frames"]

_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
_HEAD = _LENGTH.size + _CHECKSUM.size
_FOOT = _CHECKSUM.size
_CHUNK = 1 << 20

Checksums = npt.NDArray[np.uint32]


class Readable(Protocol):
    """What can be read a piece at a time, as a binary file can."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`; none at the end."""


def encode_frames(records: Sequence[bytes] | pa.Array) -> bytes:
    """The frames of records, one after the other.

    Args:
      records: The records; also as a `pa.BinaryArray` or `pa.LargeBinaryArray` without nulls.

    Returns:
      16 bytes more than the records, for each of them; no records give no bytes.

    >>> encode_frames([b"a"]).hex()
    '01000000000000000175de4161786ee428'
    """
    values = records if isinstance(records, Sequence) else records.to_pylist()
    lengths = [len(record) for record in values]
    heads = {length: _head(length) for length in set(lengths)}
    parts = [b""] * (3 * len(values))
    parts[0::3] = [heads[length] for length in lengths]
    parts[1::3] = values
    parts[2::3] = _masked_checksums(values).view("V4").tolist()
    return b"".join(parts)


def frame_ends(data: bytes, *, path: str) -> list[int]:
    """Where each of the frames in `data` ends, in bytes from its start.

    Trusts the lengths and looks at no checksum, which makes it several times faster than
    `read_frames`: for bytes that are known to be those that were framed.

    Args:
      data: Whole frames; none is fine.
      path: What the data is called in messages.

    Raises:
      DataError: The last frame is cut short.

    >>> frame_ends(encode_frames([b"a", b"", b"bc"]), path="a.tfrecord")
    [17, 33, 51]
    """
    ends: list[int] = []
    end, size, length_at = 0, len(data), _LENGTH.unpack_from
    while end + _HEAD <= size:
        end += length_at(data, end)[0] + _HEAD + _FOOT
        ends.append(end)
    if end != size:
        raise DataError(f"{path}: {size:,} bytes do not end with one of {len(ends):,} frames")
    return ends


def read_frames(stream: Readable, *, path: str) -> Iterator[bytes]:
    """The records of a stream of frames, both checksums of each checked.

    Args:
      stream: Gives the frames, decompressed.
      path: What the stream is called in messages.

    Yields:
      The records, up to the first one that is damaged. An empty stream has none.

    Raises:
      DataError: A frame is damaged or cut short. The message names the path, the index of the
        record, from 0, and the byte, from 0, its frame begins at in the decompressed stream.
    """
    index = offset = 0
    buffer, wanted = b"", _CHUNK
    while True:
        try:
            chunk = stream.read(wanted)
        except (OSError, EOFError, zlib.error) as error:
            raise _damaged(path, index, offset, f"cannot be read ({error})") from error
        if not chunk:
            break
        buffer += chunk
        records, used, problem = _whole_frames(buffer)
        yield from records
        index, offset, buffer = index + len(records), offset + used, buffer[used:]
        if problem:
            raise _damaged(path, index, offset, problem)
        wanted = max(_CHUNK, _frame_size(buffer) - len(buffer))
    if buffer:
        problem = f"cut short, {len(buffer):,} bytes of {_frame_size(buffer):,}"
        raise _damaged(path, index, offset, problem)


def _damaged(path: str, index: int, offset: int, problem: str) -> DataError:
    return DataError(f"{path}: record {index:,} (byte {offset:,}): {problem}")


def _whole_frames(buffer: bytes) -> tuple[list[bytes], int, str]:
    """The good records at the start of `buffer`, the bytes of their frames, what stopped them.

    What stopped them is "" where only the end of the buffer did.
    """
    lengths: dict[bytes, int] = {}
    records: list[bytes] = []
    feet: list[bytes] = []
    start, problem = 0, ""
    while start + _HEAD <= len(buffer):
        head = buffer[start : start + _HEAD]
        if head not in lengths:
            problem = _head_problem(head)
            if problem:
                break
            lengths[head] = _LENGTH.unpack_from(head)[0]
        foot = start + _HEAD + lengths[head]
        if foot + _FOOT > len(buffer):
            break
        records.append(buffer[start + _HEAD : foot])
        start = foot + _FOOT
        feet.append(buffer[foot:start])
    stated = np.frombuffer(b"".join(feet), "<u4")
    computed = _masked_checksums(records)
    for bad in np.flatnonzero(stated != computed)[:1]:
        used = sum(len(record) + _HEAD + _FOOT for record in records[:bad])
        return records[:bad], used, _mismatch("data", computed[bad], stated[bad])
    return records, start, problem


def _frame_size(start: bytes) -> int:
    """The bytes of the frame that begins with `start`, or of its head if that is not whole."""
    return _LENGTH.unpack_from(start)[0] + _HEAD + _FOOT if len(start) >= _HEAD else _HEAD


def _head(length: int) -> bytes:
    packed = _LENGTH.pack(length)
    return packed + _masked_checksums([packed]).tobytes()


def _head_problem(head: bytes) -> str:
    (stated,) = _CHECKSUM.unpack_from(head, _LENGTH.size)
    (computed,) = _masked_checksums([head[: _LENGTH.size]])
    return "" if stated == computed else _mismatch("length", computed, stated)


def _mismatch(what: str, computed: int, stated: int) -> str:
    return f"its {what} has the checksum {computed:08x}, expected {stated:08x}"


def _masked_checksums(values: Iterable[bytes]) -> Checksums:
    crc = np.fromiter(map(google_crc32c.value, values), np.uint32)
    return ((crc >> 15 | crc << 17) + np.uint32(0xA282EAD8)).astype("<u4", copy=False)
