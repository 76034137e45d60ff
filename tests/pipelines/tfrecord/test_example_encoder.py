"""The encoder compared with TensorFlow's parser, protobuf's serialization and tfx_bsl's encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from recordmill.pipelines.tfrecord.example_encoder import encode_examples
from recordmill.schemas.errors import RecipeError

INT64 = st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 300)
FLOAT32_BITS = st.integers(0, 2**32 - 1) | st.sampled_from(
    [0x80000000, 0x00000001, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC12345, 0x7FA00001]
)
BYTES = st.binary(max_size=5) | st.binary(min_size=120, max_size=140)
# tfx_bsl cuts names at a NUL.
NAMES = st.text(
    st.characters(min_codepoint=1, exclude_categories=["Cs"]), max_size=6
) | st.sampled_from(["a", "ab", "a" * 127])
CELL_SHAPES = st.sampled_from([(), (1,), (3,), (0,), (2, 2), (40,)])
KINDS = st.sampled_from(["int64", "float32", "bytes"])


def array(kind: str, cells: Sequence[Any], shape: tuple[int, ...]) -> np.ndarray:
    if kind == "bytes":
        flat = np.empty(len(cells), object)
        flat[:] = cells
        return flat.reshape(shape)
    if kind == "float32":
        return np.array(cells, np.uint32).view(np.float32).reshape(shape)
    return np.array(cells, np.int64).reshape(shape)


def values_of(kind: str) -> st.SearchStrategy[Any]:
    return {"int64": INT64, "float32": FLOAT32_BITS, "bytes": BYTES}[kind]


@st.composite
def dense_features(draw: st.DrawFn) -> dict[str, np.ndarray]:
    rows = draw(st.integers(0, 4))
    features = {}
    for name in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)):
        kind, shape = draw(KINDS), (rows, *draw(CELL_SHAPES))
        size = int(np.prod(shape))
        cells = draw(st.lists(values_of(kind), min_size=size, max_size=size))
        features[name] = array(kind, cells, shape)
    return features


@st.composite
def list_features(draw: st.DrawFn) -> dict[str, pa.Array]:
    rows = draw(st.integers(1, 4))
    types = {"int64": pa.int64(), "float32": pa.float32(), "bytes": pa.large_binary()}
    features = {}
    for name in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)):
        kind = draw(KINDS)
        cells = draw(st.lists(st.lists(values_of(kind), max_size=4), min_size=rows, max_size=rows))
        values = array(kind, [cell for row in cells for cell in row], (-1,))
        ends = np.cumsum([0, *map(len, cells)])
        features[name] = pa.LargeListArray.from_arrays(ends, pa.array(values, types[kind]))
    return features


def canonical(features: Mapping[str, tf.train.Feature]) -> bytes:
    """Serialize an Example by protobuf, which merges concatenated messages."""
    entries = b"".join(
        tf.train.Features(feature={name: features[name]}).SerializeToString()
        for name in sorted(features)
    )
    return tf.train.BytesList(value=[entries]).SerializeToString()


def by_protobuf(features: Mapping[str, np.ndarray]) -> list[bytes]:
    rows = len(next(iter(features.values())))
    return [
        canonical(
            {name: feature(values[row : row + 1].ravel()) for name, values in features.items()}
        )
        for row in range(rows)
    ]


def feature(cells: np.ndarray) -> tf.train.Feature:
    if cells.dtype == np.int64:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=cells))
    if cells.dtype == object:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=cells))
    packed = cells.astype("<f4").tobytes()
    return tf.train.Feature(
        float_list=tf.train.FloatList.FromString(
            tf.train.BytesList(value=[packed]).SerializeToString() if packed else b""
        )
    )


def bits(values: np.ndarray) -> list[Any]:
    return (values.view(np.uint32) if values.dtype == np.float32 else values).tolist()


@given(dense_features())
def test_the_bytes_are_those_of_protobuf_with_sorted_keys(features: dict[str, np.ndarray]) -> None:
    assert encode_examples(features).to_pylist() == by_protobuf(features)


@given(dense_features())
def test_tensorflow_parses_encoded_records(features: dict[str, np.ndarray]) -> None:
    features = {name or "unnamed": values for name, values in features.items() if values.size}
    if not features:
        return
    spec = {
        name: tf.io.FixedLenFeature(values.shape[1:], tf.as_dtype(values.dtype))
        for name, values in features.items()
    }
    parsed = tf.io.parse_example(encode_examples(features).to_pylist(), spec)
    for name, values in features.items():
        assert bits(parsed[name].numpy()) == bits(values)


@given(list_features())
def test_lists_are_encoded_as_tfx_bsl_encodes_them(features: dict[str, pa.Array]) -> None:
    theirs = RecordBatchToExamplesEncoder().encode(pa.RecordBatch.from_pydict(features))
    expected = [canonical(tf.train.Example.FromString(it).features.feature) for it in theirs]
    assert encode_examples(features).to_pylist() == expected


@given(list_features(), st.integers(0, 3))
def test_a_slice_is_encoded_as_its_rows(features: dict[str, pa.Array], start: int) -> None:
    sliced = {name: values[start:] for name, values in features.items()}
    assert encode_examples(sliced).to_pylist() == encode_examples(features).to_pylist()[start:]


@pytest.mark.parametrize("kind", [pa.int64(), pa.float32(), pa.binary(), pa.large_binary()])
def test_a_null_list_is_encoded_as_an_empty_one(kind: pa.DataType) -> None:
    nulls = encode_examples({"x": pa.array([None, []], pa.list_(kind))}).to_pylist()
    assert nulls[0] == nulls[1]
    assert tf.train.Example.FromString(nulls[0]).features.feature["x"].WhichOneof("kind")


def test_an_example_is_these_bytes() -> None:
    features = {"b": np.array([1.0], np.float32), "a": np.array([-1]), "c": np.array([b"\0"], "O")}
    assert encode_examples(features)[0].as_py().hex(" ") == (
        "0a 30"
        " 0a 13 0a 01 61 12 0e 1a 0c 0a 0a ff ff ff ff ff ff ff ff ff 01"
        " 0a 0d 0a 01 62 12 08 12 06 0a 04 00 00 80 3f"
        " 0a 0a 0a 01 63 12 05 0a 03 0a 01 00"
    )


def test_keys_are_in_the_order_of_their_bytes() -> None:
    keys = ("a", "ab", "\uffff", "\U00010000")
    (record,) = encode_examples({key: np.array([0]) for key in reversed(keys)}).to_pylist()
    places = [record.index(key.encode() + b"\x12") for key in keys]
    assert places == sorted(places)


@pytest.mark.parametrize("dtype", ["int32", "float64", "bool"])
def test_another_type_is_refused_by_name(dtype: str) -> None:
    arrow = {"float64": "double"}.get(dtype, dtype)
    with pytest.raises(RecipeError) as caught:
        encode_examples({"fine": np.zeros(2, np.int64), "odd": np.zeros(2, dtype)})
    assert str(caught.value) == (
        f'feature "odd": expected int64, float32 or string values, got {arrow}; '
        "cast it in the preprocessing_fn"
    )
