from __future__ import annotations

import json
from typing import Any

from helpers.report_cases import HOSTILE, statistics
from tensorflow_metadata.proto.v0.statistics_pb2 import FeatureNameStatistics

from recordmill.pipelines.report.features import features_json, summary_json
from recordmill.schemas.column import Column
from recordmill.schemas.images import ImageSchema
from recordmill.schemas.schema import Schema

SCHEMA = Schema(
    (
        Column("age", "int64", "Age in full years", unit="years"),
        Column("city", "string"),
        Column("income", "float32", role="label"),
    )
)
TRAIN = {"age": [1, 2, 2, None], "city": ["Rome", "Rome", "", None], "income": [0.5, 1.5, 0, 2]}
EVAL = {"age": [3], "city": ["Oslo"], "income": [1.0]}


def features(**changes: Any) -> dict[str, dict[str, Any]]:
    """Return the features of a run with train and eval, by name."""
    arguments: dict[str, Any] = {
        "raw": statistics(SCHEMA, {"train": TRAIN, "eval": EVAL}),
        "transformed": {},
        "schema": SCHEMA,
        "unseen": {},
    } | changes
    result = features_json(arguments.pop("raw"), arguments.pop("transformed"), **arguments)
    assert result["splits"] == ["train", "eval"]
    json.dumps(result, allow_nan=False)
    return {feature["name"]: feature for feature in result["features"]}


def test_numbers() -> None:
    assert features()["age"]["raw"][0] == {
        "count": 3,
        "missing": 1,
        "values": 3,
        "unique": 2.0,
        "mean": 5 / 3,
        "std": 0.47140452079103168,
        "zeros": 0,
        "min": 1.0,
        "median": 2.0,
        "max": 2.0,
        "quantiles": [*(round(1 + n / 10, 1) for n in range(10)), *[2.0] * 11],
        "edges": [0.5, 1.5, 2.5, 3.5],
        "counts": [1.0, 2.0, 0.0],
    }


def test_strings() -> None:
    city = features(unseen={"eval": {"city": 1}})["city"]
    assert city["raw"] == [
        {
            "count": 3,
            "missing": 1,
            "values": 3,
            "unique": 2,
            "top": [["Rome", 2.0], ["", 1.0]],
            "lengths": [0.0, 2.6666667461395264, 4.0],
        },
        {
            "count": 1,
            "missing": 0,
            "values": 1,
            "unique": 1,
            "top": [["Oslo", 1.0]],
            "lengths": [4.0, 4.0, 4.0],
            "unseen": 1,
        },
    ]


def test_the_description_of_a_column() -> None:
    by_name = features()
    age = {key: by_name["age"][key] for key in ("type", "doc", "unit", "role", "missing")}
    assert age == {
        "type": "int64",
        "doc": "Age in full years",
        "unit": "years",
        "role": "feature",
        "missing": 0.25,
    }
    assert by_name["income"]["role"] == "label"


def test_association() -> None:
    raw = statistics(SCHEMA, {"train": TRAIN, "eval": EVAL})
    for feature in raw["train"].features:
        feature.custom_stats.add(name="label_association", num=0.75)
        feature.custom_stats.add(name="label_association_kind", str="pearson")
    by_name = features(raw=raw)
    assert by_name["age"]["association"] == 0.75
    assert by_name["age"]["association_kind"] == "pearson"
    assert by_name["income"]["association"] is None


def test_transformed_features_are_beside_their_column_or_last() -> None:
    schema = Schema((Column("bucket", "int64"), Column("age", "float32")))
    table = {"bucket": [1], "age": [0.5]}
    by_name = features(transformed=statistics(schema, {"train": table, "eval": table}))
    assert list(by_name) == ["age", "city", "income", "bucket"]
    assert (by_name["age"]["type"], by_name["age"]["transformed"][1]["mean"]) == ("int64", 0.5)
    bucket = by_name["bucket"]
    assert (bucket["raw"], bucket["role"], bucket["type"]) == (None, "transformed", "int64")
    assert by_name["city"]["transformed"] is None


def test_a_split_without_the_feature() -> None:
    raw = statistics(SCHEMA, {"train": TRAIN, "eval": EVAL})
    del raw["train"].features[1]
    city = features(raw=raw)["city"]
    assert (city["raw"][0], city["raw"][1]["count"]) == (None, 1)


def test_several_values_a_row_and_their_errors() -> None:
    feature = FeatureNameStatistics(type=FeatureNameStatistics.STRING)
    common = feature.string_stats.common_stats
    common.num_non_missing, common.num_missing, common.tot_num_values = 2, 1, 6
    common.min_num_values, common.avg_num_values, common.max_num_values = 1, 3.0, 5
    feature.string_stats.unique = 4
    feature.string_stats.top_values.add(value="a", frequency=3)
    for name, number in (("unique_error", 0.016), ("top_values_error", 2.0)):
        feature.custom_stats.add(name=name, num=number)
    summary = summary_json(feature)
    assert summary["each"] == [1, 3.0, 5]
    assert (summary["values"], summary["top"]) == (6, [["a", 3.0]])
    assert (summary["unique_error"], summary["top_error"]) == (0.016, 2.0)


def test_numbers_that_are_not_finite_are_left_out() -> None:
    infinite = {"age": [1], "city": ["a"], "income": [float("inf")]}
    raw = statistics(SCHEMA, {"train": infinite, "eval": infinite})
    feature = raw["train"].features[2]
    feature.num_stats.histograms[0].buckets.add(low_value=float("-inf"), sample_count=1)
    summaries = features(raw=raw)["income"]["raw"]
    assert (summaries[1]["not_finite"], "mean" in summaries[1]) == (1, False)


def test_statistics_of_images_have_a_description() -> None:
    sides = Schema((Column("image/width", "int64"),))
    raw = statistics(sides, {"train": {"image/width": [3]}, "eval": {"image/width": [4]}})
    width = features(raw=raw, schema=ImageSchema("classification", ("cat",)))["image/width"]
    assert (width["doc"], width["unit"]) == ("of the upright picture", "pixels")


def test_names_and_values_are_made_visible() -> None:
    schema = Schema((Column(HOSTILE[5], "string"),))
    raw = statistics(schema, {split: {HOSTILE[5]: list(HOSTILE)} for split in ("train", "eval")})
    (name, feature), *_ = features(raw=raw, schema=schema).items()
    assert name == "\\u202eright to left\\u202c"
    values = [value for value, _ in feature["raw"][0]["top"]]
    assert "line\\u2028end\\u2029" in values
    assert max(map(len, values)) == 201
