from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recordmill.schemas.column import Column
from recordmill.schemas.statistics.columns import Numbers, Strings
from recordmill.schemas.statistics.proto import feature_proto, quantiles


def numbers(values: list[float | None], dtype: npt.DTypeLike = np.int64) -> Numbers:
    accumulator = Numbers(dtype)
    accumulator.add(pa.array(values, pa.from_numpy_dtype(dtype)))
    return accumulator


def strings(values: list[str | None]) -> Strings:
    accumulator = Strings()
    accumulator.add(pa.array(values, pa.dictionary(pa.int32(), pa.string())))
    return accumulator


@settings(deadline=None)
@given(
    st.lists(st.floats(-1e300, 1e300), min_size=1),
    st.lists(st.floats(0, 1), min_size=1),
)
def test_quantiles_are_those_of_numpy(values: list[float], at: list[float]) -> None:
    different, counts = np.unique(values, return_counts=True)
    np.testing.assert_array_equal(quantiles(different, counts, at), np.quantile(values, at))


def test_buckets_of_equal_width() -> None:
    proto = feature_proto(Column("n", "int64"), numbers([*range(11), 10]))
    buckets = proto.num_stats.histograms[0].buckets
    assert [bucket.low_value for bucket in buckets] == list(range(10))
    assert [bucket.high_value for bucket in buckets] == list(range(1, 11))
    assert [bucket.sample_count for bucket in buckets] == [1] * 9 + [3]


def test_one_value_is_one_bucket_as_in_tfdv() -> None:
    proto = feature_proto(Column("n", "int64"), numbers([4, 4, 4]))
    (bucket,) = proto.num_stats.histograms[0].buckets
    assert (bucket.low_value, bucket.high_value, bucket.sample_count) == (4, 4, 3)


def test_integers_that_are_one_number_as_doubles() -> None:
    proto = feature_proto(Column("n", "int64"), numbers([2**63 - 1, 2**63 - 2]))
    (bucket,) = proto.num_stats.histograms[0].buckets
    assert (bucket.low_value, bucket.sample_count) == (2.0**63, 2)
    assert (proto.num_stats.std_dev, proto.num_stats.median) == (0.5, 2.0**63)


def test_buckets_of_equal_count() -> None:
    proto = feature_proto(Column("n", "int64"), numbers(list(range(21))))
    deciles = proto.num_stats.histograms[1]
    assert deciles.type == deciles.QUANTILES
    assert [bucket.high_value for bucket in deciles.buckets] == list(range(2, 21, 2))
    assert {bucket.sample_count for bucket in deciles.buckets} == {2.1}
    fine = {stat.name: stat.histogram for stat in proto.custom_stats}["quantiles"]
    assert [bucket.low_value for bucket in fine.buckets] == list(range(20))


def test_quantiles_end_at_the_extremes_where_sketched() -> None:
    values = np.random.default_rng(0).standard_normal(50_000).astype(np.float32)
    column = numbers(values.tolist(), np.float32)
    proto = feature_proto(Column("n", "float32"), column)
    stats = proto.num_stats
    assert stats.min == values.min() and stats.max == values.max()
    for histogram in stats.histograms:
        assert histogram.buckets[0].low_value == stats.min
        assert histogram.buckets[-1].high_value == stats.max
    assert sum(bucket.sample_count for bucket in stats.histograms[0].buckets) == 50_000
    custom = {stat.name: stat.num for stat in proto.custom_stats}
    assert 0 < custom["rank_error"] < 0.0005
    error = int(custom["rank_error"] * len(values)) + 1
    median = np.searchsorted(np.sort(values), stats.median)
    assert abs(median - len(values) / 2) <= error
    edges = np.linspace(stats.min, stats.max, 11)
    true, _ = np.histogram(values, edges)
    counts = [bucket.sample_count for bucket in stats.histograms[0].buckets]
    assert np.abs(true - counts).max() <= 2 * error


def listed(values: Numbers) -> dict[str, float] | None:
    proto = feature_proto(Column("n", values.type), values)
    histograms = [s.rank_histogram for s in proto.custom_stats if s.name == "value_counts"]
    return (
        {bucket.label: bucket.sample_count for bucket in histograms[0].buckets}
        if histograms
        else None
    )


def test_few_whole_numbers_are_listed_with_their_counts() -> None:
    values = [404, 500, 404, -1, 2**63 - 1, 2**63 - 2, 500, None]
    counts = {"404": 2, "500": 2, "-1": 1, str(2**63 - 2): 1, str(2**63 - 1): 1}
    column = listed(numbers(values))
    assert column == counts and list(column or ()) == list(counts)
    assert listed(numbers([2.0, 404.0, np.nan, -0.0, 2.0], np.float32)) == {
        "2": 2,
        "0": 1,
        "404": 1,
    }


def test_few_fractions_are_listed_too() -> None:
    assert listed(numbers([2.0, 0.1, 0.1], np.float32)) == {"0.1": 2, "2": 1}
    assert len(listed(numbers([n / 2 for n in range(20)], np.float32)) or ()) == 20
    assert listed(numbers([n / 2 for n in range(21)], np.float32)) is None


def test_up_to_1000_whole_numbers_are_listed() -> None:
    counts = listed(numbers([*range(1000), 7]))
    assert counts == {str(number): 1 + (number == 7) for number in range(1000)}
    assert listed(numbers(list(range(1001)))) is None


def test_only_values_that_are_not_finite() -> None:
    proto = feature_proto(Column("n", "float32"), numbers([np.nan, np.inf], np.float32))
    assert proto.num_stats.common_stats.num_non_missing == 2
    assert [histogram.num_nan for histogram in proto.num_stats.histograms] == [2, 2]
    assert [len(histogram.buckets) for histogram in proto.num_stats.histograms] == [0, 0]


def test_values_that_are_not_finite_are_in_no_bucket() -> None:
    proto = feature_proto(Column("n", "float32"), numbers([np.nan, 1.0], np.float32))
    assert [histogram.num_nan for histogram in proto.num_stats.histograms] == [1, 1]
    assert proto.num_stats.mean == 1


@pytest.mark.parametrize("type", ["int64", "float32", "string"])
def test_a_column_of_nulls(type: str) -> None:
    column = strings([None, None]) if type == "string" else numbers([None, None])
    proto = feature_proto(Column("n", type), column)  # type: ignore[arg-type]
    name = {"int64": "INT", "float32": "FLOAT", "string": "STRING"}[type]
    assert proto.type == proto.Type.Value(name)
    stats = proto.string_stats if type == "string" else proto.num_stats
    assert str(stats) == "common_stats {\n  num_missing: 2\n}\n"
    assert len(proto.custom_stats) == 0


def test_top_values_and_ranks_are_cut() -> None:
    values = [f"v{n:04}" for n in range(1500)]
    stats = feature_proto(Column("s", "string"), strings([*values, "v0007"])).string_stats
    assert stats.unique == 1500
    assert len(stats.top_values) == 20 and len(stats.rank_histogram.buckets) == 1000
    assert (stats.top_values[0].value, stats.top_values[0].frequency) == ("v0007", 2)
    assert stats.top_values[1].value == "v1499"
    last = stats.rank_histogram.buckets[999]
    assert (last.low_rank, last.high_rank, last.label) == (999, 999, "v0501")


def test_a_long_string_is_cut() -> None:
    stats = feature_proto(Column("s", "string"), strings(["é" * 201, "é" * 200])).string_stats
    assert [top.value for top in stats.top_values] == ["é" * 200 + "…", "é" * 200]
    assert stats.avg_length == 401
