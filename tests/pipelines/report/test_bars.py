from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers.report_cases import statistics
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.pipelines.report.bars import common_bars, split_bars
from recordmill.schemas.column import Column
from recordmill.schemas.schema import Schema


def bars(*splits: list[Any], kind: str = "float32") -> tuple[list[float], list[list[float]]]:
    """Return the edges and the counts that `common_bars` gives for the splits."""
    schema = Schema((Column("x", kind),))  # type: ignore[arg-type]
    datasets = statistics(schema, {str(i): {"x": values} for i, values in enumerate(splits)})
    pairs = [split_bars(dataset.features[0]) for dataset in datasets.values()]
    edges, counts = common_bars([pair for pair in pairs if pair], are_integers=kind == "int64")
    return edges.tolist(), [split.tolist() for split in counts]


def test_no_numbers() -> None:
    for kind in ("float32", "string"):
        schema = Schema((Column("x", kind),))  # type: ignore[arg-type]
        (dataset,) = statistics(schema, {"train": {"x": [None]}}).values()
        assert split_bars(dataset.features[0]) is None


def test_one_split_keeps_its_bars() -> None:
    edges, counts = bars([0.0, 0.5, 10.0])
    assert (edges, counts) == (list(range(11)), [[2, 0, 0, 0, 0, 0, 0, 0, 0, 1]])


def test_few_integers_have_a_bar_each() -> None:
    edges, counts = bars([0, 1, 1, 3], [2], kind="int64")
    assert edges == [-0.5, 0.5, 1.5, 2.5, 3.5]
    assert counts == [[1, 2, 0, 1], [0, 0, 1, 0]]


def test_the_width_of_a_bar_is_its_number_of_integers() -> None:
    edges, counts = bars(list(range(26)), kind="int64")
    assert np.diff(edges).tolist() == counts[0]


def test_the_split_with_the_full_range_keeps_its_bars() -> None:
    edges, counts = bars([0.0, 4.9], [0.0, 1.0, 9.0, 10.0])
    assert edges == list(range(11))
    assert counts[1] == [1, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    assert sum(counts[0]) == pytest.approx(2)


def test_a_constant_split() -> None:
    edges, counts = bars([0.0, 10.0], [10.0] * 3, [5.0])
    assert edges == list(range(11))
    assert counts[1:] == [[0] * 9 + [3], [0] * 5 + [1] + [0] * 4]
    assert bars([2.0, 2.0], [2.0]) == ([2, 2], [[2], [1]])
    assert bars([2.0], [4.0])[1] == [[1] + [0] * 9, [0] * 9 + [1]]


numbers = st.lists(st.integers(-100, 100), min_size=1, max_size=30)


@settings(max_examples=60)
@given(numbers, numbers, st.sampled_from(["int64", "float32"]))
def test_no_number_is_lost(train: list[int], evaluation: list[int], kind: str) -> None:
    edges, counts = bars(train, evaluation, kind=kind)
    assert edges == sorted(edges)
    assert [sum(split) for split in counts] == pytest.approx([len(train), len(evaluation)])
    assert min(map(min, counts)) >= -1e-9
