"""Statistics as a frame: equal to those that pandas computes of the same rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

from recordmill.schemas.column import Column
from recordmill.schemas.schema import Schema
from recordmill.schemas.statistics.features import FeaturesFold
from recordmill.schemas.statistics.fold import StatisticsFold
from recordmill.schemas.statistics.frame import COLUMNS, to_frame

SCHEMA = Schema(
    (
        Column("whole", "int64"),
        Column("real", "float32"),
        Column("text", "string"),
        Column("label", "string", role="label"),
    )
)
ROWS = pd.DataFrame(
    {
        "whole": pd.array([3, 0, None, 3, 9], "Int64"),
        "real": pd.array([0.5, -1.5, 2.0, np.inf, 0.25], "float32"),
        "text": ["b", "aé", None, "b", None],
        "label": ["x", "y", "x", "x", "y"],
    }
)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    fold, fields = StatisticsFold(SCHEMA), SCHEMA.arrow_schema()
    arrays = [pa.array(ROWS[field.name], field.type, from_pandas=True) for field in fields]
    batch = pa.RecordBatch.from_arrays(arrays, schema=fields)
    profiles = {"train": fold.add(fold.start(), batch), "eval": fold.start()}
    return to_frame(fold.to_proto(profiles))


def test_a_row_is_a_feature_of_a_split(frame: pd.DataFrame) -> None:
    assert list(frame) == list(COLUMNS)
    assert frame[["split", "feature"]].to_numpy().tolist() == [
        [split, name] for split in ("train", "eval") for name in SCHEMA.names
    ]
    assert frame["type"].tolist() == ["int", "float", "string", "string"] * 2


def test_numbers_are_those_of_pandas(frame: pd.DataFrame) -> None:
    row, values = frame.iloc[0], ROWS["whole"].dropna()
    described = values.describe()
    for name in ("mean", "min", "25%", "50%", "75%", "max", "count"):
        assert row[name] == described[name]
    assert row["std"] == pytest.approx(values.std(ddof=0))
    assert (row["missing"], row["rows"], row["zeros"], row["unique"]) == (1, 5, 1, 3)
    assert (row["rank_error"], row["unique_error"], row["not_finite"]) == (0, 0, 0)
    assert frame.iloc[1]["not_finite"] == 1 and frame.iloc[1]["max"] == 2.0


def test_strings_are_those_of_pandas(frame: pd.DataFrame) -> None:
    row = frame.iloc[2]
    assert (row["top"], row["top_count"], row["top_error"], row["unique"]) == ("b", 2, 0, 2)
    assert (row["min_length"], row["max_length"], row["count"], row["missing"]) == (1, 3, 3, 2)
    assert pd.isna(row["mean"]) and pd.isna(row["zeros"])


def test_the_association_with_the_label(frame: pd.DataFrame) -> None:
    assert frame["label_association_kind"].tolist()[:2] == ["pearson", "pearson"]
    assert pd.isna(frame["label_association"][3])


def test_an_empty_split_has_no_numbers(frame: pd.DataFrame) -> None:
    empty = frame[frame["split"] == "eval"]
    assert (empty[["rows", "count", "missing"]] == 0).all(axis=None)
    assert (
        empty.drop(columns=["split", "feature", "type", "rows", "count", "missing"])
        .isna()
        .all(axis=None)
    )


def test_features_of_several_values_and_other_protos() -> None:
    fold = FeaturesFold()
    profile = fold.add(fold.start(), {"x": np.array([[1.0, 3.0], [2.0, 2.0]], np.float32)})
    (row,) = to_frame(fold.to_proto({"train": profile})).to_dict("records")
    assert (row["rows"], row["count"], row["missing"], row["mean"]) == (2, 4, 0, 2.0)
    other = DatasetFeatureStatisticsList()
    feature = other.datasets.add(num_examples=2).features.add(name="n")
    feature.num_stats.common_stats.num_non_missing = 2
    feature.num_stats.mean = 1.5
    (row,) = to_frame(other).to_dict("records")
    assert (row["feature"], row["count"], row["mean"]) == ("n", 2, 1.5)
    assert pd.isna(row["25%"]) and pd.isna(row["unique"])


def test_of_nothing() -> None:
    empty = to_frame(DatasetFeatureStatisticsList())
    assert (len(empty), list(empty)) == (0, list(COLUMNS))
