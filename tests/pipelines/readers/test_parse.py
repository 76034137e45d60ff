"""Stretches to blocks: every record is a row or a reject, on its own line."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import os
import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from helpers.real_data import DATA
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recordmill.pipelines.config.csv_format import CsvFormat
from recordmill.pipelines.readers.parse import parse_byte_range, parse_fragment
from recordmill.pipelines.readers.scan import file_fragments, scan
from recordmill.pipelines.runtime.checksums import BLOCK
from recordmill.pipelines.runtime.elements import ByteRange, InputFile, Reject, TextBatch
from recordmill.schemas.census import CENSUS
from recordmill.schemas.errors import DataError

ADULT = DATA / "census"
needs_data = pytest.mark.skipif(
    not ADULT.is_dir(), reason="the Adult files are not at ../shared/data"
)

PLAIN = CsvFormat(header=False)

Row = tuple[int, tuple[str, ...]]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parse") / "x.csv"


def blocks_of(
    path: Path,
    content: bytes,
    csv_format: CsvFormat = PLAIN,
    *,
    names: str = "a,b",
    block_bytes: int = 1 << 20,
) -> list[TextBatch]:
    """Return the batches of a file with this content."""
    path.write_bytes(content)
    options: dict[str, Any] = {"column_names": names.split(","), "csv_format": csv_format}
    result = scan(InputFile(str(path), "train", 3), block_bytes=block_bytes, **options)
    return [block for part in file_fragments(result) for block in parse_fragment(part, **options)]


def rows_of(blocks: list[TextBatch]) -> list[Row]:
    """(line, fields) of each row."""
    return [
        (line, tuple(row.values()))
        for block in blocks
        for line, row in zip(block.lines.tolist(), block.batch.to_pylist(), strict=True)
    ]


def rejects_of(blocks: list[TextBatch]) -> list[str]:
    """Each reject with its reason, without the folder."""
    return [
        f"{reject}|{reject.reason}|{reject.raw}".replace(f"{Path(block.file).parent}/", "")
        for block in blocks
        for reject in block.rejects
    ]


def test_block(path: Path) -> None:
    first, second = blocks_of(path, b'a,b\n1,"x\ny"\n2,y\n3,y', CsvFormat(), block_bytes=12)
    assert (first.split, first.file, first.position) == ("train", str(path), (3, 0))
    assert (first.records, first.size, first.rejects) == (2, 12, ())
    assert (second.records, second.size, second.position) == (1, 3, (3, 1))
    text = pa.dictionary(pa.int32(), pa.string())
    assert first.batch.schema == pa.schema([("a", text), ("b", text)])
    assert rows_of([first, second]) == [(2, ("1", "x\ny")), (4, ("2", "y")), (5, ("3", "y"))]
    assert [first.raw(0), first.raw(1), second.raw(0)] == ['1,"x\ny"', "2,y", "3,y"]


def test_a_block_survives_a_worker_boundary(path: Path) -> None:
    (block,) = blocks_of(path, b"1\n1,2\n\n3,4\n")
    copy = pickle.loads(pickle.dumps(block))
    assert rows_of([copy]) == rows_of([block]) == [(2, ("1", "2")), (4, ("3", "4"))]
    assert (copy.rejects, copy.raw(1)) == (block.rejects, "3,4")


class TestRows:
    @pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
    @pytest.mark.parametrize("block_bytes", [1, 9, 100])
    def test_line_ends(self, path: Path, end: bytes, block_bytes: int) -> None:
        """Cases 10, 11, 17 and 18."""
        content = end.join([b"1,2", b"", b'"3', b'",4', b"5,6"])
        expected = [(1, ("1", "2")), (3, ("3" + end.decode(), "4")), (5, ("5", "6"))]
        assert rows_of(blocks_of(path, content, block_bytes=block_bytes)) == expected
        assert rows_of(blocks_of(path, content + end, block_bytes=block_bytes)) == expected

    def test_every_text_is_a_value(self, path: Path) -> None:
        content = b'NA,\n"",null\n x ,"a""b"\n"p"q"r,\'\n\xe2\x82\xac,5" pipe\n'
        assert [row for _, row in rows_of(blocks_of(path, content))] == [
            ("NA", ""),
            ("", "null"),
            (" x ", 'a"b'),
            ('pq"r', "'"),
            ("€", '5" pipe'),
        ]

    def test_one_column(self, path: Path) -> None:
        content = b'1\n\n""\n  \n"\n"\n'
        rows = rows_of(blocks_of(path, content, names="a"))
        assert rows == [(1, ("1",)), (3, ("",)), (4, ("  ",)), (5, ("\n",))]

    def test_comments(self, path: Path) -> None:
        content = b'#"\n1,2\n#,3\n4,#5\n "#",6\n"#\n#",7\n#\xff\0'
        rows = rows_of(blocks_of(path, content, CsvFormat(header=False, comment="#")))
        assert rows == [
            (2, ("1", "2")),
            (4, ("4", "#5")),
            (5, (' "#"', "6")),
            (6, ("#\n#", "7")),
        ]

    def test_other_characters(self, path: Path) -> None:
        content = b"'1;x';2\n3;\"4\n"
        csv_format = CsvFormat(header=False, delimiter=";", quote="'")
        assert rows_of(blocks_of(path, content, csv_format)) == [
            (1, ("1;x", "2")),
            (2, ("3", '"4')),
        ]
        csv_format = CsvFormat(header=False, delimiter="\t", quote="")
        assert rows_of(blocks_of(path, b'"1\t2"\n', csv_format)) == [(1, ('"1', '2"'))]

    @pytest.mark.parametrize("block_bytes", [1, 100])
    def test_a_byte_order_mark_is_dropped_only_at_the_start(
        self, path: Path, block_bytes: int
    ) -> None:
        """Case 9. Files with a mark that were put together keep theirs, wherever blocks begin."""
        mark = b"\xef\xbb\xbf"
        blocks = blocks_of(path, mark + b"1,2\n" + mark + b"3,4\n", block_bytes=block_bytes)
        assert rows_of(blocks) == [(1, ("1", "2")), (2, ("\ufeff3", "4"))]
        assert [block.raw(row) for block in blocks for row in range(block.batch.num_rows)] == [
            "1,2",
            "\ufeff3,4",
        ]

    @pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
    def test_compressed(self, path: Path, pack: Any) -> None:
        content = b"\xef\xbb\xbfa,b\n" + b"".join(b"%d,x\n\n" % i for i in range(5000))
        blocks = blocks_of(path, pack(content), CsvFormat(), block_bytes=1000)
        assert rows_of(blocks) == rows_of(blocks_of(path, content, CsvFormat(), block_bytes=1000))
        assert [block.position[1] for block in blocks] == list(range(len(blocks)))


class TestRejects:
    """Cases 7, 8, 13, 14 and 19."""

    @pytest.mark.parametrize("block_bytes", [1, 5, 1000])
    def test_reasons(self, path: Path, block_bytes: int) -> None:
        content = (
            b"1,2\n3,4,5\n6\n\n7,caf\xe9\n\xff\n8,\0\n9," + b"x" * 11 + b"\n,\n"
            b'10,"y"\n11,"long but\nquoted",z\n'
        )
        csv_format = CsvFormat(header=False, max_field_bytes=10)
        blocks = blocks_of(path, content, csv_format, block_bytes=block_bytes)
        assert rejects_of(blocks) == [
            "x.csv:2: expected 2 fields, got 3|too_many_fields|3,4,5",
            "x.csv:3: expected 2 fields, got 1|too_few_fields|6",
            "x.csv:5: expected UTF-8 text, got 0xe9 at byte 6 of the record"
            "|invalid_utf8|7,caf\\xe9",
            "x.csv:6: expected UTF-8 text, got 0xff at byte 1 of the record|invalid_utf8|\\xff",
            "x.csv:7: expected text, got a NUL byte|nul_byte|8,\0",
            'x.csv:8: column "b": expected at most 10 bytes, got 11|field_too_long|9,xxxxxxxxxxx',
            "x.csv:11: expected 2 fields, got 3 in lines 11 to 12: is a quote missing?"
            '|too_many_fields|11,"long but\nquoted",z',
        ]
        assert rows_of(blocks) == [(1, ("1", "2")), (9, ("", "")), (10, ("10", "y"))]
        assert sum(block.records for block in blocks) == 10
        if len(blocks) == 1:
            assert [blocks[0].raw(row) for row in range(3)] == ["1,2", ",", '10,"y"']

    def test_only_rejects(self, path: Path) -> None:
        for content in (b"1\n2\n", b"\0,\n\xff,\n"):
            (block,) = blocks_of(path, content)
            assert (block.batch.num_rows, len(block.rejects)) == (0, 2)
            assert block.batch.schema.names == ["a", "b"]

    def test_a_quote_that_swallowed_a_row(self, path: Path) -> None:
        """Line 2 lacks a quote; pyarrow would make one good row of lines 2 and 3."""
        blocks = blocks_of(path, b'1,"x"\n2,"y\n3,"z"\n4,"w"\n')
        assert rejects_of(blocks) == [
            "x.csv:2: a quoted field continues after its closing quote in lines 2 to 3: is a quote "
            'missing?|misplaced_quote|2,"y\n3,"z"'
        ]
        assert rows_of(blocks) == [(1, ("1", "x")), (4, ("4", "w"))]

    def test_a_field_of_3_mb(self, path: Path) -> None:
        long = b'1,"' + "é".encode() * 1_500_000 + b'"\n'
        (block,) = blocks_of(path, b"0,1\n" + long + b"2,3\n", block_bytes=1 << 24)
        assert block.rejects == (
            Reject(
                file=str(path),
                line=2,
                column="b",
                reason="field_too_long",
                message="expected at most 1,048,576 bytes, got 3,000,000",
                raw='1,"' + "é" * 9_997,
            ),
        )
        assert rows_of([block]) == [(1, ("0", "1")), (3, ("2", "3"))]
        assert block.batch["b"].dictionary.to_pylist() == ["1", "3"]
        accepted = blocks_of(path, long, CsvFormat(header=False, max_field_bytes=3_000_000))
        assert accepted[0].rejects == ()

    def test_the_limit_is_of_the_unquoted_field(self, path: Path) -> None:
        csv_format = CsvFormat(header=False, max_field_bytes=2)
        assert blocks_of(path, b'"""1",23\n', csv_format)[0].rejects == ()
        (block,) = blocks_of(path, b'"""12",345\n', csv_format)
        assert [reject.column for reject in block.rejects] == ["a"]

    def test_raw_is_cut_to_10_000_characters(self, path: Path) -> None:
        (block,) = blocks_of(path, b"\xff" * 20_000 + b"\n1,2\n")
        assert block.rejects[0].raw == "\\xff" * 2_500


