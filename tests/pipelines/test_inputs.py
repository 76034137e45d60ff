"""Whole runs of the same rows from each kind of input: the shards are the same bytes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from helpers.small_recipe import HEADER, SCHEMA, rows

from recordmill.pipelines import Input, Recipe, find_recipe, prepare
from recordmill.pipelines.inputs.spans import resolve
from recordmill.pipelines.tables.dataframes import FrameInput, write_frames
from recordmill.schemas import DataError
from recordmill.schemas.manifest import Manifest

RECIPE_FILE = Path(__file__).parents[1] / "helpers" / "small_recipe.py"
GOOD = rows(200)


@pytest.fixture(scope="module")
def small() -> Recipe:
    return find_recipe(f"{RECIPE_FILE}:SMALL")


@pytest.fixture(scope="module")
def of_csv(small: Recipe, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The digests of the shards of the rows as CSV."""
    folder = tmp_path_factory.mktemp("csv")
    (folder / "rows.csv").write_text(HEADER + "".join(GOOD))
    return digests(run(small, folder, [Input(None, f"{folder}/rows.csv")]))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """The rows, typed: blanks stripped, and missing values null."""
    path = tmp_path_factory.mktemp("table") / "rows.csv"
    path.write_text(HEADER + "".join(GOOD).replace(" ", ""))
    options = pyarrow.csv.ConvertOptions(null_values=["NA", "?"], strings_can_be_null=True)
    return pyarrow.csv.read_csv(path, convert_options=options)


def run(recipe: Recipe, folder: Path, inputs: list[Input]) -> Manifest:
    return prepare(recipe, output=str(folder / "out"), inputs=inputs)


def digests(manifest: Manifest) -> list[str]:
    return [shard.sha256 for split in manifest.splits.values() for shard in split.shards]


def test_parquet(small: Recipe, table: pa.Table, of_csv: list[str], tmp_path: Path) -> None:
    """Columns in another order and more of them, in two files of several row groups."""
    turned = table.select(table.column_names[::-1]).append_column("more", table["age"])
    pq.write_table(turned.slice(0, 150), tmp_path / "1.parquet", row_group_size=40)
    pq.write_table(turned.slice(150), tmp_path / "2.data", use_dictionary=False)
    manifest = run(small, tmp_path, [Input(None, f"{tmp_path}/?.*")])
    assert digests(manifest) == of_csv
    assert [file.records for file in manifest.inputs] == [150, 50]


def test_a_frame(small: Recipe, table: pa.Table, of_csv: list[str], tmp_path: Path) -> None:
    frame = table.to_pandas()
    frame["city"] = frame["city"].astype("category")
    frame["height"] = frame["height"].astype("float32")
    frame["age"] = frame["age"].astype("Int64")
    inputs = write_frames([FrameInput(None, frame)], str(tmp_path / "frames"), SCHEMA)
    assert digests(run(small, tmp_path, list(inputs))) == of_csv


def test_a_window_of_days(small: Recipe, of_csv: list[str], tmp_path: Path) -> None:
    for day in range(3):
        lines = ["1,1,Rome,no\n"] * 9 if day == 0 else GOOD[day - 1 :: 2]
        (tmp_path / f"2024-03-0{day + 1}.csv").write_text(HEADER + "".join(lines))
    inputs, spans = resolve([Input(None, f"{tmp_path}/{{date}}.csv", last=2)])
    assert digests(run(small, tmp_path, list(inputs))) == of_csv
    assert [span.date for span in spans] == ["2024-03-02", "2024-03-03"]


def test_files_of_two_kinds_in_one_input(small: Recipe, table: pa.Table, tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text(HEADER + "".join(GOOD))
    pq.write_table(table, tmp_path / "2.parquet")
    with pytest.raises(DataError) as caught:
        run(small, tmp_path, [Input(None, f"{tmp_path}/?.*")])
    assert str(caught.value) == (
        f'"{tmp_path}/?.*": expected files of one kind, but {tmp_path}/2.parquet is Parquet and '
        f"{tmp_path}/1.csv is not. Name them apart."
    )


def test_rejects_name_the_record_of_a_parquet_file(small: Recipe, tmp_path: Path) -> None:
    frame = pd.DataFrame({"age": [*range(30), 200], "height": 1.5, "city": "Rome", "label": "no"})
    frame.to_parquet(tmp_path / "x.parquet", row_group_size=7)
    with pytest.raises(DataError) as caught:
        run(small, tmp_path, [Input(None, f"{tmp_path}/x.parquet")])
    assert str(caught.value).endswith(
        f'The first ones:\n  {tmp_path}/x.parquet:31: column "age": expected an integer in '
        '[0, 120], got "200"'
    )
