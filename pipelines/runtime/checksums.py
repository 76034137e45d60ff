"""Checksums of the blocks of a file, so that what is parsed is what was scanned, byte for byte.

A file is read twice: by the scan, which counts its records and makes the digest for the manifest,
and in parts by the parser. In between it can be edited, and its size and its time stamp can stay.
So the scan also takes a CRC-32C of each block, and the parser gets its bytes through `CheckedFile`,
which compares every block that it reads before it gives a byte of it.

A CRC-32C finds every change of up to 32 neighbouring bits, and of others all but one in 2^32. It
takes a small part of the time of a SHA-256, which could not be checked by the parts of a file.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import google_crc32c

from ...schemas.errors import DataError

__all__ = ["BLOCK", "BlockChecksums", "CheckedFile", "Checksums"]

BLOCK = 1 << 18
"""The bytes of a block; the last one of a file is shorter."""

_CACHED_BLOCKS = 8
_CRC_BYTES = 4


@dataclass(frozen=True)
class Checksums:
    """The checksums of some blocks of a file.

    Attributes:
      size: The bytes of the whole file.
      runs: (number of the first block, from 0; the CRC-32C of it and of those after it, 4 bytes
        each, little-endian), of blocks one after the other.
    """

    size: int
    runs: tuple[tuple[int, bytes], ...]

    def of(self, ranges: Iterable[tuple[int, int]]) -> Checksums:
        """Return those that are needed to read some ranges of bytes (begin, end)."""
        return Checksums(self.size, tuple(run for span in ranges for run in self._within(*span)))

    def _within(self, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
        first, stop = max(0, begin) // BLOCK, -(-end // BLOCK)
        for start, crcs in self.runs:
            skipped = max(0, first - start)
            needed = crcs[skipped * _CRC_BYTES : max(0, stop - start) * _CRC_BYTES]
            if needed:
                yield start + skipped, needed

    def __getitem__(self, block: int) -> int:
        """Return the checksum of a block; KeyError where it is not among them."""
        for start, crcs in self.runs:
            index = (block - start) * _CRC_BYTES
            if 0 <= index < len(crcs):
                return int.from_bytes(crcs[index : index + _CRC_BYTES], "little")
        raise KeyError(block)


class BlockChecksums:
    """Takes the checksums of bytes that come in pieces of any size."""

    def __init__(self) -> None:
        self._crcs = bytearray()
        self._crc = self._filled = self._size = 0

    def add(self, data: bytes) -> None:
        """Take the next piece."""
        begin = 0
        while begin < len(data):
            piece = data[begin : begin + BLOCK - self._filled]
            self._crc = google_crc32c.extend(self._crc, piece)
            self._filled += len(piece)
            begin += len(piece)
            if self._filled == BLOCK:
                self._end_block()
        self._size += len(data)

    def _end_block(self) -> None:
        self._crcs += self._crc.to_bytes(_CRC_BYTES, "little")
        self._crc = self._filled = 0

    def finish(self) -> Checksums:
        """Return the checksums of all that came; nothing can be added after that."""
        if self._filled:
            self._end_block()
        return Checksums(self._size, ((0, bytes(self._crcs)),))


class CheckedFile(io.RawIOBase):
    """A stored file whose bytes are given only if they are those that were scanned.

    Its size is the one that was scanned. Whoever reads its end finds out if it has grown.

    Args:
      file: The file as it is stored now, opened; closed with this one.
      checksums: Of at least the blocks that are read.
      path: The file's path, for messages.
    """

    def __init__(self, file: BinaryIO, checksums: Checksums, *, path: str) -> None:
        self._file = file
        self._checksums = checksums
        self._path = path
        self._position = 0
        self._cached_from, self._cached = 0, b""  # the blocks that were read last, if they were few

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begins = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._checksums.size}
        self._position = max(0, begins[whence] + offset)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes, `size` of them or all up to the end.

        Raises:
          DataError: They are not those that were scanned.
        """
        left = max(0, self._checksums.size - self._position)
        size = left if size is None or size < 0 else min(size, left)
        if not size:
            return b""
        begin, start = self._position, self._cached_from
        end = self._position = begin + size
        if start <= begin and end <= start + len(self._cached):
            return self._cached[begin - start : end - start]
        return self._checked(begin, end)

    def _checked(self, begin: int, end: int) -> bytes:
        """Return the bytes of a range, once all of their blocks are compared."""
        first, stop = begin // BLOCK, -(-end // BLOCK)
        start, after = first * BLOCK, min(stop * BLOCK, self._checksums.size)
        is_last = after == self._checksums.size
        self._file.seek(start)
        head, data = self._stored(begin - start), self._stored(end - begin)
        tail = self._stored(after - end + is_last)  # one byte more, where there must be none
        checksums = BlockChecksums()
        for piece in (head, data, tail):
            checksums.add(piece)
        self._compare(checksums.finish(), first, stop)
        if stop - first <= _CACHED_BLOCKS:
            self._cached_from, self._cached = start, head + data + tail
        return data

    def _compare(self, actual: Checksums, first: int, stop: int) -> None:
        """Raise DataError where blocks, counted from the first, are not those of the scan."""
        begin, size = first * BLOCK, self._checksums.size
        end = min(stop * BLOCK, size)
        if actual.size > end - begin:
            raise self._changed(end, end + 1)
        for block in range(first, stop):
            offset = block * BLOCK
            is_there = offset - begin < actual.size
            if not is_there or actual[block - first] != self._checksums[block]:
                raise self._changed(offset, min(offset + BLOCK, end))

    def _stored(self, size: int) -> bytes:
        """Read the next bytes of the file as it is now: `size` of them, or fewer at its end."""
        data: bytes = self._file.read(size)
        while len(data) < size and (more := self._file.read(size - len(data))):
            data += more
        return data

    def _changed(self, begin: int, end: int) -> DataError:
        return DataError(
            f"{self._path}: the file changed while it was read: expected the bytes that were "
            f"scanned, got others between byte {begin:,} and byte {end:,}. Run again when nothing "
            "writes to it."
        )

    def close(self) -> None:
        self._file.close()
        super().close()
