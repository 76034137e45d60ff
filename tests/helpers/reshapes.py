"""Functions of DataFrames for tests of reshaping, in a file of their own as a user would have them.

Each is written once and gets pandas' DataFrames in a notebook, Beam's in a run.
"""

from __future__ import annotations

from typing import Any

import pandas as pd


def by_customer(orders: Any) -> Any:
    """Group and aggregate."""
    return orders.groupby("customer").agg(
        total=("amount", "sum"), largest=("amount", "max"), orders=("items", "count")
    )


def with_city(orders: Any, customers: Any) -> Any:
    """Join."""
    paid = orders[orders.amount > 1.0]
    cities = customers.set_index("customer")
    return paid.merge(cities, left_on="customer", right_index=True)


def by_weekday(orders: Any) -> Any:
    """Pivot: days become columns, known from the categories."""
    day = pd.CategoricalDtype(["mon", "tue", "wed"])
    sums = orders.groupby(["customer", "day"]).amount.sum()
    table = sums.to_frame().reset_index(level="day")
    table["day"] = table["day"].astype(day)
    return table.set_index("day", append=True).amount.unstack("day")


def exploded(orders: Any) -> Any:
    """Flatten: a row for each tag."""
    orders["tag"] = orders.tags.str.split("|")
    return orders.explode("tag")


def rolling(orders: Any) -> Any:
    """A window over the last two orders of each customer."""
    return orders.groupby("customer").apply(_rolled)


def _rolled(group: pd.DataFrame) -> pd.DataFrame:
    ordered = group.sort_values("items")
    return ordered.assign(recent=ordered.amount.rolling(2, min_periods=1).mean())


def sorted_by_amount(orders: Any) -> Any:
    return orders.sort_values("amount")


def merged_on_columns(orders: Any) -> Any:
    return orders.merge(orders[["customer", "items"]], on="customer")


def all_at_once(orders: Any) -> Any:
    return orders.groupby("customer").agg({"amount": "sum"})


def misspelt(orders: Any) -> Any:
    return orders.groupby("custmer").amount.sum().to_frame()


def no_such_column(orders: Any) -> Any:
    return orders[orders["amuont"] > 1.0]


def no_such_columns(orders: Any) -> Any:
    return orders[["customer", "zip"]]


def a_number(orders: Any) -> Any:
    return orders.amount.sum()


def too_little(orders: Any) -> Any:
    return orders.groupby("customer").agg(totals=("amount", "sum"))


def fails_on_rows(orders: Any) -> Any:
    orders["total"] = orders.amount.apply(_fail)
    return orders[["customer", "total"]]


def _fail(value: float) -> float:
    raise ValueError(f"no use for {value}")
