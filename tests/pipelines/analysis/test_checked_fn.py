"""Errors of a `preprocessing_fn` are reported before any data is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.checked_fn import check_preprocessing_fn

from recordmill.pipelines.recipes.file import recipe_of_text
from recordmill.schemas import RecipeError

COLUMNS = """
name: people
columns:
  age: {type: int64, missing: [-1]}
  city: {type: string}
  income: {type: string, role: label, domain: [low, high]}
"""

FUNCTIONS = """
import tensorflow as tf
import tensorflow_transform as tft

def good(inputs):
    return {"age": tft.scale_to_z_score(inputs["age"]), "city": inputs["city"]}

def wrong_name(inputs):
    ages = inputs["agee"]
    return {"age": ages}

def unlike_any(inputs):
    return {"x": inputs["zip"]}

def wrong_type(inputs):
    return {"age": helper(inputs["age"])}

def helper(x):
    return tf.strings.strip(x)

def returns_none(inputs): pass
def returns_nothing(inputs): return {}
def returns_a_number(inputs): return {"age": 3}
def returns_one_value(inputs): return {"age": tf.reduce_sum(inputs["age"])}
def returns_a_numbered(inputs): return {1: inputs["age"]}
"""


def check(text: str, folder: Path) -> None:
    (folder / "mine.py").write_text(FUNCTIONS)
    check_preprocessing_fn(recipe_of_text(COLUMNS + text, name="x", folder=str(folder)))


def test_good_ones(tmp_path: Path) -> None:
    check("preprocessing_fn: mine.py:good", tmp_path)
    check("transforms: {age: z_score, city: {hash_buckets: 9}}", tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wrong_name", "{path}:9: KeyError: 'agee'; did you mean \"age\"?"),
        ("unlike_any", "{path}:13: KeyError: 'zip'; there are age, city, income"),
        (
            "wrong_type",
            "{path}:19: TypeError: Input 'input' of 'StringStrip' Op has type int64 that does not "
            "match expected type of string.",
        ),
        (
            "returns_none",
            "{path}: expected a dict of features by name, got a value of type NoneType",
        ),
        ("returns_nothing", "{path}: expected at least one feature, got an empty dict"),
        ("returns_a_number", '{path}: feature "age": expected a tensor, got a value of type int'),
        (
            "returns_one_value",
            '{path}: feature "age": expected a value for each row, got one for all of them',
        ),
        ("returns_a_numbered", "{path}: expected text for the name of a feature, got 1"),
        ("helper", None),
    ],
)
def test_functions(name: str, message: str | None, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as error:
        check(f"preprocessing_fn: mine.py:{name}", tmp_path)
    prefix = f"recipe people: {name}: "
    assert str(error.value).startswith(prefix)
    if message:
        assert str(error.value) == prefix + message.format(path=tmp_path / "mine.py")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "transforms: {age: [log, vocabulary_ids]}",
            "transforms.age: vocabulary_ids: expected string or int64, got float32",
        ),
        (
            "transforms: {age: {fill_missing: none}}",
            "transforms.age: fill_missing: Expected int64, but got none of type 'str'.",
        ),
        (
            "values: {old: {expression: age > 40}, x: {expression: old + city}}\n"
            "transforms: {old: {of: x}}",
            'values.x: expected a number, got the string column "city"\n  old + city\n        ^^^^',
        ),
    ],
)
def test_declared(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as error:
        check(text, tmp_path)
    assert str(error.value) == f"recipe people: {message}"
