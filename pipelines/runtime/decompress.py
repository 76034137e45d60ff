"""A stored file as a stream of text bytes: decompressed, and digested on the way.

What the content is decides, not what the name says. A compressed file that ends too soon, fails
its checksum or goes on with something else is an error; the readers of Beam and of the standard
library pass over some of these in silence.
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
    """A stored file that counts and hashes its bytes while they are read, on another thread.

    Beside the digest of all of them it takes the checksums of their blocks.

    Attributes:
      size: The bytes read so far.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self._blocks = BlockChecksums()
        self._thread = ThreadPoolExecutor(1)
        self._hashing: Future[None] | None = None
        self.size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        data = self._file.read(len(target))
        target[: len(data)] = data
        if self._hashing:
            self._hashing.result()
        self._hashing = self._thread.submit(self._sha256.update, data)
        self._blocks.add(data)  # meanwhile: the other thread would have to wait for this one
        self.size += len(data)
        return len(data)

    def sha256(self) -> str:
        """The digest of what was read so far, in hex."""
        if self._hashing:
            self._hashing.result()
        return self._sha256.hexdigest()

    def checksums(self) -> Checksums:
        """The checksums of all that was read; to be asked for once, at the end."""
        return self._blocks.finish()

    def close(self) -> None:
        self._thread.shutdown()
        self._file.close()
        super().close()


class _Decompressed(io.RawIOBase):
    """The text of a gzip or bzip2 file of one or more members, one after the other."""

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
        """The next bytes, at most `limit`; none at the end."""
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
        """Goes on to the next member; zeros between members are padding."""
        rest: bytes = self._member.unused_data.lstrip(b"\0")
        while len(rest) < 16 and (more := self._stored.read(_CHUNK)):
            rest = (rest + more).lstrip(b"\0")
        if not rest:
            return False
        if _compression(rest) != self._compression:
            raise DataError(
                f"{self._path}: after the end of the {self._compression} data come bytes that are "
                f"no {self._compression} data: 0x{rest[:4].hex()}"
            )
        self._member, self._input = self._new_member(), rest
        return True

    def _new_member(self) -> Any:
        return zlib.decompressobj(31) if self._compression == "gzip" else bz2.BZ2Decompressor()


def open_decompressed(path: str) -> BinaryIO:
    """Open any path of Beam's filesystems; the bytes are those stored.

    Raises:
      DataError: It cannot be opened, or is a folder.
    """
    try:
        file: BinaryIO = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
        return file
    except IsADirectoryError as error:
        raise DataError(f'{path}: is a folder; name its files, as in "{path}/*.csv"') from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def open_text(stored: BinaryIO, *, path: str, compression: Compression) -> BinaryIO:
    """The text of a stored file, decompressed, as bytes.

    Args:
      stored: Where the file begins; read to its end once the text is.
      path: Its path, for messages.
      compression: What `detect_compression` said.

    Returns:
      A stream. Reading it raises DataError where compressed data is truncated, damaged, or
      followed by anything but zeros or another compressed member.
    """
    if not compression:
        return stored
    return io.BufferedReader(_Decompressed(stored, compression, path=path), _CHUNK)


def detect_compression(head: bytes, *, path: str) -> Compression:
    """The compression of a stored file, by its first 16 bytes.

    Raises:
      DataError: There is no byte, or the path ends in ".gz" or ".bz2" and the content is neither.
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
