from __future__ import annotations

import pickle
import subprocess
import sys

import pyarrow as pa
import pytest
from helpers.small_recipe import SCHEMA

from recordmill.pipelines.recipes.conditions import condition
from recordmill.pipelines.selection.select import check_filters
from recordmill.schemas.errors import RecipeError
from recordmill.schemas.images import ImageSchema


def passed(text: str) -> list[int]:
    rows = {
        "age": [10, 20, None, 40],
        "height": [1.75, None, 1.6, 2.0],
        "city": ["Rome", "Oslo", None, "Rome"],
        "label": ["no", "yes", "yes", "no"],
    }
    table = pa.table(rows, schema=SCHEMA.arrow_schema())
    table = table.append_column("row", pa.array(range(4)))
    return table.filter(condition(text, SCHEMA))["row"].to_pylist()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("age >= 20", [1, 3]),
        ("not age >= 20", [0]),
        ("age >= 20 or label == 'yes'", [1, 2, 3]),
        ("city != 'Rome'", [1]),
        ("city not in ('Rome', 'Lima')", [1]),
        ("city is missing", [2]),
        ("city is not missing and height is not missing", [0, 3]),
        ("height == 1.6", [2]),
        ("15 < age < 30", [1]),
        ("age / (age - 20) > 0", [3]),
        ("age % 20 == 0", [1, 3]),
        ("age / (age - 20) is missing", [1, 2]),
        ("len(city) == 4 and city < 'P'", [1]),
        ("max(age, height * 10) < 21", [0]),
    ],
)
def test_rows_that_pass(text: str, rows: list[int]) -> None:
    assert passed(text) == rows
    check_filters([condition(text, SCHEMA)], SCHEMA)


def test_a_filter_travels_to_workers() -> None:
    expression = condition("age >= 18 and city in ('Rome',) and height / 2 > 0.8", SCHEMA)
    assert str(pickle.loads(pickle.dumps(expression))) == str(expression)


def test_columns_of_images() -> None:
    schema = ImageSchema("classification", ("cat", "dog"))
    expression = condition("width >= 32 and label == 'cat'", schema)
    check_filters([expression], schema)
    with pytest.raises(RecipeError, match='no column "widht"; did you mean "width"'):
        condition("widht >= 32", schema)


def test_a_value_is_no_condition() -> None:
    with pytest.raises(RecipeError) as error:
        condition("age + 1", SCHEMA)
    assert str(error.value) == 'expected a condition, such as "age >= 18", got a value: age + 1'


def test_needs_no_tensorflow() -> None:
    code = (
        "import sys, recordmill.pipelines.recipes.conditions; sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
