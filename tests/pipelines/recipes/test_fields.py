"""Keys whose dataclass is written in another shape: `reshape` and `expect`."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from pydantic import TypeAdapter

from recordmill.pipelines.config.csv_format import CsvFormat
from recordmill.pipelines.config.expect import Expect
from recordmill.pipelines.config.input import Input
from recordmill.pipelines.config.reshape import Reshape, Table
from recordmill.pipelines.recipes.fields import _columns_type, _expect_type, _reshape_type
from recordmill.pipelines.recipes.file import recipe_of_text
from recordmill.pipelines.recipes.functions import load_function
from recordmill.pipelines.recipes.yaml import parse
from recordmill.schemas import Column, Schema


def validated(kind: Any, text: str) -> Any:
    context = {"folder": "/recipes", "load": partial(load_function, folder="/recipes")}
    value = parse(text, source="r.yaml").plain()
    return TypeAdapter(kind).validate_python(value, context=context)


def test_reshape() -> None:
    text = """
function: os.path:join
columns: {id: {type: int64}}
tables:
  shops:
    inputs: shops/*.csv
    csv: {delimiter: ";"}
    columns: {shop: {type: string}}
"""
    reshape = validated(_reshape_type(_columns_type()), text)
    assert (reshape.function.__name__, reshape.schema) == ("join", Schema((Column("id", "int64"),)))
    assert reshape == Reshape(
        function=reshape.function,
        schema=reshape.schema,
        tables={
            "shops": Table(
                schema=Schema((Column("shop", "string"),)),
                inputs=(Input(None, "/recipes/shops/*.csv"),),
                csv=CsvFormat(delimiter=";"),
            )
        },
    )


def test_reshape_of_nothing() -> None:
    with pytest.raises(ValueError, match="reshape: give the columns of the inputs"):
        validated(_reshape_type(_columns_type()), "function: os.path:join")


def test_expect_type() -> None:
    text = "{schema: schema.pbtxt, previous: gs://a/b, min_rows: 3, thresholds: {age: 0.2}}"
    assert validated(_expect_type(), text) == Expect(
        schema="/recipes/schema.pbtxt", previous="gs://a/b", min_rows=3, thresholds={"age": 0.2}
    )


def test_they_are_keys_of_a_recipe() -> None:
    text = "columns: {a: {type: int64}}\ntransforms: {a: z_score}\n"
    more = (
        "expect: {schema: a.pbtxt}\nreshape: {function: os.path:join, columns: {b: {type: int64}}}"
    )
    recipe = recipe_of_text(text + more, name="x", folder="")
    assert recipe.expect == Expect(schema="a.pbtxt")
    assert recipe.reshape is not None
    assert recipe.reshape.schema == Schema((Column("b", "int64"),))
