"""Filters, splits and sampling of rows; `test_clean` cleans them first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from recordmill.pipelines.config.row_selection import RowSelection
from recordmill.pipelines.config.splitting import Splitting
from recordmill.pipelines.runtime.elements import Reject
from recordmill.pipelines.selection.select import CleanBatch, check_filters, select_rows
from recordmill.schemas.column import Column
from recordmill.schemas.errors import DataError, RecipeError
from recordmill.schemas.manifest import Ledger
from recordmill.schemas.schema import Schema

SCHEMA = Schema((Column("age", "int64"), Column("job", "string")))
HALVES = Splitting({"train": 0.5, "eval": 0.5})


def select(
    ages: list[int | None], *, split: str | None = "train", rejects: int = 0, **selection: Any
) -> CleanBatch:
    """Select rows whose keys and lanes are their indices, spread over 64 bits."""
    count = len(ages)
    words = np.arange(count, dtype=np.uint64) * np.uint64(2**64 // max(count, 2))
    rows = pa.RecordBatch.from_pydict(
        {
            "age": pa.array(ages, pa.int64()),
            "job": pa.array([f"job{n}" for n in range(count)]).dictionary_encode(),
        }
    )
    bad = [Reject("a.csv", n, None, "nan", "", "") for n in range(rejects)]
    return select_rows(
        rows,
        positions=np.arange(count),
        keys=(words, words),
        lane=words,
        rejects=bad,
        split=split,
        file="a.csv",
        records=count + rejects,
        selection=RowSelection(**selection),
    )


def test_rows_that_pass_all_filters_stay() -> None:
    filters = (pc.field("age") > 10, pc.field("age") < 40)
    selected = select([5, 20, None, 30, 50], filters=filters, rejects=2)
    assert selected.batch["age"].to_pylist() == [20, 30]
    assert selected.rows.tolist() == [1, 3]
    assert selected.ledger == {"train": Ledger(read=7, filtered=3, rejected={"nan": 2})}
    assert selected.batch["job"].dictionary.to_pylist() == ["job1", "job3"]


def test_content_decides_the_split() -> None:
    selected = select(list(range(8)), split=None, splitting=HALVES, rejects=1)
    assert selected.splits == ("train", "eval")
    places = {name: rows.tolist() for name, rows in selected.by_split()}
    assert sorted(places["train"] + places["eval"]) == list(range(8))
    assert selected.ledger["unsplit"] == Ledger(read=1, rejected={"nan": 1})
    for name, rows in places.items():
        assert selected.ledger[name] == Ledger(read=len(rows))


def test_rows_that_were_filtered_are_not_sampled() -> None:
    selected = select(list(range(100)), filters=(pc.field("age") < 50,), sampling=0.3)
    ledger = selected.ledger["train"]
    assert (ledger.read, ledger.filtered) == (100, 50)
    assert ledger.sampled_out + selected.batch.num_rows == 50
    assert 0 < selected.batch.num_rows < 50


def test_no_rows() -> None:
    selected = select([], split=None, splitting=HALVES)
    assert selected.batch.num_rows == 0
    assert list(selected.by_split()) == []


def test_a_filter_that_fails_on_the_data_names_the_file() -> None:
    condition = pc.divide(pc.field("age"), pc.field("age") - 20) > 3
    with pytest.raises(DataError, match=r"^a\.csv: filter .*: divide by zero$"):
        select([20], filters=(condition,))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (pc.field("aeg") > 3, 'no column "aeg" in the schema; did you mean "age"?'),
        (pc.field("age"), "expected a condition, got int64 values"),
        (pc.field("age") > "x", "Function 'greater' has no kernel matching input types"),
        (
            pc.match_substring(pc.field("job"), "x"),
            "Before a string function, cast a column: pc.field(NAME).cast(pa.string())",
        ),
    ],
)
def test_a_filter_that_cannot_be(condition: pc.Expression, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        check_filters((condition,), SCHEMA)
    assert str(error.value).startswith(f"filter {condition}: ")
    assert message in str(error.value)


def test_filters_that_can_be() -> None:
    text = pc.field("job").cast(pa.string())
    check_filters(
        (pc.field("age") >= 17, pc.field("job").isin(["a"]), pc.match_substring(text, "x")), SCHEMA
    )