def edit(path: Path, content: bytes) -> None:
    """Write other content, and put the time stamps back."""
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def changed(path: Path, begin: int, end: int) -> str:
    return (
        f"{path}: the file changed while it was read: expected the bytes that were scanned, got "
        f"others between byte {begin:,} and byte {end:,}. Run again when nothing writes to it."
    )


def error_after(path: Path, content: bytes, change: bytes, **options: Any) -> str:
    """Why a file cannot be parsed that has other content since it was scanned."""
    path.write_bytes(content)
    how: dict[str, Any] = {"column_names": ["a", "b"], "csv_format": CsvFormat()}
    file = scan(InputFile(str(path), None, 0), **{"block_bytes": 1 << 20, **options}, **how)
    edit(path, change)
    with pytest.raises(DataError) as caught:
        for part in file_fragments(file):
            list(parse_fragment(part, **how))
    return str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        *(b"a,b\n1,2\n3,5\n", b"a,b\n2,2\n3,4\n", b"b,a\n1,2\n3,4\n", b"a,b\n1,2\n3,4\r"),
        *(b"a,b\n1,2\n3\n4\n", b"a,b\n1\n\n,3,4", b"\0" * 12, b""),
        *(b"a,b\n1,2\n3,4", b"a,b\n1,2\n"),
    ],
)
def test_a_file_that_changed_since_the_scan(path: Path, change: bytes) -> None:
    """Case 48: of the same size too."""
    content = b"a,b\n1,2\n3,4\n"
    assert error_after(path, content, change) == changed(path, 0, 12)


