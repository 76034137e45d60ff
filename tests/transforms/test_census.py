from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers.real_data import DATA

from recordmill.schemas.census import CENSUS
from recordmill.schemas.column import MISSING_INT64
from recordmill.transforms import categorical, census
from recordmill.transforms.serving.transform_graph import TransformGraph

ADULT = DATA / "census" / "adult.data"
ROWS = 600
NUMBERS = ("age", "education-num", "capital-gain", "capital-loss", "hours-per-week")
CATEGORIES = (
    "workclass",
    "education",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "native-country",
)


@pytest.fixture(scope="module")
def columns() -> dict[str, Any]:
    """Return the first rows of the real file, unchanged."""
    if not ADULT.exists():
        pytest.skip(f"{ADULT} is not there")
    with ADULT.open() as file:
        rows = [row for row in csv.reader(file) if row][:ROWS]
    texts = dict(zip(CENSUS.names, zip(*rows, strict=True), strict=True))
    return {
        column.name: [int(text) for text in texts[column.name]]
        if column.type == "int64"
        else list(texts[column.name])
        for column in CENSUS.inputs
    }


@pytest.fixture(scope="module")
def folder(analyze: Callable[..., Path], columns: dict[str, Any]) -> Path:
    types = {c.name: int if c.type == "int64" else str for c in CENSUS.inputs}
    return analyze(census.preprocessing_fn, columns | {"types": types})


@pytest.fixture(scope="module")
def graph(folder: Path) -> TransformGraph:
    return TransformGraph(f"{folder}/transform_fn")


def run(graph: TransformGraph, columns: dict[str, Any]) -> dict[str, list[Any]]:
    raw = {name: tf.constant(values, graph.inputs[name].dtype) for name, values in columns.items()}
    return {name: value.numpy().tolist() for name, value in graph(raw).items()}


@pytest.mark.slow
class TestCensus:
    def test_signature(self, graph: TransformGraph) -> None:
        expected = dict.fromkeys(NUMBERS, tf.float32) | dict.fromkeys(
            (
                *CATEGORIES,
                "age_bucket",
                "education_x_occupation",
                "age_bucket_x_education_x_occupation",
                "income",
            ),
            tf.int64,
        )
        assert {name: spec.dtype for name, spec in graph.outputs.items()} == expected
        assert {tuple(spec.shape) for spec in graph.outputs.values()} == {(None,)}
        assert repr(graph.raw_spec) == repr(
            {name: CENSUS.feature_spec()[name] for name in graph.raw_spec}
        )

    def test_numbers(self, graph: TransformGraph, columns: dict[str, Any]) -> None:
        outputs = run(graph, columns)
        for name in NUMBERS:
            raw = np.array(columns[name], np.float64)
            np.testing.assert_allclose(outputs[name], (raw - raw.mean()) / raw.std(), rtol=1e-6)

    def test_vocabularies(
        self, graph: TransformGraph, columns: dict[str, Any], folder: Path
    ) -> None:
        outputs = run(graph, columns)
        for name in CATEGORIES:
            tokens = [text.strip() for text in columns[name]]
            counts = sorted(((n, token) for token, n in Counter(tokens).items()), reverse=True)
            vocabulary = [token for _, token in counts]
            assert (folder / "transform_fn" / "assets" / name).read_text().split("\n") == [
                *vocabulary,
                "",
            ]
            assert outputs[name] == [vocabulary.index(token) for token in tokens]

    def test_wide_features_and_label(self, graph: TransformGraph, columns: dict[str, Any]) -> None:
        outputs = run(graph, columns)
        ages = np.array(columns["age"])
        buckets = np.searchsorted([18, 25, 30, 35, 40, 45, 50, 55, 60, 65], ages, side="right")
        assert outputs["age_bucket"] == buckets.tolist()
        assert outputs["income"] == [int(text == " >50K") for text in columns["income"]]
        work = [
            tf.constant([text.strip() for text in columns[name]])
            for name in ("education", "occupation")
        ]
        for name, xs in {
            "education_x_occupation": work,
            "age_bucket_x_education_x_occupation": [tf.constant(buckets), *work],
        }.items():
            assert outputs[name] == categorical.cross(xs, num_buckets=1000).numpy().tolist()

    def test_cleaned_rows_give_the_same(
        self, graph: TransformGraph, columns: dict[str, Any]
    ) -> None:
        cleaned = {
            name: [text.strip().replace("?", "") for text in values]
            if isinstance(values[0], str)
            else values
            for name, values in columns.items()
        }
        assert run(graph, cleaned) == run(graph, columns)

    def test_a_request_of_missing_and_unseen_values(
        self, graph: TransformGraph, folder: Path
    ) -> None:
        missing = {column.name: [column.missing_value] for column in CENSUS.inputs}
        outputs = run(graph, missing)
        assert [outputs[name] for name in NUMBERS] == [[0.0]] * 5
        assert (outputs["age_bucket"], outputs["income"]) == ([11], [-1])
        unseen = run(graph, missing | {name: ["Martian"] for name in CATEGORIES})
        for name in CATEGORIES:
            asset = folder / "transform_fn" / "assets" / name
            vocabulary = asset.read_text().splitlines()
            assert unseen[name] == [len(vocabulary)]
            assert outputs[name] == [
                vocabulary.index("?") if "?" in vocabulary else len(vocabulary)
            ]

    def test_label_spellings(self, graph: TransformGraph) -> None:
        labels = ["<=50K", ">50K", "<=50K.", " >50K. ", "", "50K"]
        rows = {column.name: [column.missing_value] * 6 for column in CENSUS.inputs}
        assert run(graph, rows | {"income": labels})["income"] == [0, 1, 0, 1, -1, -1]

    def test_the_missing_integer_does_not_poison(self, graph: TransformGraph) -> None:
        rows = {column.name: [column.missing_value] * 2 for column in CENSUS.inputs}
        outputs = run(graph, rows | {"age": [MISSING_INT64, 30]})
        assert outputs["age"][0] == 0.0
        assert -1 < outputs["age"][1] < 0
