"""Reshaping: rows equal to those of pandas, metadata, and messages of failures."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from helpers import reshapes

from recordmill.pipelines.config.csv_format import CsvFormat
from recordmill.pipelines.config.input import Input
from recordmill.pipelines.config.reshape import Reshape, Table
from recordmill.pipelines.reshape.reshaping import Reshaped, reshape, reshaped_splits
from recordmill.pipelines.tables.dataframes import flat
from recordmill.schemas import Column, DataError, RecipeError, Schema

pytestmark = pytest.mark.slow

ORDERS = Schema(
    (
        Column("customer", "string", missing=("?",)),
        Column("items", "int64", required=True, minimum=0),
        Column("amount", "float32"),
        Column("day", "string", domain=("mon", "tue", "wed")),
        Column("tags", "string"),
    )
)
TAGS = Schema((Column("customer", "string"), Column("tag", "string")))
CUSTOMERS = Schema((Column("customer", "string", required=True), Column("city", "string")))
HEADER = "customer,items,amount,day,tags\n"


def orders(count: int, *, seed: int) -> list[str]:
    """Return lines of CSV; amounts are quarters, whose sums are exact in any order."""
    draw = random.Random(seed)
    return [
        f"{draw.choice(['ann', 'bob', 'cy', '?'])},{seed * 1000 + number},"
        f"{draw.choice(['', draw.randrange(40) / 4])},{draw.choice(['mon', 'tue', 'wed'])},"
        f"{draw.choice(['a|b', 'c', ''])}\n"
        for number in range(count)
    ]


def numbers(*names: str) -> Schema:
    return Schema((Column("customer", "string"), *(Column(n, "float32") for n in names)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "1.csv").write_text(HEADER + "".join(orders(70, seed=1)))
    (tmp_path / "2.csv").write_text(HEADER + "".join(orders(30, seed=2)))
    (tmp_path / "customers.csv").write_text("customer,city\nann,Rome\nbob,\ndee,Oslo\n")
    return tmp_path


def run(
    function: Callable[..., Any],
    schema: Schema,
    folder: Path,
    inputs: list[Input] | None = None,
    *,
    source: Schema | None = ORDERS,
    max_reject_ratio: float = 0.05,
    options: PipelineOptions | None = None,
    tables: dict[str, Table] | None = None,
) -> Reshaped:
    return reshape(
        Reshape(function=function, schema=source, tables=tables or {}),
        [Input(None, f"{folder}/?.csv")] if inputs is None else inputs,
        schema=schema,
        csv=CsvFormat(),
        max_reject_ratio=max_reject_ratio,
        folder=str(folder / "scratch"),
        rejects=str(folder / "rejects"),
        runner=FnApiRunner(),
        options=options,
    )


def rows_of(inputs: tuple[Input, ...], schema: Schema) -> list[str]:
    rows = [row for entry in inputs for row in pq.read_table(entry.pattern).to_pylist()]
    return sorted(str(tuple(row[name] for name in schema.names)) for row in rows)


def rows_of_pandas(frame: pd.DataFrame, schema: Schema) -> list[str]:
    plain = flat(frame, name="frame")[list(schema.names)].astype(object)
    return sorted(
        str(row) for row in plain.where(plain.notna(), None).itertuples(index=False, name=None)
    )


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, na_values=["?"])


@pytest.mark.parametrize(
    ("function", "schema"),
    [
        (reshapes.by_customer, numbers("total", "largest", "orders")),
        (reshapes.by_weekday, numbers("mon", "tue", "wed")),
        (reshapes.exploded, TAGS),
        (reshapes.rolling, numbers("items", "recent")),
    ],
    ids=["group", "pivot", "flatten", "window"],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_the_same_rows_as_of_pandas(
    function: Callable[..., Any], schema: Schema, folder: Path
) -> None:
    reshaped = run(function, schema, folder)
    expected = function(
        pd.concat([read(folder / "1.csv"), read(folder / "2.csv")], ignore_index=True)
    )
    assert rows_of(reshaped.inputs, schema) == rows_of_pandas(expected, schema)
    assert reshaped.metadata["rows"] == {"inputs": len(expected)}
    assert {entry.split for entry in reshaped.inputs} == {None}


JOINED = Schema(
    (Column("customer", "string"), Column("amount", "float32"), Column("city", "string"))
)


def test_a_join_split_by_split(folder: Path) -> None:
    tables = {
        "customers": Table(schema=CUSTOMERS, inputs=(Input(None, f"{folder}/customers.csv"),))
    }
    inputs = [Input("train", f"{folder}/1.csv"), Input("eval", f"{folder}/2.csv")]
    reshaped = run(reshapes.with_city, JOINED, folder, inputs, tables=tables)
    for split, name in (("train", "1.csv"), ("eval", "2.csv")):
        expected = reshapes.with_city(read(folder / name), read(folder / "customers.csv"))
        of_split = tuple(entry for entry in reshaped.inputs if entry.split == split)
        assert rows_of(of_split, JOINED) == rows_of_pandas(expected, JOINED)
        assert reshaped.metadata["rows"][split] == len(expected) > 0


def test_a_table_called_as_no_split_may_be(folder: Path) -> None:
    def joined(stats: Any) -> Any:
        return stats[["customer", "city"]]

    table = Table(schema=CUSTOMERS, inputs=(Input(None, f"{folder}/customers.csv"),))
    reshaped = run(joined, CUSTOMERS, folder, [], source=None, tables={"stats": table})
    assert list(reshaped.metadata["sources"]) == ["stats"]
    assert reshaped.metadata["rows"] == {"inputs": 3}


def test_tables_alone(folder: Path) -> None:
    (folder / "2.csv").rename(folder / "2024-02-29.csv")
    (folder / "1.csv").rename(folder / "2024-03-01.csv")
    both = {
        "orders": Table(schema=ORDERS, inputs=(Input(None, f"{folder}/{{date}}.csv", last=1),)),
        "customers": Table(schema=CUSTOMERS, inputs=(Input(None, f"{folder}/customers.csv"),)),
    }
    reshaped = run(reshapes.with_city, JOINED, folder, [], source=None, tables=both)
    assert {entry.split for entry in reshaped.inputs} == {None}
    assert reshaped.metadata["rows"]["inputs"] == len(rows_of(reshaped.inputs, JOINED)) > 0
    source = reshaped.metadata["sources"]["orders"]
    assert source["read"] == 70
    assert [span["date"] for span in source["spans"]] == ["2024-03-01"]


def test_the_metadata_names_all_sources(folder: Path) -> None:
    lines = orders(50, seed=3)
    bad = ["ann,-1,2,mon,\n", "ann,1,2\n"]
    (folder / "3.csv").write_text(HEADER + "".join(lines + bad))
    inputs = [Input("train", f"{folder}/3.csv")]
    twice = PipelineOptions(["--direct_runner_bundle_repeat=2"])
    reshaped = run(reshapes.exploded, TAGS, folder, inputs, options=twice)
    source = reshaped.metadata["sources"]["train"]
    assert (source["read"], source["rejected"]) == (52, {"out_of_range": 1, "too_few_fields": 1})
    assert [(file["path"], file["split"], file["records"]) for file in source["files"]] == [
        (f"{folder}/3.csv", "train", 52)
    ]
    rejects = (folder / "rejects/reshape-train.jsonl").read_text().splitlines()
    assert len(rejects) == 2
    expected = reshapes.exploded(pd.read_csv(folder / "3.csv", na_values=["?"], nrows=50))
    assert reshaped.metadata["function"] == "helpers.reshapes:exploded"
    assert reshaped.metadata["rows"] == {"train": len(expected)}
    assert rows_of(reshaped.inputs, TAGS) == rows_of_pandas(expected, TAGS)


def test_too_many_rejects(folder: Path) -> None:
    (folder / "3.csv").write_text(HEADER + "ann,-1,2,mon,\n")
    with pytest.raises(DataError) as caught:
        run(reshapes.exploded, TAGS, folder, max_reject_ratio=0.001)
    assert str(caught.value).startswith(
        "1 of 101 records were rejected (0.99%; max_reject_ratio is 0.10%): 1 out_of_range. "
        f'Nothing was published. The first ones:\n  {folder}/3.csv:2: column "items": '
    )


def test_no_rows(folder: Path) -> None:
    (folder / "1.csv").write_text(HEADER)
    reshaped = run(reshapes.exploded, TAGS, folder, [Input("train", f"{folder}/1.csv")])
    assert reshaped.metadata["rows"] == {"train": 0}
    assert rows_of(reshaped.inputs, TAGS) == []


def test_a_function_that_fails_on_rows(folder: Path) -> None:
    (folder / "1.csv").write_text(HEADER + "ann,1,2.5,mon,\n")
    with pytest.raises(RecipeError) as caught:
        run(
            reshapes.fails_on_rows,
            numbers("total"),
            folder,
            [Input(None, f"{folder}/1.csv")],
        )
    assert str(caught.value) == (
        "reshape helpers.reshapes:fails_on_rows (reshapes.py:90): it failed on rows: ValueError: "
        "no use for 2.5"
    )


def test_splits_and_tables_must_go_together() -> None:
    table = Table(schema=CUSTOMERS, inputs=(Input(None, "x"),))
    cases: list[tuple[Any, list[Input], str]] = [
        ({"schema": ORDERS}, [], "expected inputs, got 0 inputs"),
        (
            {"tables": {"x": table}},
            [Input(None, "x")],
            "expected no inputs but its tables, got 1 inputs",
        ),
        (
            {"schema": ORDERS, "tables": {"train": table}},
            [Input("train", "x")],
            '"train" is a split and a table; rename one',
        ),
    ]
    for fields, inputs, message in cases:
        with pytest.raises(RecipeError) as caught:
            reshaped_splits(Reshape(function=reshapes.by_customer, **fields), inputs)
        assert str(caught.value) == f"reshape helpers.reshapes:by_customer: {message}"


def test_the_same_rows_however_files_are_cut(folder: Path) -> None:
    lines = orders(100, seed=4)
    (folder / "all.csv").write_text(HEADER + "".join(lines))
    for name, part in (("a", lines[60:]), ("b", lines[:60])):
        (folder / f"{name}.cut").write_text(HEADER + "".join(part))
    schema = numbers("items", "recent")
    runs = [
        rows_of(
            run(reshapes.rolling, schema, folder, [Input(None, f"{folder}/{files}")]).inputs, schema
        )
        for files in ("all.csv", "*.cut")
    ]
    assert runs[0] == runs[1]
