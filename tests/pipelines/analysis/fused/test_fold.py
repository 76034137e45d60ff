from __future__ import annotations

from typing import Any

import numpy as np
from tensorflow_transform import analyzers
from tensorflow_transform.beam import analyzer_impls

from recordmill.pipelines.analysis.fused.fold import GatherCombinedPerKey


def test_quantiles_per_key_are_those_of_the_rows_one_by_one() -> None:
    combiner = analyzers.QuantilesCombiner(4, 0.01, np.float32, output_shape=(3,))
    random = np.random.default_rng(0)
    keys = random.choice(np.array([b"a", b"b", b"\xff"], object), 5000)
    values = random.normal(size=5000).astype(np.float32)
    part = GatherCombinedPerKey(("key", "x"), combiner).add({}, [keys, values])
    one_by_one: dict[bytes, Any] = {}
    for key, row in analyzer_impls._split_inputs_by_key([keys, values]):
        accumulator = one_by_one.setdefault(key, combiner.create_accumulator())
        combiner.add_input(accumulator, row)
    assert sorted(part) == sorted(one_by_one)
    for key, accumulator in part.items():
        got = combiner.extract_output(accumulator)[0]
        np.testing.assert_array_equal(got, combiner.extract_output(one_by_one[key])[0])
