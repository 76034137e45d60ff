"""DataFrames as inputs: every dtype as it is, and what is refused."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from recordmill.pipelines.config.input import Input
from recordmill.pipelines.readers.arrow_text import text_column
from recordmill.pipelines.tables.dataframes import FrameInput, flat, frame_table, write_frames
from recordmill.schemas import Column, DataError, RecipeError, Schema


def texts(values: Any, kind: Any = "string") -> list[str]:
    """Return the texts that the pipeline reads of a column."""
    frame = pd.DataFrame({"x": values})
    table = frame_table(frame, Schema((Column("x", kind),)), name="frame")
    result: list[str] = text_column(table.column("x")).to_pylist()
    return result


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.Series([1, 2], dtype="uint8"), ["1", "2"]),
        (pd.Series([1, None], dtype="Int64"), ["1", ""]),
        (pd.Series([2**62 + 1, None], dtype="Int64"), ["4611686018427387905", ""]),
        (pd.Series([3.0, np.nan, 0.1]), ["3", "", "0.1"]),
        (pd.Series([0.1], dtype="float32"), ["0.1"]),
        (pd.Series([True, False]), ["true", "false"]),
        (pd.Series([True, None], dtype="boolean"), ["true", ""]),
        (pd.Series(["a", None, np.nan, pd.NA]), ["a", "", "", ""]),
        (pd.Series(["a", None], dtype="string"), ["a", ""]),
        (pd.Series(["b", None, "a"], dtype="category"), ["b", "", "a"]),
        (pd.Series([7, 8], dtype="category"), ["7", "8"]),
        (pd.to_datetime(pd.Series(["2026-11-21 10:00", None])), ["2026-11-21T10:00:00", ""]),
        (pd.Series([pd.Timestamp("2026-11-21", tz="Europe/Rome")]), ["2026-11-20T23:00:00Z"]),
        (pd.Series([dt.date(2026, 11, 21), None]), ["2026-11-21", ""]),
        (pd.Series([Decimal("1.50")]), ["1.50"]),
        (pd.Series([1, 2.5, None], dtype=object), ["1", "2.5", ""]),
        (pd.Series([None, np.nan], dtype=object), ["", ""]),
        (pd.Series([], dtype=object), []),
    ],
    ids=lambda values: str(getattr(values, "dtype", "")),
)
def test_what_is_read(values: pd.Series, expected: list[str]) -> None:
    assert texts(values) == expected


def test_booleans_among_numbers() -> None:
    assert texts(pd.Series([True, None, False], dtype="boolean"), "int64") == ["1", "", "0"]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ([1, "a", None], "expected scalars of one type, got int, str values; convert them first"),
        ([[1], [2]], "expected scalars of one type, got list values; convert them first"),
        (
            pd.to_timedelta(["1 day"]),
            "values of the type duration[ns] have no text; convert them to numbers or strings "
            "first",
        ),
    ],
)
def test_what_is_refused(values: Any, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        texts(values)
    assert str(caught.value) == f'frame: column "x": {problem}'


def test_categories_of_several_kinds() -> None:
    with pytest.raises(DataError, match=r'^frame: column "x": Could not convert'):
        texts(pd.Series([1, "a"], dtype="category"))


class TestFlat:
    def test_a_named_index_is_a_column(self) -> None:
        frame = pd.DataFrame({"k": ["a"], "j": [1], "x": [2.0]}).set_index(["k", "j"])
        assert list(flat(frame, name="frame").columns) == ["k", "j", "x"]

    def test_an_index_that_is_a_column_too_is_left_out(self) -> None:
        frame = pd.DataFrame({"k": ["a"], "x": [2.0]}, index=pd.Index(["b"], name="k"))
        assert flat(frame, name="frame").to_dict("list") == {"k": ["a"], "x": [2.0]}

    def test_a_pivot(self) -> None:
        frame = pd.DataFrame({"k": ["a", "a"], "c": ["x", "y"], "v": [1, 2]})
        frame["c"] = frame["c"].astype("category")
        plain = flat(frame.pivot(index="k", columns="c", values="v"), name="frame")
        assert plain.to_dict("list") == {"k": ["a"], "x": [1], "y": [2]}
        wide = flat(frame.pivot(index="k", columns="c"), name="frame")
        assert list(wide.columns) == ["k", "v_x", "v_y"]

    def test_the_frame_itself_stays_as_it_is(self) -> None:
        frame = pd.DataFrame({("a", 1): [1]}, index=pd.Index(["b"], name=3))
        flat(frame, name="frame")
        assert frame.index.names == [3]
        assert list(frame.columns) == [("a", 1)]

    def test_two_columns_of_one_name(self) -> None:
        frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
        with pytest.raises(DataError, match=r'^frame: 2 columns are called "a"$'):
            flat(frame, name="frame")


def test_frames_become_files(tmp_path: Path) -> None:
    schema = Schema((Column("a", "int64"),))
    frame = pd.DataFrame({"more": [[1]], "a": [7]})
    inputs = [Input("eval", "x.csv"), FrameInput("train", frame)]
    path = f"{tmp_path}/run/frame-1.parquet"
    assert write_frames(inputs, f"{tmp_path}/run", schema) == (inputs[0], Input("train", path))
    assert pq.read_table(path).to_pydict() == {"a": [7]}


def test_a_missing_column(tmp_path: Path) -> None:
    schema = Schema((Column("a", "int64"), Column("b", "int64")))
    with pytest.raises(DataError) as caught:
        write_frames([FrameInput(None, pd.DataFrame({"a": [1], 3: [2]}))], str(tmp_path), schema)
    assert str(caught.value) == "inputs[0]: no column b; the frame has the columns a, 3"


def test_a_split_that_cannot_be_called_so() -> None:
    with pytest.raises(RecipeError) as caught:
        FrameInput("my split", pd.DataFrame())
    assert str(caught.value).startswith("FrameInput: split: expected a name of letters a to z")
