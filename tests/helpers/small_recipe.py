"""A small recipe for tests of whole runs, in a file of its own as a user would have it."""

from __future__ import annotations

import random
from typing import Any

import tensorflow_transform as tft

from recordmill.pipelines import CsvFormat, Recipe, Splitting
from recordmill.schemas import Column, Schema
from recordmill.transforms import cleaning

SCHEMA = Schema(
    (
        Column("age", "int64", minimum=0, maximum=120),
        Column("height", "float32", missing=("NA",)),
        Column("city", "string", missing=("?",)),
        Column("label", "string", domain=("no", "yes"), required=True, role="label"),
    )
)


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """One float, one vocabulary, one label."""
    clean = cleaning.clean(inputs, SCHEMA)
    return {
        "age": tft.scale_to_z_score(clean["age"]),
        "city": tft.compute_and_apply_vocabulary(clean["city"], vocab_filename="city"),
        "label": tft.compute_and_apply_vocabulary(clean["label"], vocab_filename="label"),
    }


SMALL = Recipe(
    name="small",
    schema=SCHEMA,
    preprocessing_fn=preprocessing_fn,
    csv=CsvFormat(header=True),
    split=Splitting({"train": 0.75, "eval": 0.25}),
)

HEADER = "age,height,city,label\n"


def rows(count: int, *, seed: int = 0) -> list[str]:
    """Good rows, as lines of CSV."""
    draw = random.Random(seed)
    return [
        f"{draw.randrange(90)},{draw.choice(('NA', '1.75', ' 1.6'))},"
        f"{draw.choice(('Rome', ' Oslo', '?', 'Lima '))},{draw.choice(('no', 'yes'))}\n"
        for _ in range(count)
    ]
