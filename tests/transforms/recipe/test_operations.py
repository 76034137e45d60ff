"""Operations of recipes are the functions of this package, described by their signatures."""

from __future__ import annotations

import importlib
import inspect
from typing import Any, get_type_hints

import pytest
import tensorflow as tf

from recordmill.transforms.recipe.operations import OPS, Tensors, arguments, as_is, dtypes, tensors

MODULES = ("numeric", "categorical", "dates", "text", "multivalued", "encodings")


@pytest.mark.parametrize("module", MODULES)
def test_every_public_function_is_an_operation(module: str) -> None:
    home = importlib.import_module(f"recordmill.transforms.{module}")
    functions = {n: f for n in home.__all__ if inspect.isfunction(f := getattr(home, n))}
    assert {name: OPS.get(name) for name in functions} == functions


@pytest.mark.parametrize("name", OPS)
def test_tensors_come_first_and_arguments_have_a_type(name: str) -> None:
    op = OPS[name]
    names = list(inspect.signature(op).parameters)
    rest = list(arguments(op).parameters)
    assert names[len(names) - len(rest) :] == rest
    assert set(arguments(op).hints) == set(rest) < set(get_type_hints(op)) | {"return"}
    assert tensors(op).least >= 1


@pytest.mark.parametrize(
    ("name", "taken", "first"),
    [
        ("z_score", Tensors(1, 1), None),
        ("fill_missing", Tensors(1, 1), "value"),
        ("cross", Tensors(2, None), "num_buckets"),
        ("clip", Tensors(1, 1), None),
        ("days_since", Tensors(1, 2), None),
        ("fill_by_group", Tensors(2, 2), None),
        ("date_part", Tensors(1, 1), "part"),
        ("resized", Tensors(1, 1), "size"),
    ],
)
def test_signatures(name: str, taken: Tensors, first: str | None) -> None:
    assert (tensors(OPS[name]), arguments(OPS[name]).first) == (taken, first)


def test_dtypes_by_place() -> None:
    assert dtypes(OPS["fill_by_group"], 0) == (tf.int64, tf.float32, tf.float64)
    assert dtypes(OPS["fill_by_group"], 1) == (tf.string, tf.int64)
    assert dtypes(OPS["cross"], 7) == (tf.string, tf.int64)
    assert dtypes(OPS["as_is"], 0) == ()


@pytest.mark.parametrize("x", [tf.constant([1.0]), tf.ragged.constant([[1], []])])
def test_as_is(x: Any) -> None:
    assert as_is(x).shape.as_list() == x.shape.as_list()
    assert bool(tf.reduce_all(as_is(x) == x))
