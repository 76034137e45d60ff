from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.pipelines.runtime.dictionaries import dictionary_indices
from recordmill.pipelines.shuffle.fingerprint import Lane, fingerprint, mix64

TYPES = {
    "i": pa.int64(),
    "f": pa.float32(),
    "s": pa.dictionary(pa.int32(), pa.string()),
    "t": pa.dictionary(pa.int32(), pa.string()),
}
COLUMNS = tuple(TYPES)
ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(width=32),
        st.none() | st.sampled_from(["", "a", "b", "é", "a\0", "None", "nan"]),
        st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
    ),
    max_size=20,
)


def _batch(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    values = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)
    arrays = [
        pa.array(column, pa.string() if kind == TYPES["s"] else kind)
        for column, kind in zip(values, TYPES.values(), strict=True)
    ]
    return pa.RecordBatch.from_arrays(
        [array.cast(kind) for array, kind in zip(arrays, TYPES.values(), strict=True)],
        names=list(COLUMNS),
    )


def _keys(batch: pa.RecordBatch, columns: tuple[str, ...] = COLUMNS, seed: int = 0) -> list[Any]:
    hi, lo = fingerprint(batch, columns, seed)
    return list(zip(hi.tolist(), lo.tolist(), strict=True))


def test_the_numbers_are_part_of_the_format() -> None:
    """A dataset prepared again must not change its order: if this fails, `keys` changed."""
    rows = [
        (39, 0.5, "Bachelors", "State-gov"),
        (None, None, None, None),
        (0, 0.0, "", "None"),
        (-(2**63), float("inf"), "é", "a longer text than sixteen bytes"),
    ]
    assert _keys(_batch(rows)) == [
        (0xEADF228000C04D27, 0xD5D458346B387376),
        (0x601FA47D0A28ADB0, 0x9FDB14200E4C6602),
        (0x2D7F602C08F5759C, 0x6C0785060A568F57),
        (0x8F4A03157E4342EB, 0x78E8F1FD1F0D6A83),
    ]
    assert _keys(_batch(rows[:1]), seed=1) == [(0x8B5D5E4900B9241D, 0xA0C87F3C017FAE8B)]
    assert _keys(_batch(rows[:1]), ("s", "i")) == [(0x7108425B830FC70F, 0x5507EE3F83412FE6)]


