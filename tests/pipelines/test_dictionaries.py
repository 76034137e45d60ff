"""Dictionaries of batches: written out where they are long, and back, slice by slice."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from recordmill.pipelines.dictionaries import canonical, compact, decoded, encoded

TEXTS = st.lists(st.none() | st.sampled_from(["", "a", "b", "ä" * 9]) | st.text(max_size=4))


def batch_of(texts: list[str | None]) -> pa.RecordBatch:
    column = pa.array(texts, pa.string()).dictionary_encode()
    return pa.record_batch({"text": column, "place": pa.array(range(len(texts)), pa.int64())})


def test_long_dictionaries_are_written_out() -> None:
    varied, alike = batch_of(["a", "b", "c"]), batch_of(["a"] * 4)
    assert pa.types.is_string(decoded(varied).schema.field("text").type)
    assert decoded(alike).equals(alike)


@given(TEXTS, st.integers(0, 5), st.integers(0, 9))
def test_a_slice_of_what_was_written_out_is_the_slice(
    texts: list[str | None], start: int, length: int
) -> None:
    batch = batch_of(texts)
    found = encoded(decoded(batch).slice(start, length))
    wanted = batch.slice(start, length)
    assert found.schema.equals(wanted.schema, check_metadata=True)
    assert found.to_pylist() == wanted.to_pylist()
    assert canonical(found).equals(canonical(wanted))


def test_compact_keeps_the_order_of_the_values() -> None:
    batch = batch_of(["b", "a", "c"]).slice(0, 2)
    assert compact(batch).column("text").dictionary.to_pylist() == ["b", "a"]
