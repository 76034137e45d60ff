"""The columns of a Parquet file that a recipe can read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recordmill.pipelines.inference.parquet_columns import ReadableColumns, readable_columns
from recordmill.schemas.errors import DataError


def write(path: Path, columns: dict[str, Any]) -> str:
    pq.write_table(pa.table(columns), path)
    return str(path)


def test_what_has_no_text_is_left_out(tmp_path: Path) -> None:
    flat = "are not single values; flatten or unnest them first"
    columns = {
        "x": [1, 2],
        "tags": [["a"], None],
        "place": [{"lat": 1.5}, {"lat": 2.5}],
        "counts": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
        "took": pa.array([1, 2], pa.duration("s")),
        "sha": pa.array([b"ab", b"cd"], pa.binary(2)),
        "picture": [b"\x89PNG", b"\xff\xd8"],
        "nul": [b"a\0", b"b"],
        "words": [b"caf\xc3\xa9", None],
        "city": ["Rome", "Oslo"],
    }
    assert readable_columns([write(tmp_path / "a.parquet", columns)]) == ReadableColumns(
        ("x", "words", "city"),
        (
            ("tags", f"values of the type list<element: string> {flat}"),
            ("place", f"values of the type struct<lat: double> {flat}"),
            ("counts", f"values of the type map<string, int64 ('counts')> {flat}"),
            (
                "took",
                "values of the type duration[s] have no text; convert them to numbers or strings "
                "first",
            ),
            (
                "sha",
                "values of the type fixed_size_binary[2] have no text; convert them to numbers or "
                "strings first",
            ),
            ("picture", "bytes that are not UTF-8 text; decode them first"),
            ("nul", "bytes that are not UTF-8 text; decode them first"),
        ),
    )


def test_no_column_that_can_be_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"tags": [["a"]]})
    with pytest.raises(DataError) as error:
        readable_columns([path])
    assert str(error.value) == (
        f'{path}: no column can be read: "tags": values of the type list<element: string> are not '
        "single values; flatten or unnest them first"
    )


def test_names_that_no_recipe_can_have(tmp_path: Path) -> None:
    names = ["x", "", "__key_hi", "twice", "twice"]
    pq.write_table(pa.Table.from_arrays([pa.array([1])] * 5, names), tmp_path / "a.parquet")
    assert readable_columns([str(tmp_path / "a.parquet")]) == ReadableColumns(
        ("x",),
        (
            ("", "the name is empty; rename it in the file"),
            (
                "__key_hi",
                "names that begin with __key_ or __recordmill_ are reserved; rename it in the file",
            ),
            ("twice", "2 columns have this name; rename the others in the file"),
        ),
    )


def test_what_only_a_later_file_has(tmp_path: Path) -> None:
    first = write(tmp_path / "a.parquet", {"x": [1], "y": [2]})
    later = write(tmp_path / "b.parquet", {"y": [2], "z": [3], "x": [1]})
    assert readable_columns([first, later]) == ReadableColumns(
        ("x", "y"), (("z", f"not in {first}, the first of the files"),)
    )


def test_another_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("PAR1,x\n1,2\n")
    assert readable_columns([str(tmp_path / "a.csv")]) is None


def test_a_column_without_rows(tmp_path: Path) -> None:
    columns = {"x": pa.array([], pa.int64()), "data": pa.array([], pa.binary())}
    assert readable_columns([write(tmp_path / "a.parquet", columns)]) == ReadableColumns(
        ("x", "data"), ()
    )
