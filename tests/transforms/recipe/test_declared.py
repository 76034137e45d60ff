"""Declared features are what the named functions give, and errors name feature and operation."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import tensorflow as tf

from recordmill.schemas import Column, RecipeError
from recordmill.transforms import categorical, missing, numeric
from recordmill.transforms.recipe.declared import Declared, Step, TensorDefinition

COLUMNS = (
    Column("age", "int64", missing=("-1",)),
    Column("city", "string", missing=("?",)),
)
INPUTS = {
    "age": tf.constant([20, -1, 70], tf.int64),
    "city": tf.constant([" Rome", "?", "Oslo"]),
}


def features(*made: TensorDefinition, values: tuple[TensorDefinition, ...] = ()) -> dict[str, Any]:
    return Declared(COLUMNS, values, made)(INPUTS)


def test_inputs_are_cleaned_first() -> None:
    result = features(TensorDefinition("city", ("city",)), TensorDefinition("age", ("age",)))
    assert list(result) == ["city", "age"]
    assert result["city"].numpy().tolist() == [b"Rome", b"", b"Oslo"]
    assert result["age"].numpy().tolist() == [20, -(2**63), 70]


def test_steps_follow_each_other() -> None:
    steps = (Step("fill_missing", {"value": "?"}), Step("hash_buckets", {"num_buckets": 9}))
    filled = missing.fill_missing(tf.constant(["Rome", "", "Oslo"]), "?")
    expected = categorical.hash_buckets(filled, num_buckets=9).numpy().tolist()
    assert features(TensorDefinition("x", ("city",), steps))["x"].numpy().tolist() == expected


def test_values_are_known_to_those_after_them() -> None:
    values = (
        TensorDefinition("old", expression="age >= 65"),
        TensorDefinition("bucket", ("old",), (Step("fill_missing", {"value": 0}),)),
    )
    cross = TensorDefinition("x", ("bucket", "city"), (Step("cross", {"num_buckets": 50}),))
    xs = [tf.constant([0, 0, 1], tf.int64), tf.constant(["Rome", "", "Oslo"])]
    expected = categorical.cross(xs, num_buckets=50).numpy().tolist()
    assert features(cross, values=values)["x"].numpy().tolist() == expected


def test_what_is_no_column_is_left_as_it_is() -> None:
    ragged = tf.ragged.constant([["a"], []])
    result = Declared((), (), (TensorDefinition("x", ("box_labels",)),))({"box_labels": ragged})
    assert result["x"] is ragged


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (
            TensorDefinition("x", ("city",), (Step("z_score"),)),
            "transforms.x: z_score: expected int64, float32 or float64, got string",
        ),
        (
            TensorDefinition("x", ("city", "age"), (Step("hash_buckets", {"num_buckets": 3}),)),
            "transforms.x: hash_buckets: expected 1 column, got 2",
        ),
        (
            TensorDefinition("x", ("city",), (Step("cross", {"num_buckets": 3}),)),
            "transforms.x: cross: expected 2 or more columns, got 1",
        ),
        (
            TensorDefinition("x", ("age",), (Step("days_since"), Step("one_hot", {"depth": 3}))),
            "transforms.x: one_hot: expected int64, got float32",
        ),
        (
            TensorDefinition("x", ("age",), (Step("clip", {"minimum": 3, "maximum": 1}),)),
            "transforms.x: clip: expected minimum up to maximum, got 3, 1",
        ),
        (
            TensorDefinition("x", expression="age + city"),
            'transforms.x: expected a number, got the string column "city"\n'
            "  age + city\n        ^^^^",
        ),
    ],
)
def test_errors_name_the_feature_and_the_operation(made: TensorDefinition, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        features(made)
    assert str(error.value) == message


def test_an_error_in_a_value_names_the_value() -> None:
    value = TensorDefinition("y", ("age",), (Step("label_ids", {"classes": ("a",)}),))
    with pytest.raises(RecipeError) as error:
        features(TensorDefinition("x", ("y",)), values=(value,))
    assert str(error.value) == "values.y: label_ids: expected string, got int64"


def test_it_is_data() -> None:
    declared = Declared(
        COLUMNS, (), (TensorDefinition("x", ("age",), (Step("clip", {"minimum": 30}),)),)
    )
    copied = pickle.loads(pickle.dumps(declared))
    assert copied == declared
    expected = numeric.clip(tf.constant([20, -(2**63), 70], tf.int64), minimum=30)
    assert copied(INPUTS)["x"].numpy().tolist() == expected.numpy().tolist()
