"""Arithmetic of the parity check; the whole check runs in test_preparation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordmill.pipelines.parity.tables import request_values, ulp_distance
from recordmill.schemas import Column

floats = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(floats)
def test_the_next_float_is_one_unit_away(value: float) -> None:
    here = np.array([value], np.float32)
    after = np.nextafter(here, np.float32(math.inf))
    assert ulp_distance(here, after).tolist() == [1]
    assert ulp_distance(after, here).tolist() == [1]


def test_nan_equals_nan_and_zero_has_no_sign() -> None:
    left = np.array([np.nan, 0.0, 1.0], np.float32)
    right = np.array([np.nan, -0.0, np.nan], np.float32)
    assert (ulp_distance(left, right)[:2] == 0).all()
    assert ulp_distance(left, right)[2] > 1


@pytest.mark.parametrize("dtype", [np.int64, object])
def test_integers_and_strings_are_equal_or_not(dtype: type) -> None:
    assert ulp_distance(np.array([1, 2], dtype), np.array([1, 3], dtype)).tolist() == [0, 2]


def test_texts_become_values_of_requests() -> None:
    assert request_values(Column("n", "int64", missing=("?",)), [" 7 ", "", "?", "x"]) == [
        7,
        None,
        None,
        None,
    ]
    assert request_values(Column("x", "float32"), ["0.1", " 1e3"]) == [0.1, 1000.0]
    assert request_values(Column("s", "string", missing=("?",)), [" a ", "?"]) == [" a ", "?"]
