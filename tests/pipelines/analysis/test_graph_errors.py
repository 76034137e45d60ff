"""Messages of a graph that fails: op, columns, features, file and line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from helpers.small_recipe import HEADER, SCHEMA, SMALL
from hypothesis import given
from hypothesis import strategies as st

from recordmill.pipelines import Input, prepare
from recordmill.pipelines.analysis.graph_errors import failing_rows
from recordmill.schemas import DataError
from recordmill.transforms import cleaning

LINES = [f"{age},1.5,Rome,no\n" for age in range(40)]
BAD = [7, 11, 12, 30]


def in_graph(inputs: dict[str, Any]) -> dict[str, Any]:
    clean = cleaning.clean(inputs, SCHEMA)
    with tf.name_scope("city_number"):
        number = tf.strings.to_number(tf.where(clean["city"] == "Rome", "1", clean["city"]))
    return {"number": number, "twice": number * 2, "age": clean["age"], "label": clean["label"]}


def in_analyzer(inputs: dict[str, Any]) -> dict[str, Any]:
    made = in_graph(inputs)
    return {"number": tft.scale_to_z_score(made["number"]), "label": made["label"]}


@pytest.mark.parametrize(
    ("function", "op"),
    [
        (
            in_graph,
            '"city_number/StringToNumber", which reads "city" and makes "number", "twice"',
        ),
        (in_analyzer, '"city_number/StringToNumber", which reads "city" and makes "number"'),
    ],
)
def test_op_columns_features_and_rows(tmp_path: Path, function: Any, op: str) -> None:
    bad = [line.replace("Rome", "Oslo") if i in BAD else line for i, line in enumerate(LINES)]
    path = tmp_path / "people.csv"
    path.write_text(HEADER + "".join(bad))
    with pytest.raises(DataError) as error:
        prepare(
            replace(SMALL, preprocessing_fn=function),
            output=str(tmp_path / "out"),
            inputs=[Input("train", str(path))],
        )
    message, _, rows = str(error.value).partition("; it fails on ")
    assert message == (
        f"train: the transform graph failed at {op}: StringToNumberOp could not correctly "
        "convert string: Oslo"
    )
    shown = rows.removesuffix(", and more").split(", ")
    assert len(shown) == 3 and rows.endswith(", and more")
    assert set(shown) < {f"{path}:{i + 2}" for i in BAD}


@given(st.lists(st.booleans(), max_size=50), st.integers(1, 5))
def test_failing_rows(bad: list[bool], limit: int) -> None:
    batch = pa.record_batch({"bad": pa.array(bad, pa.bool_())})
    rows = failing_rows(batch, lambda part: any(part.column(0).to_pylist()), limit=limit)
    assert rows == [row for row, is_bad in enumerate(bad) if is_bad][:limit]


def test_a_batch_that_fails_only_as_a_whole() -> None:
    batch = pa.record_batch({"x": [1, 2, 3]})
    assert failing_rows(batch, lambda rows: rows.num_rows == 3, limit=3) == []
