"""Features of a loaded dataset, and its parts for several workers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.plain_dataset import write_dataset

from recordmill.schemas.errors import RecipeError
from recordmill.transforms.dataset.loader import PreparedDataset, load


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    folder = tmp_path_factory.mktemp("plain") / "data"
    return load(write_dataset(folder, range(4), range(4, 10)))


def words(dataset: tf.data.Dataset) -> list[int]:
    return [row for features, _ in dataset for row in features["word"].numpy().tolist()]


def rows(dataset: tf.data.Dataset) -> list[int]:
    return [
        round(row) for features, _ in dataset for row in np.expm1(features["x"].numpy()).tolist()
    ]


def test_specs_are_those_of_the_elements(data: PreparedDataset) -> None:
    assert data.dataset("train", 3).element_spec == (data.features, data.label)
    assert data.features == {
        "n/a": tf.TensorSpec([None], tf.float32),
        "word": tf.TensorSpec([None], tf.int64),
        "x": tf.TensorSpec([None], tf.float32),
    }
    assert data.label == tf.TensorSpec([None], tf.int64)
    assert sorted(data.keras_inputs()) == ["n/a", "word", "x"]


def test_ids_are_counted_by_the_vocabulary(data: PreparedDataset) -> None:
    assert data.vocab_sizes == {"word": 4}
    wide, deep = data.feature_columns()
    assert [column.number_buckets for column in wide] == [4]
    assert [column.name for column in deep] == ["n/a", "word_indicator", "x"]


def test_without_a_label(tmp_path: Path) -> None:
    data = load(write_dataset(tmp_path / "data", range(2), label=None))
    assert data.label is None
    assert data.dataset("train", 3).element_spec == data.features


@pytest.mark.parametrize("batch", [3, 2048])
@pytest.mark.parametrize("shuffle", [True, False])
def test_some_features(data: PreparedDataset, batch: int, shuffle: bool) -> None:
    names = ["word", "n/a"]
    dataset = data.dataset("train", batch, shuffle=shuffle, features=names)
    assert dataset.element_spec == ({name: data.features[name] for name in names}, data.label)
    assert [list(features) for features, _ in dataset] == [names] * len(dataset)
    assert sorted(words(dataset)) == sorted(row % 3 for row in range(10))
    features = data.input_fn("train", 4, features=names)().element_spec[0]
    assert list(features) == names


def test_features_that_there_are_not(data: PreparedDataset) -> None:
    message = 'features: "label" is the label, which dataset(...) returns separately'
    with pytest.raises(RecipeError) as error:
        data.dataset("train", 3, features=["label"])
    assert str(error.value) == f"{message}; leave it out"
    with pytest.raises(RecipeError, match=r'^features: the dataset has no feature "words"'):
        data.keras_inputs(features=["words"])


def test_the_label_as_a_signature_spells_it(tmp_path: Path) -> None:
    """The label is returned if a raw column it depends on is present, under any of its names."""
    data = load(write_dataset(tmp_path / "data", range(2), label="x"))
    assert data.transform({"x_raw": [0.0]})["x"].numpy().tolist() == [0.0]
    assert data.transform({"x-raw": [0.0]}).keys() == data.transform({"x_raw": [0.0]}).keys()
    assert "x" not in data.transform({"n": [1]})


@pytest.mark.parametrize("batch", [3, 2048])
@pytest.mark.parametrize("shuffle", [True, False])
def test_parts_of_workers(data: PreparedDataset, batch: int, shuffle: bool) -> None:
    for count, sizes in ((2, [4, 6]), (3, [4, 3, 3])):
        parts = [
            data.dataset("train", batch, shuffle=shuffle, shard=(index, count))
            for index in range(count)
        ]
        assert [int(part.cardinality()) for part in parts] == [-(-size // batch) for size in sizes]
        read = [rows(part) for part in parts]
        assert [len(part) for part in read] == sizes
        assert sorted(row for part in read for row in part) == list(range(10))


def test_no_such_part(data: PreparedDataset) -> None:
    with pytest.raises(RecipeError, match=r"got \(3, 3\)$"):
        data.dataset("train", 4, shard=(3, 3))


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_cache_outlives_the_shards(tmp_path: Path, shuffle: bool) -> None:
    folder = write_dataset(tmp_path / "data", range(4), range(4, 10))
    for cache in (True, str(tmp_path / "cache")):
        dataset = load(folder).dataset("train", 4, shuffle=shuffle, cache=cache, epochs=2)
        assert dataset.cardinality() == 6
        assert sorted(rows(dataset)) == sorted([*range(10), *range(10)])
    shard = folder / "train" / "data-00000-of-00002.tfrecord"
    shard.rename(tmp_path / "gone")
    assert sorted(rows(dataset)) == sorted([*range(10), *range(10)])


def test_batches_cut_from_what_is_parsed_at_once(tmp_path: Path) -> None:
    data = load(write_dataset(tmp_path / "data", range(2500)))
    dataset = data.dataset("train", 1000, shuffle=False, epochs=2, drop_remainder=True)
    assert [len(label) for _, label in dataset] == [1000] * 4
    assert rows(dataset.take(2)) == list(range(2000))
    assert dataset.element_spec[1].shape == (1000,)
    small = data.dataset("train", 100, seed=5)
    assert [len(label) for _, label in small] == [100] * 25
    assert sorted(rows(small)) == list(range(2500))
    assert words(data.dataset("train", 100, seed=5)) == words(data.dataset("train", 100, seed=5))
