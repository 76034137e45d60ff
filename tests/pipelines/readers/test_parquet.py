"""Parquet: the same records as of CSV, and every file that must be refused."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import os
import pickle
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.pipelines.config.csv_format import CsvFormat
from recordmill.pipelines.config.row_selection import RowSelection
from recordmill.pipelines.config.splitting import Splitting
from recordmill.pipelines.readers.parse import parse_fragment
from recordmill.pipelines.readers.scan import file_fragments, scan
from recordmill.pipelines.runtime.checksums import BLOCK
from recordmill.pipelines.runtime.elements import InputFile, ScannedFile, TextBatch
from recordmill.pipelines.tables.clean import clean
from recordmill.schemas import Column, DataError, Schema

SCHEMA = Schema(
    (
        Column("age", "int64", minimum=0, maximum=120),
        Column("height", "float32"),
        Column("city", "string", missing=("?",)),
    )
)
TABLE = pa.table(
    {
        "city": ["Rome", None, "?"],
        "age": [3, None, 200],
        "more": [[1], [], None],
        "height": [1.5, 0.1, 7],
    }
)


def scanned(path: Path, table: pa.Table, block_bytes: int = 1 << 20, **how: Any) -> ScannedFile:
    pq.write_table(table, path, **how)
    return rescanned(path, block_bytes)


def rescanned(path: Path, block_bytes: int = 1 << 20) -> ScannedFile:
    return scan(
        InputFile(str(path), "train", 2),
        column_names=SCHEMA.names,
        csv_format=CsvFormat(),
        block_bytes=block_bytes,
    )


def blocks_of(file: ScannedFile, csv_format: CsvFormat | None = None) -> list[TextBatch]:
    return [
        block
        for part in file_fragments(file)
        for block in parse_fragment(
            part, column_names=SCHEMA.names, csv_format=csv_format or CsvFormat()
        )
    ]


def rows_of(blocks: list[TextBatch]) -> list[tuple[Any, ...]]:
    return [
        (line, *row.values())
        for block in blocks
        for line, row in zip(block.lines.tolist(), block.batch.to_pylist(), strict=True)
    ]


def error_of(path: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        blocks_of(rescanned(path, **options))
    return str(caught.value).replace(f"{path.parent}/", "")


def test_all_that_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"  # by its content, not by its name
    file = scanned(path, TABLE, row_group_size=2)
    assert (file.format, file.records, file.size) == ("parquet", 3, path.stat().st_size)
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [(s.offset, s.line, s.records, s.row_group) for s in file.byte_ranges] == [
        (0, 1, 2, 0),
        (2, 3, 1, 1),
    ]
    assert [len(part.byte_ranges) for part in file_fragments(file)] == [1, 1]


def test_columns_by_name_as_text(tmp_path: Path) -> None:
    """In the order of the schema; what it does not name is left alone."""
    (block,) = blocks_of(scanned(tmp_path / "x", TABLE))
    assert block.batch.schema.names == ["age", "height", "city"]
    assert rows_of([block]) == [(1, "3", "1.5", "Rome"), (2, "", "0.1", ""), (3, "200", "7", "?")]
    assert (block.split, block.position, block.records) == ("train", (2, 0), 3)
    assert json.loads(block.raw(2)) == {"age": "200", "height": "7", "city": "?"}
    assert pickle.loads(pickle.dumps(block.raw))(0) == block.raw(0)


@pytest.mark.parametrize("block_bytes", [1, 100, 1 << 20])
@pytest.mark.parametrize("row_group_size", [1, 7, 1000])
def test_however_it_is_cut(tmp_path: Path, block_bytes: int, row_group_size: int) -> None:
    table = pa.table(
        {
            "age": range(100),
            "height": [i / 7 for i in range(100)],
            "city": [f"c{i % 9}" for i in range(100)],
        }
    )
    file = scanned(
        tmp_path / "x", table, block_bytes, row_group_size=row_group_size, data_page_size=1
    )
    blocks = blocks_of(file)
    assert [row[0] for row in rows_of(blocks)] == list(range(1, 101))
    assert [row[1] for row in rows_of(blocks)] == [str(i) for i in range(100)]
    assert [block.position for block in blocks] == [(2, i) for i in range(len(blocks))]
    assert len(list(file_fragments(file))) == -(-100 // row_group_size)


def test_a_row_group_is_cut_by_the_size_of_its_text(tmp_path: Path) -> None:
    """Three columns of one value each, which take hardly a byte."""
    table = pa.table({"age": [1] * 1000, "height": [1.0] * 1000, "city": ["Rome"] * 1000})
    file = scanned(tmp_path / "x", table, 2400)
    assert [stretch.records for stretch in file.byte_ranges] == [100] * 10


def test_records_that_are_no_text_are_rejected(tmp_path: Path) -> None:
    cities = pa.array([b"Rome", b"a\0b", b"L\xffma", b"x" * 9, b"Oslo"])
    table = pa.table({"age": range(5), "height": [1.0] * 5, "city": cities})
    (block,) = blocks_of(scanned(tmp_path / "x", table), CsvFormat(max_field_bytes=8))
    assert rows_of([block]) == [(1, "0", "1", "Rome"), (5, "4", "1", "Oslo")]
    assert [(r.line, r.column, r.reason, r.message) for r in block.rejects] == [
        (2, "city", "nul_byte", "expected text, got a NUL byte"),
        (3, "city", "invalid_utf8", "expected UTF-8 text, got 0xff at byte 2 of the field"),
        (4, "city", "field_too_long", "expected at most 8 bytes, got 9"),
    ]
    assert block.rejects[1].raw == '{"age": "2", "height": "1", "city": "L\\\\xffma"}'
    assert json.loads(block.raw(1))["age"] == "4"


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(-5, 200),
            st.none() | st.floats(width=32, allow_nan=False, allow_infinity=False),
            st.none()
            | st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=4),
        ),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from([pa.float32(), pa.float64()]),
    st.integers(1, 10),
)
def test_the_same_rows_as_of_csv(
    tmp_path_factory: Any, rows: list[tuple[Any, ...]], floats: pa.DataType, group: int
) -> None:
    """Cleaned rows, keys and rejects are equal; so all that follows is."""
    ages, heights, cities = zip(*rows, strict=True)
    table = pa.table(
        {
            "age": pa.array(ages, pa.int16()),
            "height": pa.array(heights, floats),
            "city": pa.array(cities, pa.string()).dictionary_encode(),
        }
    )
    folder = tmp_path_factory.mktemp("both")
    pyarrow.csv.write_csv(table, folder / "x.csv")
    file = scanned(folder / "x", table, row_group_size=group)
    cleaned = [cleaned_rows(blocks_of(each)) for each in (rescanned(folder / "x.csv"), file)]
    assert cleaned[0] == cleaned[1]


def cleaned_rows(blocks: list[TextBatch]) -> tuple[list[Any], list[Any]]:
    selection = RowSelection(splitting=Splitting({"train": 1.0}), seed=1)
    done = [clean(block, SCHEMA, selection) for block in blocks]
    rows = [
        (*row.values(), int(hi), int(lo))
        for batch in done
        for row, hi, lo in zip(batch.batch.to_pylist(), batch.hi, batch.lo, strict=True)
    ]
    return rows, [(r.column, r.reason, r.message) for batch in done for r in batch.rejects]


def test_no_records(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        file = scanned(tmp_path / "x", TABLE.slice(0, 0))
    assert (file.records, list(file_fragments(file))) == (0, [])
    assert caplog.messages == [f"{tmp_path}/x: the file has no records"]


@pytest.mark.parametrize("size", [4, 5, 100, -1])
def test_a_truncated_file(tmp_path: Path, size: int) -> None:
    path = tmp_path / "x"
    pq.write_table(TABLE, path)
    path.write_bytes(path.read_bytes()[:size])
    message = error_of(path)
    assert message.startswith("x: is not a complete Parquet file (")
    assert message.endswith("). Copy it again.")


def test_a_flipped_bit(tmp_path: Path) -> None:
    path = tmp_path / "x"
    table = pa.table({"age": [1], "height": [1.5], "city": ["Rome" * 20]})
    pq.write_table(table, path, compression="none", write_page_checksum=True)
    path.write_bytes(path.read_bytes().replace(b"RomeRome", b"RomeRomf", 1))
    message = error_of(path)
    assert message.startswith("x: is not a complete Parquet file (could not verify page integrity")


def test_columns_that_are_not_as_they_should_be(tmp_path: Path) -> None:
    names = ["Age", "height", "height", "city"]
    values = [pa.array([1]), pa.array([1.0]), pa.array([2.0]), pa.array([["Rome"]])]
    pq.write_table(pa.table(values, names), tmp_path / "x")
    assert error_of(tmp_path / "x") == (
        'x: no column "age" (did you mean "Age"?); 2 columns "height"; column "city": values of '
        "the type list<element: string> are not single values; flatten or unnest them first. The "
        "file has the columns Age, height, height, city"
    )


def test_a_file_that_changed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    file = scanned(path, TABLE)
    content, stat = path.read_bytes(), path.stat()
    other = TABLE.set_column(1, "age", pa.array([4, None, 200]))
    for table in (pa.concat_tables([TABLE, TABLE]), TABLE.slice(1), other):
        pq.write_table(table, path)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        with pytest.raises(DataError, match=f"^{path}: the file changed while it was read: "):
            blocks_of(file)
    path.write_bytes(content)
    assert len(rows_of(blocks_of(file))) == 3


def test_an_edited_byte_of_any_row_group_is_found(tmp_path: Path) -> None:
    path, rows = tmp_path / "x", 60_000
    draw = random.Random(0)
    table = pa.table(
        {
            "age": [draw.randrange(1 << 40) for _ in range(rows)],
            "city": [f"{draw.random()}" for _ in range(rows)],
            "height": [draw.random() for _ in range(rows)],
        }
    )
    file = scanned(path, table, row_group_size=rows // 5, compression="none")
    content = path.read_bytes()
    assert len(content) > 6 * BLOCK
    assert sum(block.records for block in blocks_of(file)) == rows
    for _ in range(20):
        position = draw.randrange(len(content))
        edited = bytearray(content)
        edited[position] ^= 1
        path.write_bytes(edited)
        with pytest.raises(DataError, match=f"^{path}: the file changed while it was read: "):
            blocks_of(file)


def test_a_part_has_the_checksums_of_what_it_reads_alone(tmp_path: Path) -> None:
    rows = 200_000
    table = pa.table({"age": range(rows), "city": [""] * rows, "height": [0.5] * rows})
    how: dict[str, Any] = {"row_group_size": 10_000, "compression": "none"}
    file = scanned(tmp_path / "x", table, use_dictionary=False, **how)
    blocks = -(-file.size // BLOCK)
    assert blocks > 10
    for part in file_fragments(file):
        assert sum(len(crcs) // 4 for _, crcs in part.checksums.runs) < blocks


def test_a_compressed_file(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "x")
    (tmp_path / "x.gz").write_bytes(gzip.compress((tmp_path / "x").read_bytes()))
    assert "got compressed Parquet data. Convert the file." in error_of(tmp_path / "x.gz")


def test_a_csv_that_begins_with_the_magic_is_a_csv(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"PAR1,b\n1,2\n")
    file = scan(
        InputFile(str(tmp_path / "x"), None, 0),
        column_names=["PAR1", "b"],
        csv_format=CsvFormat(),
        block_bytes=9,
    )
    assert (file.format, file.records) == ("csv", 1)
