"""Coder of record batches."""

from __future__ import annotations

import pyarrow as pa

from recordmill.pipelines.runtime.arrow_coder import ArrowCoder


def test_a_batch_survives() -> None:
    words = pa.array(["a", "été", None, "a"]).dictionary_encode()
    batch = pa.RecordBatch.from_pydict({"number": [1, None, 3, 4], "word": words})
    coder = ArrowCoder()
    assert coder.decode(coder.encode(batch)).equals(batch)


def test_a_slice_takes_no_more_than_its_rows() -> None:
    batch = pa.RecordBatch.from_pydict({"number": range(100_000)})
    coder = ArrowCoder()
    encoded = coder.encode(batch.slice(50_000, 2))
    assert coder.decode(encoded).column("number").to_pylist() == [50_000, 50_001]
    assert len(encoded) < 1_000
