from __future__ import annotations

import pickle
import random
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc
import pytest
from google.protobuf import text_format
from helpers.real_data import DATA
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import statistics_pb2

from recordmill.schemas.census import CENSUS
from recordmill.schemas.column import Column
from recordmill.schemas.schema import Schema
from recordmill.schemas.statistics.fold import Profile, StatisticsFold

ADULT = DATA / "census"

SCHEMA = Schema(
    (
        Column("whole", "int64", role="weight"),
        Column("real", "float32"),
        Column("text", "string", role="unused"),
    )
)
FOLD = StatisticsFold(SCHEMA)
ROW = st.tuples(
    st.none() | st.integers(-2, 2) | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.just(-0.0) | st.floats(width=32),
    st.none() | st.text("aé", max_size=2),
)


def batch_of(rows: list[tuple[Any, ...]], schema: Schema = SCHEMA) -> pa.RecordBatch:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in schema]
    fields = schema.arrow_schema()
    arrays = [pa.array(c, field.type) for c, field in zip(columns, fields, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=fields)


def profile_of(*batches: pa.RecordBatch, fold: StatisticsFold = FOLD) -> Profile:
    profile = fold.start()
    for batch in batches:
        profile = fold.add(profile, batch)
    return profile


def proto_bytes(profile: Profile, fold: StatisticsFold = FOLD) -> bytes:
    written: bytes = fold.to_proto({"train": profile}).SerializeToString(deterministic=True)
    return written


@settings(deadline=None)
@given(st.lists(ROW, max_size=30), st.data())
def test_any_batches_and_merges_give_the_same_bytes(
    rows: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=5)))
    pieces = [rows[a:b] for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    groups = data.draw(st.lists(st.integers(0, 2), min_size=len(pieces), max_size=len(pieces)))
    parts = [
        profile_of(*(batch_of(piece) for piece, g in zip(pieces, groups, strict=True) if g == i))
        for i in range(3)
    ]
    merged = FOLD.merge([FOLD.merge(parts[:2]), pickle.loads(pickle.dumps(parts[2]))])
    assert proto_bytes(merged) == proto_bytes(profile_of(batch_of(rows)))


def test_the_same_sequence_gives_the_same_bytes_past_exactness() -> None:
    generator = np.random.default_rng(0)
    rows = [
        (int(n), float(x), f"t{n % 30000}")
        for n, x in zip(
            generator.integers(0, 2**60, 60_000), generator.standard_normal(60_000), strict=True
        )
    ]
    batches = [batch_of(rows[i : i + 10_000]) for i in range(0, len(rows), 10_000)]
    merged = [FOLD.merge([profile_of(*batches[:3]), profile_of(*batches[3:])]) for _ in "ab"]
    assert proto_bytes(merged[0]) == proto_bytes(merged[1])
    copy = pickle.loads(pickle.dumps(merged[0]))
    assert proto_bytes(FOLD.add(copy, batches[0])) == proto_bytes(FOLD.add(merged[1], batches[0]))


def test_merging_does_not_change_the_accumulators() -> None:
    parts = [profile_of(batch_of([(i, float(i), f"v{i % 7}")] * 5)) for i in range(4)]
    before = [proto_bytes(part) for part in parts]
    FOLD.merge(parts)
    assert [proto_bytes(part) for part in parts] == before


def test_an_empty_split() -> None:
    for profile in (FOLD.start(), FOLD.merge([]), profile_of(batch_of([]))):
        dataset = FOLD.to_proto({"eval": profile}).datasets[0]
        assert (dataset.name, dataset.num_examples) == ("eval", 0)
        assert [feature.path.step[0] for feature in dataset.features] == list(SCHEMA.names)
        assert [feature.WhichOneof("stats") for feature in dataset.features] == [
            "num_stats",
            "num_stats",
            "string_stats",
        ]


def test_every_split_is_a_dataset_in_order() -> None:
    profiles = {"train": profile_of(batch_of([(1, 1.0, "a")])), "eval": FOLD.start()}
    datasets = FOLD.to_proto(profiles).datasets
    assert [(dataset.name, dataset.num_examples) for dataset in datasets] == [
        ("train", 1),
        ("eval", 0),
    ]


def test_the_whole_proto_of_a_small_table() -> None:
    rows = [(3, 0.5, "b"), (0, -1.5, "a"), (None, None, None), (3, 0.0, "b")]
    proto = FOLD.to_proto({"train": profile_of(batch_of(rows))})
    golden = Path(__file__).with_suffix(".pbtxt").read_text(encoding="utf-8")
    assert text_format.Parse(golden, statistics_pb2.DatasetFeatureStatisticsList()) == proto
    written = proto.SerializeToString(deterministic=True)
    assert statistics_pb2.DatasetFeatureStatisticsList.FromString(written) == proto


@pytest.mark.skipif(not ADULT.exists(), reason="the Adult files are not beside the repository")
class TestAdult:
    @pytest.fixture(scope="class")
    def table(self) -> pa.Table:
        fields = CENSUS.arrow_schema()
        text = (ADULT / "adult.data").read_bytes().replace(b", ", b",")
        return pc.read_csv(
            pa.BufferReader(text),
            pc.ReadOptions(column_names=list(CENSUS.names)),
            convert_options=pc.ConvertOptions(
                column_types=dict(zip(fields.names, fields.types, strict=True)),
                null_values=["?"],
                strings_can_be_null=True,
            ),
        )

    @pytest.fixture(scope="class")
    def frame(self, table: pa.Table) -> pd.DataFrame:
        frame: pd.DataFrame = table.to_pandas()
        assert (len(frame), frame.isna().any(axis=1).sum()) == (32561, 2399)
        return frame

    @pytest.fixture(scope="class")
    def features(self, table: pa.Table) -> dict[str, Any]:
        fold = StatisticsFold(CENSUS)
        parts = [profile_of(batch, fold=fold) for batch in table.to_batches(5000)]
        dataset = fold.to_proto({"train": fold.merge(parts)}).datasets[0]
        assert dataset.num_examples == 32561
        return {feature.path.step[0]: feature for feature in dataset.features}

    def test_counts(self, features: dict[str, Any], frame: pd.DataFrame) -> None:
        for name, feature in features.items():
            common = getattr(feature, feature.WhichOneof("stats")).common_stats
            assert common.num_missing == frame[name].isna().sum()
            assert common.num_non_missing == common.tot_num_values == frame[name].notna().sum()
        assert features["workclass"].string_stats.common_stats.num_missing == 1836

    def test_strings(self, features: dict[str, Any], frame: pd.DataFrame) -> None:
        for column in CENSUS:
            if column.type != "string":
                continue
            stats, values = features[column.name].string_stats, frame[column.name].dropna()
            counts = {bucket.label: bucket.sample_count for bucket in stats.rank_histogram.buckets}
            assert counts == values.value_counts().to_dict()
            assert stats.unique == values.nunique()
            assert stats.top_values[0].value == values.mode()[0]
            assert stats.avg_length == np.float32(values.astype(str).str.len().mean())

    def test_numbers(self, features: dict[str, Any], frame: pd.DataFrame) -> None:
        for column in CENSUS:
            if column.type == "string":
                continue
            stats, values = features[column.name].num_stats, frame[column.name]
            assert stats.mean == values.mean()
            assert stats.std_dev == pytest.approx(values.std(ddof=0), rel=1e-14)
            assert stats.num_zeros == (values == 0).sum()
            assert (stats.min, stats.max) == (values.min(), values.max())

    def test_quantiles_exact_and_sketched(
        self, features: dict[str, Any], frame: pd.DataFrame
    ) -> None:
        for column in CENSUS:
            if column.type == "string":
                continue
            stats, values = features[column.name].num_stats, np.sort(frame[column.name])
            custom = {stat.name: stat for stat in features[column.name].custom_stats}
            rows = round(custom["rank_error"].num * len(values))
            assert (rows > 0) == (column.name == "fnlwgt")
            quantiles = [bucket.high_value for bucket in custom["quantiles"].histogram.buckets]
            places = np.arange(1, 21) / 20 * (len(values) - 1)
            low = values[np.maximum(np.floor(places).astype(int) - rows, 0)]
            high = values[np.minimum(np.ceil(places).astype(int) + rows, len(values) - 1)]
            assert np.all((low <= quantiles) & (quantiles <= high))
            counts = [bucket.sample_count for bucket in stats.histograms[0].buckets]
            assert np.abs(np.histogram(values, 10)[0] - counts).max() <= 2 * rows
            if rows == 0:
                assert quantiles == np.quantile(values, np.arange(1, 21) / 20).tolist()
                assert stats.median == np.median(values)
                assert custom["unique"].num == len(np.unique(values))
        assert custom["unique_error"].num == 0
        assert features["fnlwgt"].custom_stats[0].num == pytest.approx(21648, rel=0.05)

    def test_the_order_of_the_rows_does_not_matter_where_exact(
        self, features: dict[str, Any], table: pa.Table
    ) -> None:
        order = list(range(len(table)))
        random.Random(0).shuffle(order)
        fold = StatisticsFold(CENSUS)
        batches = table.take(order).combine_chunks().to_batches(7001)
        dataset = fold.to_proto({"train": profile_of(*batches, fold=fold)}).datasets[0]
        for feature in dataset.features:
            if feature.path.step[0] != "fnlwgt":
                expected = deepcopy(features[feature.path.step[0]])
                for actual, custom in zip(feature.custom_stats, expected.custom_stats, strict=True):
                    if custom.name == "label_association":  # the only sums of floats here
                        assert actual.num == pytest.approx(custom.num, rel=1e-12)
                        custom.num = actual.num
                assert feature == expected
