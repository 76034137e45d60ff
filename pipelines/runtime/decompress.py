"""Streams of decompressed text: detect the compression, decompress, and hash in one pass.

The content decides about the compression, not the name. A compressed file that is truncated, fails
its checksum or continues with other data is an error; the readers of Beam and of the standard
library ignore some of these silently.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import zlib
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from ...schemas.errors import DataError
from .checksums import BlockChecksums, Checksums

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["Compression", "Digest", "open_decompressed", "detect_compression", "open_text"]

Compression = Literal["", "gzip", "bzip2"]

_CHUNK = 1 << 18

_MAGIC: dict[Compression, bytes] = {"gzip": b"\x1f\x8b\x08", "bzip2": b"BZh"}
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17rE8P\x90")
_SUFFIXES = {".gz": "gzip", ".gzip": "gzip", ".bz2": "bzip2"}


class Digest(io.RawIOBase):
    """A file object that counts and hashes its bytes while they are read, on another thread.

    It computes the SHA-256 of all bytes, and the checksums of their blocks.

    Attributes:
      size: Number of bytes read so far.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self._blocks = BlockChecksums()
        self._thread = ThreadPoolExecutor(1)
        self._hashing: Future[None] | None = None
        self.size = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read the next bytes into a buffer, and return their number; 0 at the end."""
        target = memoryview(buffer).cast("B")
        data = self._file.read(len(target))
        target[: len(data)] = data
        if self._hashing:
            self._hashing.result()
        self._hashing = self._thread.submit(self._sha256.update, data)
        self._blocks.add(data)  # on this thread, while the other one computes the SHA-256
        self.size += len(data)
        return len(data)

    def sha256(self) -> str:
        """Return the SHA-256 of all bytes read so far, in hex."""
        if self._hashing:
            self._hashing.result()
        return self._sha256.hexdigest()

    def checksums(self) -> Checksums:
        """Return the block checksums of all bytes read; call it once, at the end."""
        return self._blocks.finish()

    def close(self) -> None:
        """Close the file and end the thread."""
        self._thread.shutdown()
        self._file.close()
        super().close()


class _Decompressed(io.RawIOBase):
    """The text of a gzip or bzip2 file, which may consist of several members."""

    def __init__(self, stored: BinaryIO, compression: Compression, *, path: str) -> None:
        self._stored = stored
        self._compression = compression
        self._path = path
        self._member = self._new_member()
        self._input = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        data = self._read(len(target))
        target[: len(data)] = data
        return len(data)

    def _read(self, limit: int) -> bytes:
        """Return the next bytes, at most `limit`; none at the end."""
        while True:
            if self._member.eof and not self._begin_next_member():
                return b""
            if data := self._decompress(limit):
                return data
            if not self._member.eof and not self._input:
                self._input = self._stored.read(_CHUNK)
                if not self._input:
                    raise DataError(
                        f"{self._path}: the {self._compression} data ends too soon: the file is "
                        "truncated. Copy it again."
                    )

    def _decompress(self, limit: int) -> bytes:
        try:
            data: bytes = self._member.decompress(self._input, limit)
        except (zlib.error, OSError) as error:
            raise DataError(
                f"{self._path}: the {self._compression} data is damaged ({error}). "
                "Copy the file again."
            ) from error
        self._input = getattr(self._member, "unconsumed_tail", b"")
        return data

    def _begin_next_member(self) -> bool:
        """Begin the next member, if there is one; zeros between members are padding."""
        head: bytes = self._member.unused_data.lstrip(b"\0")
        while len(head) < 16 and (more := self._stored.read(_CHUNK)):
            head = (head + more).lstrip(b"\0")
        if not head:
            return False
        if _compression(head) != self._compression:
            raise DataError(
                f"{self._path}: after the end of the {self._compression} data come bytes that are "
                f"no {self._compression} data: 0x{head[:4].hex()}"
            )
        self._member, self._input = self._new_member(), head
        return True

    def _new_member(self) -> Any:
        # 31: the largest window, 15, and 16 to expect the header and the checksum of gzip.
        return zlib.decompressobj(31) if self._compression == "gzip" else bz2.BZ2Decompressor()


def open_decompressed(path: str) -> BinaryIO:
    """Open a path of any of Beam's filesystems; the bytes are as stored, not decompressed.

    Raises:
      DataError: The path cannot be opened, or is a folder.
    """
    try:
        file: BinaryIO = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
        return file
    except IsADirectoryError as error:
        raise DataError(f'{path}: is a folder; name its files, as in "{path}/*.csv"') from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def open_text(stored: BinaryIO, *, path: str, compression: Compression) -> BinaryIO:
    """Return a stream of the decompressed text of a file, as bytes.

    Args:
      stored: The file, at its start; at its end once the text is read to the end.
      path: Path of the file, for messages.
      compression: The result of `detect_compression`.

    Returns:
      A stream. Reading it raises DataError where compressed data is truncated, damaged, or
      followed by anything but zeros or another compressed member.
    """
    if not compression:
        return stored
    return io.BufferedReader(_Decompressed(stored, compression, path=path), _CHUNK)


def detect_compression(head: bytes, *, path: str) -> Compression:
    """Return the compression of a file, detected by its first 16 bytes.

    Raises:
      DataError: The file is empty, or its name ends in ".gz" or ".bz2" and the content is neither.
    """
    if not head:
        raise DataError(f"{path}: the file is empty (0 bytes): expected CSV text")
    compression = _compression(head)
    named = next((name for end, name in _SUFFIXES.items() if path.lower().endswith(end)), "")
    if named and not compression:
        raise DataError(
            f"{path}: the name says {named}, but the content is not: it begins with "
            f"0x{head[:4].hex()}. Rename the file, or compress it."
        )
    return compression


def _compression(head: bytes) -> Compression:
    if head.startswith(_MAGIC["gzip"]):
        return "gzip"
    if head.startswith(_MAGIC["bzip2"]) and head[4:10] in _BZIP2_BLOCKS:
        return "bzip2"
    return ""
