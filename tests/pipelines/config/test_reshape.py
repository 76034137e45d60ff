from __future__ import annotations

from functools import partial

import pytest
from helpers import reshapes

from recordmill.pipelines.config.input import Input
from recordmill.pipelines.config.reshape import Reshape, Table
from recordmill.schemas import Column, RecipeError, Schema

ORDERS = Schema((Column("customer", "string"),))


def test_a_reshape_needs_a_function_and_a_source() -> None:
    with pytest.raises(RecipeError, match=r"^reshape: expected a function, got 7$"):
        Reshape(function=7, schema=ORDERS)  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match=r"^reshape: give the columns of the inputs, or inputs"):
        Reshape(function=reshapes.by_customer)


def test_tables_alone_will_do() -> None:
    tables = {"orders": Table(schema=ORDERS, inputs=(Input(None, "orders.csv"),))}
    assert Reshape(function=reshapes.by_customer, tables=tables).schema is None


def test_the_name_of_the_function() -> None:
    assert Reshape(function=reshapes.by_customer, schema=ORDERS).name == (
        "helpers.reshapes:by_customer"
    )
    assert Reshape(function=partial(reshapes.by_customer), schema=ORDERS).name == (
        "functools:partial"
    )
