"""Statistics of features with one value a row, with several, and with any number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from recordmill.schemas.statistics.features import FeaturesFold, FeaturesProfile

FOLD = FeaturesFold()


def ragged(rows: list[list[Any] | None], kind: pa.DataType) -> pa.Array:
    return pa.array(rows, pa.large_list(kind))


def features_of(profile: FeaturesProfile) -> dict[str, Any]:
    (dataset,) = FOLD.to_proto({"train": profile}).datasets
    return {feature.path.step[0]: feature for feature in dataset.features}


def found_in(**features: Any) -> dict[str, Any]:
    return features_of(FOLD.add(FOLD.start(), features))


def test_one_number_a_row() -> None:
    stats = found_in(x=np.array([1.0, np.nan, 3.0], np.float32))["x"].num_stats
    assert (stats.mean, stats.common_stats.num_non_missing, stats.common_stats.num_missing) == (
        *(2.0, 3, 0),
    )
    assert stats.histograms[0].num_nan == 1


def test_several_numbers_a_row() -> None:
    feature = found_in(x=np.array([[1, 2], [3, 6]], np.int64))["x"]
    common = feature.num_stats.common_stats
    assert feature.type == feature.INT
    assert (feature.num_stats.mean, feature.num_stats.max) == (3.0, 6)
    assert (common.num_non_missing, common.tot_num_values, common.avg_num_values) == (2, 4, 2.0)
    assert (common.min_num_values, common.max_num_values) == (2, 2)


def test_any_number_a_row() -> None:
    feature = found_in(x=ragged([[1.5, 2.5, 3.5], [], None, [4.5]], pa.float32()))["x"]
    common = feature.num_stats.common_stats
    assert feature.num_stats.mean == 3.0
    assert (common.num_non_missing, common.num_missing, common.tot_num_values) == (2, 2, 4)
    assert (common.min_num_values, common.max_num_values, common.avg_num_values) == (1, 3, 2.0)
    ends = [bucket.high_value for bucket in common.num_values_histogram.buckets]
    assert (len(ends), ends[-1]) == (10, 3.0)
    assert common.num_values_histogram.buckets[0].sample_count == 2 / 10


def test_strings_and_bytes_that_are_none() -> None:
    feature = found_in(x=np.array([b"a", "é".encode(), b"a", b"\xff"], object))["x"]
    assert feature.type == feature.STRING
    top = [(value.value, value.frequency) for value in feature.string_stats.top_values]
    assert top[0] == ("a", 2) and set(top[1:]) == {("é", 1), ("\\xff", 1)}
    lists = found_in(x=ragged([[b"a", b"b"], []], pa.large_binary()))["x"].string_stats
    assert (lists.common_stats.num_missing, lists.unique) == (1, 2)


def test_rows_without_any_value() -> None:
    feature = found_in(x=ragged([[], []], pa.int64()), y=np.empty((2, 0), np.float32))
    for feature_value in feature.values():
        assert str(feature_value.num_stats) == "common_stats {\n  num_missing: 2\n}\n"


def test_no_rows() -> None:
    (dataset,) = FOLD.to_proto({"eval": FOLD.merge([FOLD.start()])}).datasets
    assert (dataset.name, dataset.num_examples, len(dataset.features)) == ("eval", 0, 0)


ROWS = st.lists(st.tuples(st.integers(-3, 3), st.lists(st.sampled_from([b"a", b"b"]))), min_size=1)


@given(st.lists(ROWS, min_size=1, max_size=4))
def test_any_batches_and_merges_give_the_same(batches: list[list[tuple[int, list[bytes]]]]) -> None:
    def add(profile: FeaturesProfile, rows: list[tuple[int, list[bytes]]]) -> FeaturesProfile:
        numbers, lists = zip(*rows, strict=True)
        words = ragged(list(lists), pa.large_binary())
        return FOLD.add(profile, {"n": np.array(numbers, np.int64), "words": words})

    single = add(FOLD.start(), [row for rows in batches for row in rows])
    merged = FOLD.merge([FOLD.start(), *(add(FOLD.start(), rows) for rows in batches)])
    assert features_of(merged) == features_of(single)
    assert merged.rows == single.rows
