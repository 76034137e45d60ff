"""Dates, text, lists and encodings from CSV to records, and from raw columns, against pandas."""

from __future__ import annotations

import csv
import math
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from recordmill.pipelines import CsvFormat, Input, Recipe, prepare
from recordmill.schemas import Column, Schema
from recordmill.transforms import cleaning, load
from recordmill.transforms.categorical import label_ids, vocabulary_ids
from recordmill.transforms.dates import cyclical_date, date_part, days_since
from recordmill.transforms.encodings import count_encode, fill_by_group, target_encode
from recordmill.transforms.multivalued import multi_hot, split_values
from recordmill.transforms.recipe.expressions import evaluate
from recordmill.transforms.text import bag_of_words, lower, ngrams, tf_idf

pytestmark = pytest.mark.slow

SCHEMA = Schema(
    (
        Column("id", "int64"),
        Column("day", "string"),
        Column("note", "string"),
        Column("tags", "string"),
        Column("city", "string", missing=("?",)),
        Column("code", "int64"),
        Column("price", "float32"),
        Column("rating", "float32"),
        Column("bought", "string", domain=("no", "yes"), role="label"),
    )
)
NOTES = ["To be, or not to be", "New York, new york", "", "to sleep no more", "été"]
CITIES = ["New York", "new\\_york", "?", "Oslo", "Lima\nPeru", "tab\tbed"]
TOP_K = 6


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    x = cleaning.clean(inputs, SCHEMA)
    tags = split_values(x["tags"])
    vocabulary = vocabulary_ids(tags, top_k=3, num_oov_buckets=0)
    return {
        "id": x["id"],
        "weekday": date_part(x["day"], part="weekday"),
        "season": cyclical_date(x["day"], period="year"),
        "age": tf.where(tf.math.is_nan(days_since(x["day"])), -1.0, days_since(x["day"])),
        "bag": bag_of_words(lower(x["note"]), top_k=TOP_K),
        "tf_idf": tf_idf(lower(x["note"]), top_k=TOP_K, min_count=2),
        "pairs": ngrams(x["note"], minimum=2, maximum=2),
        "tag_ids": vocabulary_ids(tags, vocab_filename="tags"),
        "tag_hot": multi_hot(vocabulary, depth=3),
        "count": count_encode(x["city"]),
        "code_count": count_encode(x["code"]),
        "share": target_encode(x["city"], x["bought"], positive="yes", smoothing=5.0),
        "mean_rating": target_encode(x["code"], x["rating"], smoothing=0.0),
        "price": fill_by_group(x["price"], x["city"]),
        "ratio": tf.where(ratio_missing(x), 0.0, evaluate("price / code", x, SCHEMA)),
        "bought": label_ids(x["bought"], classes=("no", "yes")),
    }


def ratio_missing(x: dict[str, Any]) -> tf.Tensor:
    return tf.equal(evaluate("price / code is missing", x, SCHEMA), 1)


