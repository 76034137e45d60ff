"""Block checksums of files: prove that the parser reads the very bytes that were scanned.

A file is read twice: by the scan, which counts its records and computes the digest for the
manifest, and in fragments by the parser. In between it can be edited without a change of size or
time stamp. So the scan also computes a CRC-32C of each block, and the parser reads through
`CheckedFile`, which verifies every block before it returns a byte of it.

A CRC-32C detects every burst error of up to 32 bits, and misses one in 2^32 of the others. It
takes a fraction of the time of a SHA-256, which cannot be verified for a fragment of a file.
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
"""Size of a block in bytes; the last block of a file may be shorter."""

_CACHED_BLOCKS = 8
_CRC_BYTES = 4


@dataclass(frozen=True)
class Checksums:
    """Checksums of blocks of a file.

    Attributes:
      size: Size of the whole file in bytes.
      runs: Runs of consecutive blocks: (index of the first block, from 0; the CRC-32Cs of the
        blocks, 4 bytes each, little-endian).
    """

    size: int
    runs: tuple[tuple[int, bytes], ...]

    def of(self, ranges: Iterable[tuple[int, int]]) -> Checksums:
        """Return the checksums of the blocks that byte ranges (begin, end) touch."""
        return Checksums(self.size, tuple(run for span in ranges for run in self._within(*span)))

    def _within(self, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
        first, stop = max(0, begin) // BLOCK, -(-end // BLOCK)
        for start, crcs in self.runs:
            skipped = max(0, first - start)
            needed = crcs[skipped * _CRC_BYTES : max(0, stop - start) * _CRC_BYTES]
            if needed:
                yield start + skipped, needed

    def __getitem__(self, block: int) -> int:
        """Return the checksum of a block; KeyError where there is none for it."""
        for start, crcs in self.runs:
            index = (block - start) * _CRC_BYTES
            if 0 <= index < len(crcs):
                return int.from_bytes(crcs[index : index + _CRC_BYTES], "little")
        raise KeyError(block)


class BlockChecksums:
    """Computes block checksums of data that arrives in chunks of any size."""

    def __init__(self) -> None:
        self._crcs = bytearray()
        self._crc = self._filled = self._size = 0

    def add(self, data: bytes) -> None:
        """Add the next chunk."""
        begin = 0
        while begin < len(data):
            chunk = data[begin : begin + BLOCK - self._filled]
            self._crc = google_crc32c.extend(self._crc, chunk)
            self._filled += len(chunk)
            begin += len(chunk)
            if self._filled == BLOCK:
                self._end_block()
        self._size += len(data)

    def _end_block(self) -> None:
        self._crcs += self._crc.to_bytes(_CRC_BYTES, "little")
        self._crc = self._filled = 0

    def finish(self) -> Checksums:
        """Return the checksums of all chunks; `add` must not be called after that."""
        if self._filled:
            self._end_block()
        return Checksums(self._size, ((0, bytes(self._crcs)),))


class CheckedFile(io.RawIOBase):
    """A file object that returns only bytes that were scanned, and else raises DataError.

    Its size is the scanned one. A file that has grown since is detected when its end is read.

    Args:
      file: The file as it is stored now, opened; closed together with this object.
      checksums: Checksums of at least the blocks that are read.
      path: Path of the file, for messages.
    """

    def __init__(self, file: BinaryIO, checksums: Checksums, *, path: str) -> None:
        self._file = file
        self._checksums = checksums
        self._path = path
        self._position = 0
        # A reader asks for small ranges one after the other: keep the latest blocks, if few.
        self._cached_from, self._cached = 0, b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position and return it, in bytes."""
        begins = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._checksums.size}
        self._position = max(0, begins[whence] + offset)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Read the next `size` bytes, or all up to the end.

        Raises:
          DataError: The bytes are not those that were scanned.
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
        """Read a range of bytes, and verify every block that it touches."""
        first, stop = begin // BLOCK, -(-end // BLOCK)
        start, after = first * BLOCK, min(stop * BLOCK, self._checksums.size)
        is_last = after == self._checksums.size
        self._file.seek(start)
        head, data = self._stored(begin - start), self._stored(end - begin)
        tail = self._stored(after - end + is_last)  # one byte more, where there must be none
        checksums = BlockChecksums()
        for chunk in (head, data, tail):
            checksums.add(chunk)
        self._compare(checksums.finish(), first, stop)
        if stop - first <= _CACHED_BLOCKS:
            self._cached_from, self._cached = start, head + data + tail
        return data

    def _compare(self, actual: Checksums, first: int, stop: int) -> None:
        """Raise DataError where the blocks [first, stop) differ from those of the scan."""
        begin, size = first * BLOCK, self._checksums.size
        end = min(stop * BLOCK, size)
        if actual.size > end - begin:
            raise self._changed(end, end + 1)
        for block in range(first, stop):
            offset = block * BLOCK
            exists = offset - begin < actual.size
            if not exists or actual[block - first] != self._checksums[block]:
                raise self._changed(offset, min(offset + BLOCK, end))

    def _stored(self, size: int) -> bytes:
        """Read the next `size` bytes of the file as it is now, or fewer at its end."""
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
        """Close both files."""
        self._file.close()
        super().close()
