"""Profiles as trees; `test_codec` takes the same through bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from recordmill.schemas.column import Column
from recordmill.schemas.schema import Schema
from recordmill.schemas.statistics.codec import _from_json, _to_json
from recordmill.schemas.statistics.codec_tree import PROBLEMS, Tree, profile_of
from recordmill.schemas.statistics.fold import Profile, StatisticsFold

FOLD = StatisticsFold(
    Schema(
        (
            Column("whole", "int64"),
            Column("text", "string"),
            Column("class", "string", role="label"),
        )
    )
)


def profile() -> Profile:
    fields = FOLD.schema.arrow_schema()
    columns = ([1, 2, None], ["a", "a", "b"], ["x", "y", "x"])
    arrays = [pa.array(c, field.type) for c, field in zip(columns, fields, strict=True)]
    return FOLD.add(FOLD.start(), pa.RecordBatch.from_arrays(arrays, schema=fields))


def sketched() -> Profile:
    fields = FOLD.schema.arrow_schema()
    numbers = np.arange(20_000) * 3
    texts = pa.array([f"t{place % 9000}" for place in range(20_000)])
    columns = [pa.array(numbers), texts, pa.array(["x"] * 20_000)]
    arrays = [
        c.dictionary_encode() if pa.types.is_dictionary(f.type) else c.cast(f.type)
        for c, f in zip(columns, fields, strict=True)
    ]
    return FOLD.add(FOLD.start(), pa.RecordBatch.from_arrays(arrays, schema=fields))


def tree_of(profile: Profile) -> Any:
    """Return the tree of a profile, as `codec` reads it back."""
    return json.loads(json.dumps(profile, default=_to_json), object_hook=_from_json)


def bytes_of(one: Profile) -> bytes:
    written: bytes = FOLD.to_proto({"train": one}).SerializeToString(deterministic=True)
    return written


def test_the_tree_has_plain_values_and_arrays() -> None:
    tree = tree_of(profile())
    assert tree["rows"] == 3
    whole, text, _ = tree["columns"]
    assert (whole["missing"], whole["count"], whole["not_finite"]) == (1, 2, 0)
    assert (whole["values"].tolist(), whole["counts"].tolist()) == ([1, 2], [1, 1])
    frequent = text["frequent"]
    assert (frequent["values"].to_pylist(), frequent["counts"].tolist()) == (["a", "b"], [2, 1])
    assert (text["total_bytes"], text["shortest"], text["longest"]) == (3, 1, 1)


@pytest.mark.parametrize("make", [FOLD.start, profile, sketched])
def test_a_profile_comes_back(make: Callable[[], Profile]) -> None:
    one = make()
    again = profile_of(tree_of(one), FOLD)
    assert bytes_of(again) == bytes_of(one)


def test_sketches_are_in_the_tree_of_many_numbers() -> None:
    whole, *_ = tree_of(sketched())["columns"]
    assert whole["sketches"].keys() == {"moments", "quantiles", "distinct"}
    assert len(whole["values"]) == 0


def change(path: list[Any], value: Any) -> Callable[[Tree], None]:
    def apply(tree: Any) -> None:
        for key in path[:-1]:
            tree = tree[key]
        tree[path[-1]] = value

    return apply


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (change(["rows"], 4), "another number of rows"),
        (change(["rows"], 2**62), "the count 4611686018427387904"),
        (change(["columns", 0, "values"], np.array([2, 1])), "values out of order"),
        (change(["columns", 0, "values"], np.array([1.0, 2.0])), "an array of float64"),
        (change(["columns", 0, "counts"], np.array([1, 0])), "counts that do not fit"),
        (change(["columns", 0, "counts"], np.array([1, 2**62])), "counts that are too large"),
        (
            change(["columns", 1, "frequent", "values"], pa.array(["a", "a"])),
            "a string that occurs twice",
        ),
        (
            change(["columns", 1, "frequent", "values"], ["a", "b"]),
            "no strings where there must be some",
        ),
        (change(["columns", 1, "frequent", "errors"], np.array([3, 0])), "errors above the counts"),
        (
            change(["columns", 1, "frequent", "counts"], np.array([2, 2])),
            "another number of strings",
        ),
        (change(["columns", 1, "frequent", "floor"], 1), "another number of strings"),
    ],
)
def test_what_is_wrong_is_told(spoil: Callable[[Tree], None], problem: str) -> None:
    tree = tree_of(profile())
    spoil(tree)
    with pytest.raises(PROBLEMS) as caught:
        profile_of(tree, FOLD)
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (change(["columns", 0, "sketches", "moments", "count"], 0), "moments of nothing"),
        (change(["columns", 0, "sketches", "quantiles", "halvings"], []), "levels that do not fit"),
        (change(["columns", 0, "sketches", "quantiles", "levels"], []), "levels that do not fit"),
        (
            change(["columns", 0, "sketches", "distinct", "hashes"], np.array([2, 1], np.uint64)),
            "hashes out of order",
        ),
        (
            change(["columns", 0, "sketches", "moments"], None),
            "quantiles of another number of values",
        ),
    ],
)
def test_sketches_are_checked_too(spoil: Callable[[Tree], None], problem: str) -> None:
    tree = tree_of(sketched())
    spoil(tree)
    with pytest.raises(PROBLEMS) as caught:
        profile_of(tree, FOLD)
    assert str(caught.value).startswith(problem)
