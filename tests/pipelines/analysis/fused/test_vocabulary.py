from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from tensorflow_transform import analyzers

from recordmill.pipelines.analysis.fused import vocabulary as fused_vocabulary


@given(
    st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=2)), unique_by=lambda pair: pair[1])
)
def test_entries_come_by_count_and_then_by_token(counted: list[tuple[int, bytes]]) -> None:
    table = fused_vocabulary.table_of_pairs(counted)
    operation = SimpleNamespace(
        top_k=4,
        frequency_threshold=1,
        informativeness_threshold=float("-inf"),
        key_fn=None,
        input_dtype="string",
    )
    kept = fused_vocabulary.prune(operation, table).to_pylist()
    expected = sorted(((count, token) for count, token in counted if count), reverse=True)[:4]
    dummy = [analyzers.get_empy_vocabulary_dummy_value("string")]
    assert [(row["metric"], row["token"]) for row in kept] == (expected or dummy)
