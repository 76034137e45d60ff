"""The feed against the slow and obvious conversion, and against tfx_bsl's."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from tfx_bsl.tfxio.tensor_adapter import TensorAdapter

from recordmill.pipelines.analysis.tensors import SchemaTensorAdapter
from recordmill.schemas.column import MISSING_INT64, Column
from recordmill.schemas.schema import Schema

SCHEMA = Schema(
    (
        Column("id", "string", role="unused"),
        Column("age", "int64"),
        Column("weight", "int64", role="weight"),
        Column("height", "float32"),
        Column("home-town", "string"),
        Column("label", "string", domain=("no", "yes"), role="label"),
    )
)
FEED = SchemaTensorAdapter(SCHEMA)

INT64 = st.none() | st.integers(-(2**63), 2**63 - 1)
FLOAT32 = st.none() | st.floats(width=32)
TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
ROWS = st.lists(st.tuples(TEXT, INT64, INT64, FLOAT32, TEXT, TEXT), max_size=6)


def batch_of(rows: list[tuple[Any, ...]], unused: list[str] | None = None) -> pa.RecordBatch:
    """The rows; `unused` are values in every dictionary that no row has."""
    columns = []
    for place, field in enumerate(SCHEMA.arrow_schema()):
        cells = [row[place] for row in rows]
        if not pa.types.is_dictionary(field.type):
            columns.append(pa.array(cells, field.type))
            continue
        values = list(dict.fromkeys(cell for cell in cells if cell is not None)) + (unused or [])
        indices = [None if cell is None else values.index(cell) for cell in cells]
        columns.append(
            pa.DictionaryArray.from_arrays(
                pa.array(indices, pa.int32()), pa.array(values, pa.string())
            )
        )
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA.arrow_schema())


def slowly(rows: list[tuple[Any, ...]]) -> dict[str, np.ndarray]:
    dtypes = {"int64": np.int64, "float32": np.float32, "string": object}
    tensors = {}
    for place, column in enumerate(SCHEMA):
        if column in SCHEMA.inputs:
            cells = [column.missing_value if row[place] is None else row[place] for row in rows]
            if column.type == "string":
                cells = [str(cell).encode() for cell in cells]
            tensors[column.name] = np.array(cells, dtypes[column.type])
    return tensors


def assert_equal(tensors: dict[str, tf.Tensor], expected: dict[str, np.ndarray]) -> None:
    assert sorted(tensors) == sorted(expected)
    for name, tensor in tensors.items():
        assert FEED.type_specs()[name].is_compatible_with(tensor)
        np.testing.assert_array_equal(tensor.numpy(), expected[name])


@given(ROWS, st.sampled_from([0, 100]))
def test_the_tensors_are_those_of_the_slow_way(rows: list[tuple[Any, ...]], unused: int) -> None:
    batch = batch_of(rows, [f"unused {i}" for i in range(unused)])
    assert_equal(FEED(batch), slowly(rows))


@given(ROWS, st.integers(0, 3))
def test_a_slice_is_its_rows(rows: list[tuple[Any, ...]], start: int) -> None:
    assert_equal(FEED(batch_of(rows)[start:]), slowly(rows[start:]))


@given(ROWS)
def test_tfx_bsl_makes_the_same_tensors_of_to_arrow(rows: list[tuple[Any, ...]]) -> None:
    adapter = TensorAdapter(FEED.tensor_adapter_config())
    assert_equal(adapter.ToBatchTensors(FEED.to_arrow(batch_of(rows))), slowly(rows))
    assert adapter.TypeSpecs() == FEED.type_specs()


def test_missing_values_are_those_of_the_column() -> None:
    tensors = FEED(batch_of([(None,) * 6]))
    assert tensors["age"].numpy().tolist() == [MISSING_INT64]
    assert np.isnan(tensors["height"].numpy()).tolist() == [True]
    assert tensors["home-town"].numpy().tolist() == [b""]


def test_only_features_and_the_label_are_fed() -> None:
    assert FEED.type_specs() == {
        "age": tf.TensorSpec([None], tf.int64),
        "height": tf.TensorSpec([None], tf.float32),
        "home-town": tf.TensorSpec([None], tf.string),
        "label": tf.TensorSpec([None], tf.string),
    }


@pytest.mark.parametrize("copy", [FEED, pickle.loads(pickle.dumps(FEED))])
def test_it_pickles(copy: SchemaTensorAdapter) -> None:
    copy.setup()
    rows = [("a", 1, 2, 3.5, "Ulm", "yes")]
    assert_equal(copy(batch_of(rows)), slowly(rows))
