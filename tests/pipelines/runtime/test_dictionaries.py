"""Dictionaries of batches: decoded where they are long, and encoded again from slices."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from recordmill.pipelines.runtime.dictionaries import canonical, compact, decoded, joined

TEXTS = st.lists(st.none() | st.sampled_from(["", "a", "b", "ä" * 9]) | st.text(max_size=4))


def batch_of(texts: list[str | None]) -> pa.RecordBatch:
    column = pa.array(texts, pa.string()).dictionary_encode()
    return pa.record_batch({"text": column, "place": pa.array(range(len(texts)), pa.int64())})


def test_long_dictionaries_are_written_out() -> None:
    varied, alike = batch_of(["a"] * 15), batch_of(["a"] * 16)
    assert pa.types.is_string(decoded(varied).schema.field("text").type)
    assert decoded(alike).equals(alike)


@given(TEXTS, TEXTS, st.integers(0, 5), st.integers(0, 9), st.booleans())
def test_slices_are_joined_as_they_were(
    left: list[str | None], right: list[str | None], start: int, length: int, last_alike: bool
) -> None:
    batches = [batch_of(left), batch_of(right), batch_of(["a"] * 16 * last_alike)]
    batch = joined([decoded(batch).slice(start, length) for batch in batches])
    wanted = pa.Table.from_batches([batch.slice(start, length) for batch in batches])
    assert batch.schema.equals(batches[0].schema, check_metadata=True)
    assert batch.to_pylist() == wanted.to_pylist()
    (expected,) = wanted.unify_dictionaries().combine_chunks().to_batches() or [batch]
    assert canonical(batch).equals(canonical(expected))


def test_compact_keeps_the_order_of_the_values() -> None:
    batch = batch_of(["b", "a", "c"]).slice(0, 2)
    assert compact(batch).column("text").dictionary.to_pylist() == ["b", "a"]