def _rows(count: int, seed: int) -> list[list[str]]:
    draw = random.Random(seed)

    def price() -> str:
        return draw.choice(["", f"{draw.uniform(0, 9):.3f}"])

    return [
        [
            str(seed * 1000 + index),
            draw.choice(["2026-11-21", "2024-02-29", "?", ""]),
            draw.choice(NOTES),
            draw.choice(["a|b", "b | c|", "", "a|a|zz"]),
            draw.choice(CITIES if seed else CITIES[:4]),
            draw.choice(["1", "2", "0", ""]),
            price(),
            price(),
            draw.choice(["no", "yes"]),
        ]
        for index in range(count)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("learnt")
    for split, (count, seed) in {"train": (300, 1), "eval": (60, 0)}.items():
        with open(folder / f"{split}.csv", "w", newline="") as file:
            csv.writer(file).writerows([SCHEMA.names, *_rows(count, seed)])
    recipe = Recipe(
        name="learnt",
        schema=SCHEMA,
        preprocessing_fn=preprocessing_fn,
        csv=CsvFormat(header=True),
    )
    inputs = [Input(split, str(folder / f"{split}.csv")) for split in ("train", "eval")]
    manifest = prepare(recipe, output=str(folder / "out"), inputs=inputs)
    assert manifest.parity["rows"] == {"train": 64, "eval": 60}
    return folder


@pytest.fixture(scope="module")
def train(folder: Path) -> pd.DataFrame:
    kinds = {"id": "int64", "code": "Int64", "price": "float32", "rating": "float32"}
    frame = pd.read_csv(
        folder / "train.csv",
        dtype=kinds,
        keep_default_na=False,
        na_values={"city": ["?"], "code": [""], "price": [""], "rating": [""]},
    )
    return frame.set_index("id", drop=False)


@pytest.fixture(scope="module")
def stored(folder: Path) -> dict[str, Any]:
    """Return all training records in one batch."""
    features, label = next(iter(load(folder / "out").dataset("train", 300, shuffle=False)))
    return features | {"bought": label}


@pytest.fixture(scope="module")
def ids(stored: dict[str, Any]) -> list[int]:
    return list(stored["id"].numpy())


def test_raw_columns_give_what_is_stored(
    folder: Path, train: pd.DataFrame, stored: dict[str, Any], ids: list[int]
) -> None:
    rows = train.loc[ids]
    raw = {name: [None if pd.isna(x) else x for x in rows[name].tolist()] for name in SCHEMA.names}
    served = load(folder / "out").transform(raw)
    for name, value in stored.items():
        if isinstance(value, tf.RaggedTensor):
            assert served[name].to_list() == value.to_list()
        elif value.dtype == tf.float32:
            np.testing.assert_array_max_ulp(served[name].numpy(), value.numpy(), maxulp=1)
        else:
            assert served[name].numpy().tolist() == value.numpy().tolist()


def test_encodings_are_those_of_pandas(
    train: pd.DataFrame, stored: dict[str, Any], ids: list[int]
) -> None:
    rows = train.loc[ids]
    counts = rows["city"].map(train["city"].value_counts()).fillna(0)
    assert stored["count"].numpy().tolist() == counts.tolist()
    counts = rows["code"].map(train["code"].value_counts()).fillna(0)
    assert stored["code_count"].numpy().tolist() == counts.tolist()
    yes = (train["bought"] == "yes").astype(float)
    by_city = yes.groupby(train["city"]).agg(["sum", "count"])
    share = (by_city["sum"] + 5 * yes.mean()) / (by_city["count"] + 5)
    _assert_close(stored["share"], rows["city"].map(share).fillna(yes.mean()))
    rating = train["rating"].astype(float)
    means = rating.groupby(train["code"]).mean()
    _assert_close(stored["mean_rating"], rows["code"].map(means).fillna(rating.mean()))


def test_gaps_are_filled_by_group(
    train: pd.DataFrame, stored: dict[str, Any], ids: list[int]
) -> None:
    price = train["price"].astype(float)
    of_group = price.groupby(train["city"]).transform("mean").fillna(price.mean())
    _assert_close(stored["price"], price.fillna(of_group).loc[ids])


def _assert_close(result: tf.Tensor, expected: pd.Series) -> None:
    np.testing.assert_array_max_ulp(result.numpy(), expected.to_numpy(np.float32), maxulp=1)


def _documents(train: pd.DataFrame, ids: list[int]) -> list[Counter[str]]:
    return [Counter(note.lower().replace(",", "").split()) for note in train.loc[ids, "note"]]


def test_words_are_counted_and_weighted(
    train: pd.DataFrame, stored: dict[str, Any], ids: list[int]
) -> None:
    documents = _documents(train, ids)
    having = Counter(word for document in documents for word in document)
    order = sorted(having, key=lambda word: (having[word], word.encode()), reverse=True)[:TOP_K]
    counts = [[document[word] for word in order] for document in documents]
    assert stored["bag"].numpy().tolist() == counts
    rarity = [1 + math.log((1 + len(documents)) / (1 + having[word])) for word in order]
    lengths = np.array([max(sum(document.values()), 1) for document in documents])
    weights = np.array(counts) / lengths[:, np.newaxis] * rarity
    np.testing.assert_array_max_ulp(stored["tf_idf"].numpy(), weights.astype(np.float32), maxulp=1)


def test_dates_lists_and_expressions(
    train: pd.DataFrame, stored: dict[str, Any], ids: list[int]
) -> None:
    rows = train.loc[ids]
    days = pd.to_datetime(rows["day"].where(rows["day"].str.len() > 1), errors="coerce")
    missing = -(2**63)
    assert stored["weekday"].numpy().tolist() == days.dt.weekday.fillna(missing).tolist()
    ages = (days - pd.Timestamp("2000-01-01")).dt.days.fillna(-1)
    assert stored["age"].numpy().tolist() == ages.tolist()
    tags = [[tag.strip() for tag in text.split("|") if tag.strip()] for text in rows["tags"]]
    vocabulary = Counter(tag for row in tags for tag in row)
    order = sorted(vocabulary, key=lambda tag: (vocabulary[tag], tag), reverse=True)
    assert stored["tag_ids"].to_list() == [[order.index(tag) for tag in row] for row in tags]
    hot = [[float(tag in row) for tag in order[:3]] for row in tags]
    assert stored["tag_hot"].numpy().tolist() == hot
    ratio = rows["price"].astype(float) / rows["code"].astype(float).replace(0, math.nan)
    _assert_close(stored["ratio"], ratio.fillna(0.0))


def test_a_request_needs_no_label_and_may_have_what_training_did_not(
    folder: Path, train: pd.DataFrame
) -> None:
    raw = {"city": ["Atlantis", "Lima\nPeru", None], "code": [77, 1, None], "note": ["to", "é", ""]}
    served = load(folder / "out").transform(raw)
    assert "bought" not in served
    yes = float((train["bought"] == "yes").mean())
    assert served["count"].numpy()[[0, 2]].tolist() == [0, 0]
    assert served["count"].numpy()[1] == (train["city"] == "Lima\nPeru").sum() > 0
    assert served["share"].numpy()[[0, 2]].tolist() == [np.float32(yes)] * 2
    assert served["price"].numpy()[0] == np.float32(train["price"].astype(float).mean())
    assert served["bag"].numpy().sum(axis=1).tolist() == [1, 0, 0]
    assert served["pairs"].to_list() == [[], [], []]


def test_nothing_that_is_stored_is_nan(stored: dict[str, Any]) -> None:
    floats = [
        x for x in stored.values() if not isinstance(x, tf.RaggedTensor) and x.dtype.is_floating
    ]
    assert all(np.isfinite(x.numpy()).all() for x in floats)
