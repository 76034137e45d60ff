"""The scan: counts, byte_ranges, digests, and every file it must refuse."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import pickle
from pathlib import Path
from typing import Any
from unittest import mock

import google_crc32c
import pytest
from helpers.real_data import DATA
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.pipelines.config.csv_format import CsvFormat
from recordmill.pipelines.readers import scan as scan_module
from recordmill.pipelines.readers.scan import file_fragments, scan
from recordmill.pipelines.runtime.checksums import Checksums
from recordmill.pipelines.runtime.elements import ByteRange, FileFragment, InputFile, ScannedFile
from recordmill.schemas.census import CENSUS
from recordmill.schemas.errors import DataError

ADULT = DATA / "census"
needs_data = pytest.mark.skipif(
    not ADULT.is_dir(), reason="the Adult files are not at ../shared/data"
)

PLAIN = CsvFormat(header=False)


def scanned(
    path: Path,
    content: bytes,
    csv_format: CsvFormat = PLAIN,
    *,
    names: str = "a,b",
    block_bytes: int = 1 << 20,
) -> ScannedFile:
    path.write_bytes(content)
    return scan(
        InputFile(str(path), "train", 0),
        column_names=names.split(","),
        csv_format=csv_format,
        block_bytes=block_bytes,
    )


def error_of(path: Path, content: bytes, csv_format: CsvFormat = PLAIN, **options: Any) -> str:
    """The message of the DataError, without the folder."""
    with pytest.raises(DataError) as caught:
        scanned(path, content, csv_format, **options)
    return str(caught.value).replace(f"{path.parent}/", "")


def counts(result: ScannedFile) -> tuple[int, int, int]:
    return result.records, result.blank_lines, result.comment_lines


def test_all_that_is_found(tmp_path: Path) -> None:
    content = b'# of 2026\na,b\n\n1,2\n#,no record\n"3\n3",4\n\n5,6'
    path = tmp_path / "x.csv"
    result = scanned(path, content, CsvFormat(comment="#"), block_bytes=8)
    assert result == ScannedFile(
        file=InputFile(str(path), "train", 0),
        compression="",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        records=3,
        blank_lines=2,
        comment_lines=2,
        byte_ranges=(
            ByteRange(index=0, offset=14, size=17, line=3, lines=3, records=1),
            ByteRange(index=1, offset=31, size=8, line=6, lines=2, records=1),
            ByteRange(index=2, offset=39, size=4, line=8, lines=2, records=1),
        ),
        checksums=Checksums(
            len(content), ((0, google_crc32c.value(content).to_bytes(4, "little")),)
        ),
    )
    assert pickle.loads(pickle.dumps(result)) == result


def test_stretches_of_blank_lines_alone_are_left_out(tmp_path: Path) -> None:
    result = scanned(tmp_path / "x", b"\n\n\n1,2\n\n\n\n3,4\n\n\n\n", block_bytes=2)
    assert counts(result) == (2, 9, 0)
    assert [(s.index, s.offset, s.size, s.line) for s in result.byte_ranges] == [
        (0, 2, 5, 3),
        (1, 9, 5, 7),
    ]


def test_parts_of_a_plain_file_are_its_stretches(tmp_path: Path) -> None:
    result = scanned(tmp_path / "x", b"1,2\n3,4\n", block_bytes=1)
    assert list(file_fragments(result)) == [
        FileFragment(result.file, "", (result.byte_ranges[0],), result.checksums),
        FileFragment(result.file, "", (result.byte_ranges[1],), result.checksums),
    ]


def test_a_compressed_file_is_one_part(tmp_path: Path) -> None:
    result = scanned(tmp_path / "x", gzip.compress(b"1,2\n3,4\n"), block_bytes=1)
    assert list(file_fragments(result)) == [
        FileFragment(result.file, "gzip", result.byte_ranges, result.checksums)
    ]
    empty = scanned(tmp_path / "y", gzip.compress(b"a,b\n"), CsvFormat())
    assert list(file_fragments(empty)) == []


class TestCompression:
    """Cases 1 to 6."""

    @pytest.mark.parametrize(("pack", "name"), [(gzip.compress, "gzip"), (bz2.compress, "bzip2")])
    def test_by_content(self, tmp_path: Path, pack: Any, name: str) -> None:
        content = pack(b"\xef\xbb\xbfa,b\n1,2\n") + pack(b"3,4\n")
        result = scanned(tmp_path / "x.csv", content, CsvFormat())
        assert (result.compression, result.records) == (name, 2)
        assert (result.size, result.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert result.byte_ranges == (ByteRange(0, 7, 8, 2, 2, 2),)

    def test_truncated(self, tmp_path: Path) -> None:
        assert error_of(tmp_path / "x.gz", gzip.compress(b"1,2\n" * 999)[:-10]) == (
            "x.gz: the gzip data ends too soon: the file is truncated. Copy it again."
        )
        assert error_of(tmp_path / "x.bz2", bz2.compress(b"1,2\n" * 999)[:-10]) == (
            "x.bz2: the bzip2 data ends too soon: the file is truncated. Copy it again."
        )

    def test_bad_checksum(self, tmp_path: Path) -> None:
        content = bytearray(gzip.compress(b"1,2\n"))
        content[-8] ^= 1
        assert "x.gz: the gzip data is damaged" in error_of(tmp_path / "x.gz", bytes(content))

    def test_plain_text_called_gz(self, tmp_path: Path) -> None:
        assert error_of(tmp_path / "x.csv.gz", b"1,2\n") == (
            "x.csv.gz: the name says gzip, but the content is not: it begins with 0x312c320a. "
            "Rename the file, or compress it."
        )


class TestText:
    """Cases 8 to 12 and 15 to 18, and what is no UTF-8 text at all."""

    @pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
    def test_line_ends(self, tmp_path: Path, end: bytes) -> None:
        content = end.join([b"a,b", b"1,2", b"", b'"3', b'",4', b"5,6"])
        assert counts(scanned(tmp_path / "x", content, CsvFormat())) == (3, 1, 0)
        assert counts(scanned(tmp_path / "x", content + end, CsvFormat())) == (3, 1, 0)

    def test_byte_order_mark(self, tmp_path: Path) -> None:
        result = scanned(tmp_path / "x", b"\xef\xbb\xbf1,2\n")
        assert result.byte_ranges == (ByteRange(0, 3, 4, 1, 1, 1),)
        result = scanned(tmp_path / "x", b"\xef\xbb\xbfa,b\n", CsvFormat())
        assert counts(result) == (0, 0, 0)

    def test_unclosed_quote(self, tmp_path: Path) -> None:
        assert error_of(tmp_path / "x.csv", b'a,b\n1,"x\n"\n2,"y\n3,z\n', CsvFormat()) == (
            'x.csv:4: the quote that opens here is never closed. Close it, or set quote to "" if '
            "the file does not quote its fields."
        )
        assert scanned(tmp_path / "x.csv", b'1,"x\n2,"y\n3,z\n', CsvFormat(header=False, quote=""))

    def test_header_only(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        result = scanned(tmp_path / "x.csv", b"a,b\n", CsvFormat())
        assert (counts(result), result.byte_ranges) == ((0, 0, 0), ())
        assert caplog.messages == [f"{tmp_path}/x.csv: the file has no records"]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "x: the file is empty (0 bytes): expected CSV text"),
            (b"\xef\xbb\xbf", "x: the file has no text: expected CSV"),
            (gzip.compress(b"", mtime=0), "x: the file has no text: expected CSV"),
            (b"\n#\n", "x: there is no header: expected one that names a,b"),
        ],
    )
    def test_nothing_in_it(self, tmp_path: Path, content: bytes, message: str) -> None:
        assert error_of(tmp_path / "x", content, CsvFormat(comment="#")) == message

    @pytest.mark.parametrize(
        ("content", "name"),
        [
            ("a,b\n".encode("utf-16"), "UTF-16"),
            (b"\xfe\xff\x00a", "UTF-16"),
            (b"PK\x03\x04....", "zip (or Excel)"),
            (b"\xfd7zXZ\x00", "xz"),
            (b"\x28\xb5\x2f\xfd\x00", "zstd"),
        ],
    )
    def test_no_utf8(self, tmp_path: Path, content: bytes, name: str) -> None:
        assert error_of(tmp_path / "x", content) == (
            "x: expected CSV text in UTF-8, plain or compressed with gzip or bzip2; got "
            f"{name} data. Convert the file."
        )

    @pytest.mark.parametrize("content", [b'1,2\n\n3,"' + b"4\n" * 60 + b'"\n', b"\n\n" + b"4" * 99])
    def test_a_record_without_measure(self, tmp_path: Path, content: bytes) -> None:
        with (
            mock.patch.object(scan_module, "MAX_RECORD_BYTES", 64),
            mock.patch.object(scan_module, "_CHUNK", 16),
        ):
            assert error_of(tmp_path / "x", content) == (
                "x:3: the record that begins here is longer than 64 bytes. Is a closing quote "
                "missing?"
            )


class TestHeader:
    """Case 21."""

    @pytest.mark.parametrize(
        "header", [b"a,b\n", b' a , b \r\n1,2"', b'\n\n#c\n"a","b"\n', b"a,b", b"\xef\xbb\xbfa,b"]
    )
    def test_good(self, tmp_path: Path, header: bytes) -> None:
        scanned(tmp_path / "x", header, CsvFormat(comment="#"))

    @pytest.mark.parametrize(
        ("header", "difference", "got"),
        [
            (b"b,a\n", "they are in another order", "b,a"),
            (b"a\n", "missing b", "a"),
            (b"a,b,c\n", "unexpected c", "a,b,c"),
            (b"a,b,a\n", "repeated a", "a,b,a"),
            (b"A,b,b\n", "missing a; unexpected A; repeated b", "A,b,b"),
            (b"1,2\n3,4\n", "missing a, b; unexpected 1, 2", "1,2"),
        ],
    )
    def test_other_names(self, tmp_path: Path, header: bytes, difference: str, got: str) -> None:
        assert error_of(tmp_path / "x.csv", b"\n" + header, CsvFormat()) == (
            "x.csv:2: the header does not name the columns of the schema in their order: "
            f"{difference}; expected a,b; got {got}"
        )

    def test_not_utf8(self, tmp_path: Path) -> None:
        assert error_of(tmp_path / "x.csv", b"a,\xe9\n", CsvFormat()) == (
            "x.csv:1: the header is not UTF-8 text: 'utf-8' codec can't decode byte 0xe9 in "
            "position 2: invalid continuation byte. The bytes look like Latin-1, in which they "
            'read "a,é": convert the file, as `iconv -f ISO-8859-1 -t UTF-8` does.'
        )

    def test_one_column(self, tmp_path: Path) -> None:
        assert scanned(tmp_path / "x", b"a\n1\n", CsvFormat(), names="a").records == 1


@settings(max_examples=100, deadline=None)
@given(
    content=st.text(alphabet='ab,"#\n\r', min_size=1, max_size=80).map(str.encode),
    chunk=st.integers(1, 20),
    block_bytes=st.integers(1, 40),
)
def test_neither_chunks_nor_blocks_change_the_counts(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, chunk: int, block_bytes: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "x"
    csv_format = CsvFormat(header=False, comment="#")
    try:
        expected = scanned(path, content, csv_format)
    except DataError as error:
        with mock.patch.object(scan_module, "_CHUNK", chunk):
            assert error_of(path, content, csv_format) == str(error).replace(f"{path.parent}/", "")
        return
    with mock.patch.object(scan_module, "_CHUNK", chunk):
        pieces = scanned(path, content, csv_format, block_bytes=block_bytes)
    assert counts(pieces) == counts(expected)
    assert sum(stretch.records for stretch in pieces.byte_ranges) == expected.records
    assert pieces.sha256 == expected.sha256
    with mock.patch.object(scan_module, "_CHUNK", 1 << 20):
        assert scanned(path, content, csv_format, block_bytes=block_bytes) == pieces


@needs_data
@pytest.mark.parametrize(
    ("name", "records", "sha256"),
    [("adult.data", 32_561, "5b002646"), ("adult.test", 16_281, "a2a9044b")],
)
def test_adult(name: str, records: int, sha256: str) -> None:
    """Case 22. Both files end in a blank line; adult.test begins with a `|` line."""
    result = scan(
        InputFile(str(ADULT / name), None, 0),
        column_names=CENSUS.names,
        csv_format=CsvFormat(header=False, comment="|"),
        block_bytes=1 << 20,
    )
    assert counts(result) == (records, 1, int(name == "adult.test"))
    assert result.sha256.startswith(sha256)
    assert len(result.byte_ranges) == {"adult.data": 4, "adult.test": 2}[name]
