"""TFRecord framing: encodes and verifies many records at a time.

A frame is the length of the record (uint64, little-endian), the masked CRC-32C of those eight
bytes, the record, and the masked CRC-32C of the record. TensorFlow defines the format and the mask
in `tensorflow/core/lib/io/record_writer.h` and `tensorflow/core/lib/hash/crc32c.h`. A file of
frames has no header and no end mark, so a file truncated between two frames reads as a shorter
one: only the number of records in the manifest reveals it.
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
    """Interface of a stream that can be read in chunks, such as a binary file."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most `size`; none at the end."""


def encode_frames(records: Sequence[bytes] | pa.Array) -> bytes:
    """Encode records as frames, one after the other.

    Args:
      records: The records, as bytes, or as a `pa.BinaryArray` or `pa.LargeBinaryArray` without
        nulls.

    Returns:
      The frames, each 16 bytes longer than its record; no bytes for no records.

    >>> encode_frames([b"a"]).hex()
    '01000000000000000175de4161786ee428'
    """
    values = records if isinstance(records, Sequence) else records.to_pylist()
    # Few lengths occur in a batch: each head is computed once, and all is joined in one call.
    lengths = [len(record) for record in values]
    heads = {length: _head(length) for length in set(lengths)}
    parts = [b""] * (3 * len(values))
    parts[0::3] = [heads[length] for length in lengths]
    parts[1::3] = values
    parts[2::3] = _masked_checksums(values).view("V4").tolist()
    return b"".join(parts)


def frame_ends(data: bytes, *, path: str) -> list[int]:
    """Return the offset in `data`, in bytes, of the end of each frame.

    It trusts the lengths and verifies no checksum, so it is several times faster than
    `read_frames`: for data that is already verified as a whole.

    Args:
      data: Complete frames, or nothing.
      path: Path of the data, for messages.

    Raises:
      DataError: The last frame is truncated.

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
    """Read the records of a stream of frames, and verify both checksums of each.

    Args:
      stream: Stream of frames, decompressed.
      path: Path of the stream, for messages.

    Yields:
      The records, up to the first one that is damaged. An empty stream has none.

    Raises:
      DataError: A frame is damaged or truncated. The message names the path, the index of the
        record, from 0, and the byte offset of its frame in the decompressed stream.
    """
    index = offset = 0
    buffer, size = b"", _CHUNK
    while True:
        try:
            chunk = stream.read(size)
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
        # What remains of a large frame is read at once: by chunks, the buffer would be copied and
        # its head parsed for each of them.
        size = max(_CHUNK, _frame_size(buffer) - len(buffer))
    if buffer:
        problem = f"cut short, {len(buffer):,} bytes of {_frame_size(buffer):,}"
        raise _damaged(path, index, offset, problem)


def _damaged(path: str, index: int, offset: int, problem: str) -> DataError:
    return DataError(f"{path}: record {index:,} (byte {offset:,}): {problem}")


def _whole_frames(buffer: bytes) -> tuple[list[bytes], int, str]:
    """Return the intact records at the start of `buffer`, the size of their frames, the problem.

    The problem is "" where only the end of the buffer follows. Heads must be verified one by one,
    since the next frame begins where the length says; the data of all records is verified at the
    end, and the first mismatch comes before a bad head.
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
    for index in np.flatnonzero(stated != computed)[:1]:
        used = sum(len(record) + _HEAD + _FOOT for record in records[:index])
        return records[:index], used, _mismatch("data", computed[index], stated[index])
    return records, start, problem


def _frame_size(start: bytes) -> int:
    """Return the size of the frame that begins with `start`; of its head, if that is truncated."""
    return _LENGTH.unpack_from(start)[0] + _HEAD + _FOOT if len(start) >= _HEAD else _HEAD


def _head(length: int) -> bytes:
    packed = _LENGTH.pack(length)
    return packed + _masked_checksums([packed]).tobytes()


def _head_problem(head: bytes) -> str:
    (stated,) = _CHECKSUM.unpack_from(head, _LENGTH.size)
    (computed,) = _masked_checksums([head[: _LENGTH.size]])
    return "" if stated == computed else _mismatch("length", computed, stated)


def _mismatch(part: str, computed: int, stated: int) -> str:
    return f"its {part} has the checksum {computed:08x}, expected {stated:08x}"


def _masked_checksums(values: Iterable[bytes]) -> Checksums:
    # A CRC of data that contains CRCs is weak, so TensorFlow rotates it and adds a constant.
    crc = np.fromiter(map(google_crc32c.value, values), np.uint32)
    return ((crc >> 15 | crc << 17) + np.uint32(0xA282EAD8)).astype("<u4", copy=False)
