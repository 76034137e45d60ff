"""Decompression: detection by content, errors for damaged data, digests."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from recordmill.pipelines.runtime.decompress import (
    Compression,
    Digest,
    detect_compression,
    open_decompressed,
    open_text,
)
from recordmill.schemas.errors import DataError

TEXT = b"".join(b"%d,row %d\n" % (i, i * i) for i in range(30_000))
COMPRESS = {"gzip": gzip.compress, "bzip2": bz2.compress}


def read(stored: bytes, compression: Compression) -> bytes:
    return open_text(io.BytesIO(stored), path="a.csv", compression=compression).read()


def error_of(stored: bytes, compression: Compression) -> str:
    with pytest.raises(DataError) as caught:
        read(stored, compression)
    return str(caught.value)


@pytest.mark.parametrize("compression", ["gzip", "bzip2"])
class TestCompressed:
    def test_is_recognised_and_read(self, compression: Compression) -> None:
        stored = COMPRESS[compression](TEXT)
        assert detect_compression(stored[:16], path="a.csv") == compression
        assert read(stored, compression) == TEXT

    @pytest.mark.parametrize("size", [0, 1, 700_000])
    def test_every_member_is_read(self, compression: Compression, size: int) -> None:
        pack = COMPRESS[compression]
        stored = pack(TEXT[:size]) + pack(b"") + pack(TEXT[size:])
        assert detect_compression(stored[:16], path="a.csv") == compression
        assert read(stored, compression) == TEXT

    def test_zeros_after_a_member_are_padding(self, compression: Compression) -> None:
        member = COMPRESS[compression](b"a,b\n")
        assert read(member + bytes(1 << 19) + member + bytes(3), compression) == b"a,b\na,b\n"

    @pytest.mark.parametrize("share", [0.5, 0.999])
    def test_truncated(self, compression: Compression, share: float) -> None:
        stored = COMPRESS[compression](TEXT)
        assert error_of(stored[: int(len(stored) * share)], compression) == (
            f"a.csv: the {compression} data ends too soon: the file is truncated. Copy it again."
        )

    def test_without_its_last_byte(self, compression: Compression) -> None:
        assert "ends too soon" in error_of(COMPRESS[compression](TEXT)[:-1], compression)

    def test_second_member_truncated(self, compression: Compression) -> None:
        member = COMPRESS[compression](TEXT)
        assert "ends too soon" in error_of(member + member[:-9], compression)

    def test_followed_by_something_else(self, compression: Compression) -> None:
        assert error_of(COMPRESS[compression](TEXT) + b"a,b\nc,d\n", compression) == (
            f"a.csv: after the end of the {compression} data come bytes that are no {compression} "
            "data: 0x612c620a"
        )

    def test_a_read_is_bounded(self, compression: Compression) -> None:
        """A few hundred bytes can expand to megabytes, which must not arrive in one chunk."""
        stored = COMPRESS[compression](bytes(50 << 20))
        text = cast(
            io.BufferedReader, open_text(io.BytesIO(stored), path="a", compression=compression)
        )
        sizes = [len(piece) for piece in iter(text.read1, b"")]
        assert sum(sizes) == 50 << 20
        assert max(sizes) <= 1 << 20


def test_gzip_with_a_bad_checksum() -> None:
    stored = bytearray(gzip.compress(TEXT))
    stored[-6] ^= 1
    assert error_of(bytes(stored), "gzip") == (
        "a.csv: the gzip data is damaged (Error -3 while decompressing data: incorrect data "
        "check). Copy the file again."
    )


def test_bzip2_with_a_bad_block() -> None:
    stored = bytearray(bz2.compress(TEXT))
    stored[len(stored) // 2] ^= 1
    assert error_of(bytes(stored), "bzip2") == (
        "a.csv: the bzip2 data is damaged (Invalid data stream). Copy the file again."
    )


@pytest.mark.parametrize(
    ("head", "path"),
    [(b"BZh9,a,b\n", "a.csv"), (b"a", "a.csv"), (b"\x1f\x8b", "a.csv"), (b"a,b\n", "gz.csv")],
)
def test_plain_text_is_plain(head: bytes, path: str) -> None:
    assert detect_compression(head, path=path) == ""


@pytest.mark.parametrize(
    ("path", "named"), [("a.csv.gz", "gzip"), ("a.GZIP", "gzip"), ("a.bz2", "bzip2")]
)
def test_plain_text_under_the_name_of_a_compressed_file(path: str, named: str) -> None:
    with pytest.raises(DataError) as caught:
        detect_compression(b"39, State-gov", path=path)
    assert str(caught.value) == (
        f"{path}: the name says {named}, but the content is not: it begins with 0x33392c20. "
        "Rename the file, or compress it."
    )


def test_zero_bytes() -> None:
    with pytest.raises(DataError) as caught:
        detect_compression(b"", path="a.csv.gz")
    assert str(caught.value) == "a.csv.gz: the file is empty (0 bytes): expected CSV text"


def test_digest_of_the_bytes_read() -> None:
    with Digest(io.BytesIO(TEXT)) as digest:
        reader = io.BufferedReader(digest, 1000)
        assert reader.read() == TEXT
        assert digest.size == len(TEXT)
        assert digest.sha256() == hashlib.sha256(TEXT).hexdigest()


def test_digest_of_a_compressed_file_is_of_all_stored_bytes() -> None:
    stored = gzip.compress(TEXT) + bytes(100_000)
    with Digest(io.BytesIO(stored)) as digest:
        reader = cast(BinaryIO, io.BufferedReader(digest, 1000))
        open_text(reader, path="a", compression="gzip").read()
        assert digest.size == len(stored)
        assert digest.sha256() == hashlib.sha256(stored).hexdigest()


def test_files_that_do_not_open(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        open_decompressed(str(tmp_path))
    assert str(caught.value) == f'{tmp_path}: is a folder; name its files, as in "{tmp_path}/*.csv"'
    with pytest.raises(DataError, match=r"/none: cannot be read: .*No such file"):
        open_decompressed(f"{tmp_path}/none")
