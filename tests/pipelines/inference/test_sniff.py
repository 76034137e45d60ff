"""Detection of the dialect of a CSV."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordmill.pipelines.config.csv_format import CsvFormat
from recordmill.pipelines.inference.sniff import sniff, sniff_text
from recordmill.schemas.errors import DataError

CASES = {
    "comma": ("a,b\n1,2\n3,4\n", CsvFormat(), ("a", "b")),
    "tab": ("a\tb\n1\t2,3\n", CsvFormat(delimiter="\t"), ("a", "b")),
    "semicolon, decimal points": (
        "a;b\n1.5;2.5\n3;4\n",
        CsvFormat(delimiter=";"),
        ("a", "b"),
    ),
    "semicolon, decimal commas": (
        "a;b;c\n1,5;2,5;3,5\n3,1;4,2;5,1\n",
        CsvFormat(delimiter=";"),
        ("a", "b", "c"),
    ),
    "bar": ("a|b\n1|2\n", CsvFormat(delimiter="|"), ("a", "b")),
    "one column": ("name\nx\ny\n", CsvFormat(), ("name",)),
    "one column of numbers": ("1\n2\n3\n", CsvFormat(header=False), ("column_1",)),
    "one column of prose": ('text\n"hello, you"\n"a, b, c"\nx\n', CsvFormat(), ("text",)),
    "a header only": ("a,b,c\n", CsvFormat(), ("a", "b", "c")),
    "nothing": ("", CsvFormat(), ("column_1",)),
    "blank lines": ("\n\n", CsvFormat(), ("column_1",)),
    "comments above": ("# by x\na,b\n1,2\n", CsvFormat(comment="#"), ("a", "b")),
    "a hash in the header": ("#id,b\nx,2\ny,3\n", CsvFormat(), ("#id", "b")),
    "other quotes": ("'a','b'\n'x, y','z'\n", CsvFormat(quote="'"), ("a", "b")),
    "lists in fields": ("id,tags\n1,a|b|c\n2,b|c\n3,a\n", CsvFormat(), ("id", "tags")),
    "lists of other length": ("k,v\nx,1;2\ny,3;4;5\n", CsvFormat(), ("k", "v")),
    "strings that come again": (
        "John,Rome\nMary,Oslo\nJohn,Rome\n",
        CsvFormat(header=False),
        ("column_1", "column_2"),
    ),
    "ragged records": ("a,b\n1,2\n3,4\n5,6,7\n8\n9,1\n", CsvFormat(), ("a", "b")),
    "a name that is missing": (",a\n0,1\n1,2\n", CsvFormat(), ("column_1", "a")),
    "a quoted line end": ('"a\nb",c\n1,"x\ny"\n', CsvFormat(), ("a\nb", "c")),
    "CR": ("a,b\r1,2\r", CsvFormat(), ("a", "b")),
}


@pytest.mark.parametrize("case", CASES)
def test_a_text(case: str) -> None:
    text, csv_format, names = CASES[case]
    dialect = sniff_text(text, complete=True, path="a.csv")
    assert (dialect.csv, dialect.names) == (csv_format, names)


def test_the_reasons() -> None:
    assert sniff_text("# x\na,b\n1,2\n", complete=True, path="a.csv").reasons == (
        "2 of the first 2 records have 2 fields",
        "a header: in 2 columns only the first record is not a number",
        'lines that begin with "#" are comments, such as "# x"',
    )


def test_the_census(adult: Path) -> None:
    names = tuple(f"column_{number}" for number in range(1, 16))
    train, test = (sniff([str(adult / f"adult.{name}")]) for name in ("data", "test"))
    assert (train.csv, train.names) == (CsvFormat(header=False), names)
    assert (test.csv, test.names) == (CsvFormat(header=False, comment="|"), names)
    both = sniff([str(adult / "adult.data"), str(adult / "adult.test")])
    assert both.csv == CsvFormat(header=False, comment="|")


def test_a_compressed_file_with_a_mark_by_any_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(gzip.compress("\ufeffa,b\n1,2\n".encode()))
    assert sniff([str(tmp_path / "a.csv")]).names == ("a", "b")


def test_parquet_names_its_columns(tmp_path: Path) -> None:
    path = str(tmp_path / "a.parquet")
    pq.write_table(pa.table({"a": [1], "list": [[1]], "b": ["x"]}), path)
    assert sniff([path]).names == ("a", "b")


BAD = {
    "a,a\n1,2\n": 'a.csv:1: the header names "a" 2 times. Rename the others.',
    "__key_hi,b\n1,2\n": (
        'a.csv:1: the header names "__key_hi", and names that begin with __key_ or __recordmill_ '
        "are reserved. Rename it."
    ),
    "my report\na,b,c\n1,2,3\n4,5,6\n": (
        "a.csv:1: the header names 1 column, but most records have 3 fields. Name every column, "
        "or remove the lines above the header."
    ),
}


@pytest.mark.parametrize("text", BAD)
def test_a_header_that_cannot_be(text: str) -> None:
    with pytest.raises(DataError) as error:
        sniff_text(text, complete=True, path="a.csv")
    assert str(error.value) == BAD[text]


@given(
    st.sampled_from(",\t;|"),
    st.lists(
        st.lists(st.integers().map(str) | st.sampled_from(["x, y", "a;b", "q|r", 'say "x"', "é"])),
        min_size=3,
        max_size=8,
    ),
    st.integers(2, 6),
)
def test_what_the_csv_module_writes_is_found(
    delimiter: str, cells: list[list[str]], width: int
) -> None:
    rows = [[*(row + ["7"] * width)[: width - 1], "5"] for row in cells]
    names = [f"name {index}" for index in range(width)]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([names, *rows])
    dialect = sniff_text(out.getvalue(), complete=True, path="a.csv")
    assert (dialect.csv.delimiter, dialect.csv.header, dialect.names) == (
        delimiter,
        True,
        tuple(names),
    )
