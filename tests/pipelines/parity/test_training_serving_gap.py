"""Steps that only the pipeline applies are described."""

from __future__ import annotations

from dataclasses import replace

import pyarrow.compute as pc
from helpers.small_images import PETS, TILED
from helpers.small_recipe import SMALL

from recordmill.pipelines import Images
from recordmill.pipelines.parity.training_serving_gap import training_serving_gap
from recordmill.schemas import Column, Schema


def test_of_a_table() -> None:
    assert training_serving_gap(SMALL) == [
        "parsing: text becomes numbers; a request carries numbers (age, height)",
        "missing: tokens that are no numbers become missing; a request leaves the field out "
        "(height)",
        "rejecting: rows with a value outside its range or domain are left out; a request's value "
        "is taken as it stands (age, label)",
        "required: rows without the value are left out; in a request it is missing (label)",
    ]


def test_of_rows_that_are_chosen() -> None:
    text = Schema((Column("name", "string", missing=("?",), spelling=(("a", "b"),)),))
    plain = replace(SMALL, schema=text)
    assert training_serving_gap(plain) == []
    chosen = replace(plain, filters=(pc.field("name") == "b",), sampling=0.1, distinct=True)
    assert training_serving_gap(chosen) == [
        'filters: rows are left out unless (name == "b")',
        "sampling: 0.1 of the rows are kept",
        "distinct: of equal rows in a split one is kept",
    ]


def test_of_lenient_columns() -> None:
    lenient = Schema((Column("n", "int64", missing=("-999",), maximum=9, bad_value="missing"),))
    assert training_serving_gap(replace(SMALL, schema=lenient))[1:] == [
        "bad_value: text that is no number becomes missing (n)"
    ]


def test_of_images() -> None:
    assert [line.partition(":")[0] for line in training_serving_gap(PETS)] == [
        *("limits", "formats", "end markers")
    ]
    assert [line.partition(":")[0] for line in training_serving_gap(TILED)][3:] == [
        "tiling",
        "augmentation",
    ]
    stored = replace(PETS, images=Images(storage="jpeg", near_duplicates="drop"))
    assert training_serving_gap(stored)[3:] == [
        "near_duplicates: of pictures that look the same one is kept",
        "storage: pixels are stored as JPEG of quality 95, with losses",
    ]
