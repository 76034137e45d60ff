"""Reshapes, and their checks before any data is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from helpers import reshapes

from recordmill.pipelines.config.input import Input
from recordmill.pipelines.config.reshape import Reshape, Table
from recordmill.pipelines.reshape.reshape import check_reshape, to_frame
from recordmill.schemas import Column, DataError, RecipeError, Schema

ORDERS = Schema(
    (
        Column("customer", "string"),
        Column("items", "int64", required=True),
        Column("amount", "float32"),
        Column("day", "string"),
        Column("age", "int64"),
    )
)
CUSTOMERS = Schema((Column("customer", "string"), Column("city", "string")))
TOTALS = Schema((Column("customer", "string"), Column("total", "float32")))


def error_of(function: Callable[..., Any], schema: Schema = TOTALS) -> str:
    with pytest.raises(RecipeError) as caught:
        check_reshape(Reshape(function=function, schema=ORDERS), schema)
    return str(caught.value)


def _line(function: Callable[..., Any]) -> int:
    """Return the line of the only statement of a function."""
    return int(function.__code__.co_firstlineno) + 1


def rows(ages: list[int | None]) -> pa.RecordBatch:
    count = len(ages)
    columns = [["ann", None] * count, range(count), [0.5, None] * count, ["mon"] * count, ages]
    return pa.RecordBatch.from_arrays(
        [
            pa.array(list(values)[:count]).cast(kind)
            for values, kind in zip(columns, ORDERS.arrow_schema().types, strict=True)
        ],
        schema=ORDERS.arrow_schema(),
    )


class TestToFrame:
    @pytest.mark.parametrize("batches", [[], [rows([1, None])]])
    def test_dtypes(self, batches: list[pa.RecordBatch]) -> None:
        assert to_frame(batches, ORDERS).dtypes.astype(str).to_dict() == {
            "customer": "object",
            "items": "int64",
            "amount": "float64",
            "day": "object",
            "age": "float64",
        }

    def test_values(self) -> None:
        frame = to_frame([rows([7, None])], ORDERS)
        assert frame.customer.tolist() == ["ann", None]
        assert frame["items"].tolist() == [0, 1]
        assert frame.amount[0] == 0.5 and pd.isna(frame.amount[1])
        assert frame.age[0] == 7 and pd.isna(frame.age[1])

    def test_an_integer_that_no_float_is(self) -> None:
        with pytest.raises(DataError) as caught:
            to_frame([rows([2**53 + 1])], ORDERS)
        assert str(caught.value) == (
            'column "age": pandas cannot have an integer beyond 2^53 beside missing values: '
            "declare the column as required, or with the type string"
        )


class TestCheck:
    def test_valid_functions(self) -> None:
        check_reshape(
            Reshape(
                function=reshapes.by_customer,
                schema=ORDERS.__class__((*ORDERS.columns[:4], Column("tags", "string"))),
            ),
            TOTALS,
        )

    def test_several_frames(self) -> None:
        table = Table(schema=CUSTOMERS, inputs=(Input(None, "none.csv"),))
        cities = Schema((Column("customer", "string"), Column("city", "string")))
        check_reshape(
            Reshape(function=reshapes.with_city, schema=ORDERS, tables={"customers": table}),
            cities,
        )
        with pytest.raises(RecipeError) as caught:
            check_reshape(
                Reshape(function=reshapes.with_city, schema=ORDERS, tables={"clients": table}),
                cities,
            )
        assert str(caught.value) == (
            "reshape helpers.reshapes:with_city: TypeError: with_city() got an unexpected keyword "
            "argument 'clients'"
        )

    def test_operations_that_need_an_order(self) -> None:
        lines = error_of(reshapes.sorted_by_amount).splitlines()
        assert lines[0] == (
            "reshape helpers.reshapes:sorted_by_amount (reshapes.py:53): WontImplementError: "
            "sort_values(axis=index) is not supported because it imposes an ordering on the "
            "dataset which likely will not be preserved."
        )
        assert lines[-1] == (
            "The rows of a distributed frame have no order, and its columns are known before its "
            "values. Within a group rows can have an order: `frame.groupby(key).apply(lambda "
            "group: group.sort_values(…)…)`. For a pivot, give the column a "
            "`pandas.CategoricalDtype` that names its values."
        )

    def test_operations_that_are_not_parallel(self) -> None:
        message = error_of(reshapes.merged_on_columns)
        assert message.startswith(
            "reshape helpers.reshapes:merged_on_columns (reshapes.py:57): NonParallelOperation: "
        )
        assert "left.merge(right.set_index(key), left_on=key, right_index=True)" in message

    def test_a_column_that_is_not_there(self) -> None:
        assert error_of(reshapes.no_such_column) == (
            f"reshape helpers.reshapes:no_such_column "
            f"(reshapes.py:{_line(reshapes.no_such_column)}): "
            'there is no column "amuont"; did you mean "amount"?'
        )
        assert error_of(reshapes.no_such_columns) == (
            f"reshape helpers.reshapes:no_such_columns "
            f"(reshapes.py:{_line(reshapes.no_such_columns)}): "
            f'there is no column "zip"; there are {", ".join(ORDERS.names)}'
        )

    def test_operations_that_beam_lacks(self) -> None:
        assert error_of(reshapes.all_at_once) == (
            "reshape helpers.reshapes:all_at_once (reshapes.py:61): NotImplementedError: "
            "GroupBy.agg(func={'amount': 'sum'})\n"
            "Beam's frames do not have it. They do aggregate by name, as in "
            '`frame.groupby(key).agg(total=("amount", "sum"))`, and do anything within a group: '
            "`frame.groupby(key).apply(function)`."
        )

    def test_a_mistake(self) -> None:
        assert error_of(reshapes.misspelt) == (
            "reshape helpers.reshapes:misspelt (reshapes.py:65): KeyError: 'custmer'"
        )

    def test_a_result_that_is_no_frame(self) -> None:
        assert error_of(reshapes.a_number) == (
            "reshape helpers.reshapes:a_number: expected it to return a DataFrame computed from "
            "its arguments, got a _DeferredScalar"
        )

    def test_a_column_that_is_not_returned(self) -> None:
        assert error_of(reshapes.too_little) == (
            "reshape helpers.reshapes:too_little: it returns no column total "
            '(did you mean "totals"?); it returns customer, totals'
        )