@settings(deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_a_key_depends_on_its_row_alone(rows: list[tuple[Any, ...]], random: Any) -> None:
    keys = _keys(_batch(rows))
    order = random.sample(range(len(rows)), len(rows))
    assert _keys(_batch([rows[i] for i in order])) == [keys[i] for i in order]
    assert [_keys(_batch([row]))[0] for row in rows] == keys
    assert _keys(_batch(rows).slice(len(rows) // 2)) == keys[len(rows) // 2 :]


@settings(deadline=None)
@given(ROWS)
def test_equal_rows_and_no_others_have_equal_keys(rows: list[tuple[Any, ...]]) -> None:
    content = [
        (i, f if f is None or f == f else "nan", s, t)  # -0.0 == 0.0, and all NaN are one
        for i, f, s, t in rows
    ]
    keys = _keys(_batch(rows))
    assert [keys.index(key) for key in keys] == [content.index(row) for row in content]


@settings(deadline=None)
@given(st.lists(st.none() | st.sampled_from("abc"), max_size=8), st.permutations("abcd"))
def test_a_key_does_not_depend_on_the_dictionary(values: list[Any], texts: list[str]) -> None:
    """Another order, unused values, repeated values, null as a value or as an index."""
    plain = pa.array(values, pa.string()).dictionary_encode()
    dictionary = pa.array([*texts, None, *texts])
    indices = pa.array(
        [4 if v is None else texts.index(v) + 5 * (i % 2) for i, v in enumerate(values)], pa.int32()
    )
    other = pa.DictionaryArray.from_arrays(indices, dictionary)
    assert other.to_pylist() == values
    assert _keys(pa.record_batch({"s": other}), ("s",)) == _keys(
        pa.record_batch({"s": plain}), ("s",)
    )


def test_null_is_no_value() -> None:
    nulls = {0x6A09E667F3BCC908, 0xBB67AE8584CAA73B - 2**64}
    integers = pa.record_batch({"i": pa.array([None, 0, *nulls])})
    texts = pa.record_batch({"s": pa.array([None, "", "None", "nan"]).dictionary_encode()})
    for batch, column in ((integers, "i"), (texts, "s")):
        assert len(set(_keys(batch, (column,)))) == 4


def test_a_float_is_hashed_by_value_and_not_by_bits() -> None:
    bits = np.array([0, 0x80000000, 0x7FC00000, 0xFFC00001, 0x3F800000], np.uint32)
    keys = _keys(pa.record_batch({"f": pa.array(bits.view(np.float32))}), ("f",))
    assert keys[0] == keys[1] and keys[2] == keys[3] and len(set(keys)) == 3


def test_swapped_values_have_another_key() -> None:
    batch = _batch([(0, 0, "a", "b"), (0, 0, "b", "a")])
    assert len(set(_keys(batch))) == 2
    assert _keys(batch, ("s", "t"))[0] != _keys(batch, ("t", "s"))[0]


def test_seeds_give_unrelated_keys() -> None:
    batch = _batch([(0, 0, "a", "b")])
    keys = {_keys(batch, seed=seed)[0] for seed in (0, 1, -1, 2**63, 2**64 - 2)}
    assert len(keys) == 5
    assert _keys(batch, seed=2**64) == _keys(batch, seed=0)


def _sequences() -> list[pa.Array]:
    numbers = np.arange(100_000)
    return [
        pa.array(numbers),
        pa.array(numbers.astype(np.float32)),
        pa.array(numbers.astype(str)).dictionary_encode(),
    ]


@pytest.mark.parametrize("column", _sequences(), ids=["integers", "floats", "strings"])
@pytest.mark.parametrize("lane", [0, 1])
def test_keys_of_a_sequence_look_random(column: pa.Array, lane: int) -> None:
    pairs = pa.record_batch({"x": column, "y": pa.array(np.arange(len(column)) % 7)})
    for batch in (pairs.select(["x"]), pairs):
        keys = fingerprint(batch, batch.schema.names, 0)[lane]
        assert len(np.unique(keys)) == len(keys)
        _look_random(keys)
        _look_random(keys[1:] ^ keys[:-1])


def _look_random(keys: Lane) -> None:
    """Every bit is set in half of the keys, and the top byte is uniform, within 6 deviations."""
    bits = (keys[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    assert np.abs(bits.mean(0) - 0.5).max() < 6 * 0.5 / len(keys) ** 0.5
    counts = np.bincount((keys >> np.uint64(56)).astype(np.int64), minlength=256)
    expected = len(keys) / 256
    chi2 = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi2 - 255) < 6 * (2 * 255) ** 0.5


def test_lanes_are_independent() -> None:
    hi, lo = fingerprint(pa.record_batch({"x": pa.array(np.arange(100_000))}), ("x",), 0)
    _look_random(hi ^ lo)
    agree = [np.mean((hi >> np.uint64(i) ^ lo >> np.uint64(i)) & np.uint64(1)) for i in range(64)]
    assert np.abs(np.array(agree) - 0.5).max() < 6 * 0.5 / len(hi) ** 0.5


def test_mix64_is_the_finalizer_of_splitmix64() -> None:
    state = np.array([1, 2, 3], np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    first_outputs_of_seed_0 = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert mix64(state).tolist() == first_outputs_of_seed_0


def test_places() -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([1, None, 0], pa.int32()), ["a", "b"])
    assert dictionary_indices(column).tolist() == [1, 2, 0]
    assert dictionary_indices(column.slice(2)).tolist() == [0]
