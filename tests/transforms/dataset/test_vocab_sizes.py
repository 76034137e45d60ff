from __future__ import annotations

from dataclasses import replace

import pytest
import tensorflow as tf
from helpers.plain_dataset import write_dataset

from recordmill.schemas.errors import DataError
from recordmill.transforms.dataset.loader import PreparedDataset, load
from recordmill.transforms.dataset.vocab_sizes import feature_vocab_sizes

FEATURES = {
    "word": tf.TensorSpec([None], tf.int64),
    "cross": tf.TensorSpec([None], tf.int64),
    "words": tf.RaggedTensorSpec([None, None], tf.int64),
    "count": tf.TensorSpec([None], tf.int64),
    "x": tf.TensorSpec([None], tf.float32),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    """Return a dataset whose manifest has no numbers of ids, with a vocabulary of three words."""
    return load(write_dataset(tmp_path_factory.mktemp("plain") / "data", range(2)))


def vocab_sizes(data: PreparedDataset, recorded: dict[str, int]) -> dict[str, int]:
    graph = f"{data.directory}/transform_fn"
    return feature_vocab_sizes(graph, replace(data.manifest, buckets=recorded), FEATURES)


def test_numbers_in_the_manifest(data: PreparedDataset) -> None:
    recorded = {"word": 3, "cross": 1000, "words": 7, "count": 0, "label": 2}
    assert vocab_sizes(data, recorded) == {"word": 3, "cross": 1000, "words": 7}
    assert vocab_sizes(data, recorded | {"word": 0}) == {"word": 4, "cross": 1000, "words": 7}


def test_a_manifest_that_lacks_numbers(data: PreparedDataset) -> None:
    with pytest.raises(DataError) as error:
        vocab_sizes(data, {"words": 7})
    assert str(error.value) == (
        "the manifest has no number of ids for these features, and does not mark them as numbers: "
        "count, cross. An earlier recordmill prepared the dataset. Its records can be read; to get "
        "vocab_sizes, prepare it again."
    )


def test_a_dataset_of_an_earlier_version(data: PreparedDataset) -> None:
    """Vocabulary files give the numbers of ids."""
    assert data.manifest.buckets == {} and data.vocab_sizes == {"word": 4}


def test_the_deprecated_name(data: PreparedDataset) -> None:
    message = "^PreparedDataset.buckets is deprecated and goes in 0.3.0: use vocab_sizes$"
    with pytest.warns(DeprecationWarning, match=message):
        assert data.buckets == data.vocab_sizes
