from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc
import pytest
from helpers.small_recipe import HEADER, SCHEMA, SMALL, rows

from recordmill.pipelines import CsvFormat, Input, Splitting
from recordmill.pipelines.analysis.tensors import SchemaTensorAdapter
from recordmill.pipelines.readers.scan import scan
from recordmill.pipelines.runtime.elements import InputFile
from recordmill.pipelines.shuffle.layout import TABLE
from recordmill.pipelines.tables.source import TableSource
from recordmill.schemas import DataError, RecipeError
from recordmill.schemas.statistics.fold import StatisticsFold

SOURCE = TableSource(SMALL, SCHEMA)


@pytest.fixture
def path(tmp_path: Path) -> str:
    (tmp_path / "a.csv").write_text(HEADER + "".join(rows(3)))
    return str(tmp_path / "a.csv")


def test_what_tables_are_made_into() -> None:
    assert SOURCE.layout is TABLE
    assert SOURCE.plan().traced.adapter == SchemaTensorAdapter(SCHEMA)
    assert isinstance(SOURCE.statistics, StatisticsFold)
    assert SOURCE.statistics.schema == SCHEMA


def test_good_inputs(path: str) -> None:
    SOURCE.check_inputs([Input("train", path)])


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file matches"):
        SOURCE.check_inputs([Input(None, f"{tmp_path}/*.csv")])


def test_one_file_for_two_splits(path: str) -> None:
    with pytest.raises(RecipeError) as error:
        SOURCE.check_inputs([Input("train", path), Input("eval", path)])
    assert str(error.value) == (
        f'{path}: one file cannot be read for two splits: "train" and "eval"'
    )


def test_a_filter_over_no_column(path: str) -> None:
    recipe = replace(SMALL, filters=(pc.field("agee") > 3,))
    with pytest.raises(RecipeError, match="agee"):
        TableSource(recipe, SCHEMA).check_inputs([Input(None, path)])


def test_a_split_by_no_column(path: str) -> None:
    recipe = replace(SMALL, split=Splitting({"train": 1.0}, columns=("town",)))
    with pytest.raises(RecipeError, match="town"):
        TableSource(recipe, SCHEMA).check_inputs([Input(None, path)])


def test_what_a_scanned_file_stands_for(path: str) -> None:
    scanned = scan(
        InputFile(path, None, 0),
        column_names=SCHEMA.names,
        csv_format=CsvFormat(header=True),
        block_bytes=1 << 20,
    )
    assert SOURCE.scan_size(scanned) == (3, Path(path).stat().st_size)