def test_a_file_that_grew_since_the_scan(path: Path) -> None:
    content = b"a,b\n1,2\n3,4\n"
    assert error_after(path, content, content + b"5,6\n") == changed(path, 12, 13)
    long = b"a,b\n" + b"1,2\n" * (BLOCK // 4 - 1)
    assert len(long) == BLOCK
    assert error_after(path, long, long + b"5,6\n") == changed(path, BLOCK, BLOCK + 1)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_compressed_file_that_changed_since_the_scan(path: Path, pack: Any) -> None:
    content = b"a,b\n" + b"1,2\n" * 1000
    stored = pack(content)
    for change in (pack(content.replace(b"1", b"3")), stored + stored, stored[:-1] + b"\1"):
        message = error_after(path, stored, change, block_bytes=100)
        assert message.startswith(f"{path}: the file changed while it was read: ")


@settings(max_examples=60)
@given(position=st.integers(0, 3 * BLOCK), block_bytes=st.sampled_from([50_000, BLOCK, 1 << 24]))
def test_every_edited_byte_of_the_records_is_found(
    path: Path, position: int, block_bytes: int
) -> None:
    content = bytearray(b"a,b\n" + b"1,2\n" * BLOCK)
    before = bytes(content)
    content[position] = ord("7")
    begin = position // BLOCK * BLOCK
    end = min(begin + BLOCK, len(before))
    message = error_after(path, before, bytes(content), block_bytes=block_bytes)
    assert message == changed(path, begin, end)


def test_a_text_that_does_not_hold_what_was_counted() -> None:
    stretch = ByteRange(0, 0, 8, 1, 2, 2)
    with pytest.raises(DataError) as caught:
        file = InputFile("x.csv", None, 0)
        parse_byte_range(b"1,234567", stretch, file=file, column_names=["a", "b"], csv_format=PLAIN)
    assert str(caught.value) == (
        "x.csv:1: the scan counted 2 records in 8 bytes from here, and the parser 1 in 8. This is "
        "a bug in recordmill."
    )


FIELDS = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), max_size=8)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(FIELDS, min_size=width, max_size=width), max_size=12)
)


