"""Routing of clean rows to the shuffle, and the sample of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from apache_beam.pvalue import TaggedOutput

from recordmill.pipelines.selection.row_router import RowRouter
from recordmill.pipelines.selection.select import CleanBatch
from recordmill.pipelines.shuffle.layout import KEY
from recordmill.pipelines.shuffle.sorted_runs import KeyedRows


class Sink:
    """Passes rows on, and says when it is set up and finished."""

    def setup(self) -> None:
        self.events = ["setup"]

    def __call__(self, keyed: KeyedRows) -> Sequence[Any]:
        self.events.append(keyed.split)
        return [keyed]

    def finish(self) -> Sequence[Any]:
        return ["last"]


def test_rows_go_to_the_sink_with_their_keys_and_the_smallest_into_the_sample() -> None:
    sink = Sink()
    router = RowRouter(sink, 1)
    router.setup()
    batch = pa.RecordBatch.from_pydict({"n": [10, 11, 12]})
    hi, lo = np.array([5, 3, 4], np.uint64), np.array([0, 1, 2], np.uint64)
    split = np.array([0, 0, 1], np.uint8)
    cleaned = CleanBatch(batch, np.arange(3), hi, lo, ("train", "eval"), split, (), {})
    train, evaluation = router(cleaned, lambda indices: batch.take(pa.array(indices)))
    assert sink.events == ["setup", "train", "eval"]
    assert train.batch.to_pydict() == {"n": [10, 11], KEY[0]: [5, 3], KEY[1]: [0, 1]}
    assert evaluation.batch.to_pydict() == {"n": [12], KEY[0]: [4], KEY[1]: [2]}

    last, *samples = router.finish()
    assert last == "last"
    assert all(isinstance(sample, TaggedOutput) and sample.tag == "sample" for sample in samples)
    assert {sample.value[0]: sample.value[1].to_pydict() for sample in samples} == {
        "train": {"n": [11], KEY[0]: [3], KEY[1]: [1]},
        "eval": {"n": [12], KEY[0]: [4], KEY[1]: [2]},
    }