@settings(max_examples=60, deadline=None)
@given(
    table=TABLES,
    line_end=st.sampled_from(["\n", "\r\n"]),
    blanks=st.lists(st.integers(0, 2), min_size=12, max_size=12),
    quote_all=st.booleans(),
    block_bytes=st.integers(1, 60),
)
@example([["a\r", "\n"], ['"', '"",']], "\n", [1] * 12, False, 1)
def test_what_the_csv_module_writes_is_read_back(
    path: Path,
    table: list[list[str]],
    line_end: str,
    blanks: list[int],
    quote_all: bool,
    block_bytes: int,
) -> None:
    """Quoted line ends, doubled quotes, blank lines, any text; with blocks of any size."""
    out = io.StringIO(newline="")
    has_cr = any("\r" in value for row in table for value in row)  # Python 3.11 leaves it bare
    quoting = csv.QUOTE_ALL if quote_all or has_cr else csv.QUOTE_MINIMAL
    writer = csv.writer(out, lineterminator=line_end, quoting=quoting)
    expected: list[Row] = []
    for row, blank in zip(table, blanks, strict=False):
        out.write(line_end * blank)
        line = 1 + len(out.getvalue().encode().splitlines())
        writer.writerow(row)
        expected.append((line, tuple(row)))
    content = out.getvalue().encode()
    if not content:
        return
    names = ",".join(f"c{i}" for i in range(len(table[0])))
    blocks = blocks_of(path, content, names=names, block_bytes=block_bytes)
    assert rejects_of(blocks) == []
    assert rows_of(blocks) == expected
    assert rows_of(blocks_of(path, content, names=names)) == expected


RECORDS = st.sampled_from(
    [
        b"1,2",
        b'"3\n",4',
        b"5",
        b"6,7,8",
        b"\xc3,9",
        b"\0,1",
        b"2," + b"x" * 30,
        b"",
        b"#,",
        b'"a"b,c',
    ]
)


@settings(max_examples=60, deadline=None)
@given(records=st.lists(RECORDS, min_size=1, max_size=20), block_bytes=st.integers(1, 60))
def test_good_and_bad_mixed(path: Path, records: list[bytes], block_bytes: int) -> None:
    """Bad records change no other record, whatever block they share."""
    csv_format = CsvFormat(header=False, comment="#", max_field_bytes=20)
    content = b"\n".join(records) + b"\n"
    blocks = blocks_of(path, content, csv_format, block_bytes=block_bytes)
    (complete,) = blocks_of(path, content, csv_format) or [None]
    if complete is None:
        assert blocks == []
        return
    assert rows_of(blocks) == rows_of([complete])
    assert rejects_of(blocks) == rejects_of([complete])
    good = {b"1,2": ("1", "2"), b'"3\n",4': ("3\n", "4"), b'"a"b,c': ("ab", "c")}
    assert [row for _, row in rows_of(blocks)] == [good[r] for r in records if r in good]
    raws = [block.raw(row).encode() for block in blocks for row in range(block.batch.num_rows)]
    assert raws == [record for record in records if record in good]
    assert len(complete.rejects) == sum(r not in good and r not in (b"", b"#,") for r in records)


@needs_data
@pytest.mark.parametrize("block_bytes", [100_000, 1 << 24])
def test_adult(block_bytes: int) -> None:
    """Case 22."""
    options: dict[str, Any] = {
        "column_names": CENSUS.names,
        "csv_format": CsvFormat(header=False, comment="|"),
    }
    result = scan(
        InputFile(str(ADULT / "adult.test"), "eval", 1), block_bytes=block_bytes, **options
    )
    blocks = [block for part in file_fragments(result) for block in parse_fragment(part, **options)]
    assert sum(block.batch.num_rows for block in blocks) == 16_281
    assert blocks[0].lines[0] == 2
    assert blocks[-1].lines[-1] == 16_282
    assert blocks[0].batch["workclass"][0].as_py() == " Private"
    last = blocks[-1].batch.num_rows - 1
    assert blocks[-1].raw(last).startswith("35, Self-emp-inc, 182148")
