from __future__ import annotations

from dataclasses import replace

import pytest
import tensorflow as tf
from helpers.plain_dataset import write_dataset

from recordmill.schemas.errors import DataError
from recordmill.transforms.dataset.loader import PreparedDataset, load
from recordmill.transforms.dataset.vocab_sizes import feature_buckets

FEATURES = {
    "word": tf.TensorSpec([None], tf.int64),
    "cross": tf.TensorSpec([None], tf.int64),
    "words": tf.RaggedTensorSpec([None, None], tf.int64),
    "count": tf.TensorSpec([None], tf.int64),
    "x": tf.TensorSpec([None], tf.float32),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    """A dataset whose manifest says nothing of ids, with a vocabulary of three words."""
    return load(write_dataset(tmp_path_factory.mktemp("plain") / "data", range(2)))


def buckets(data: PreparedDataset, told: dict[str, int]) -> dict[str, int]:
    graph = f"{data.directory}/transform_fn"
    return feature_buckets(graph, replace(data.manifest, buckets=told), FEATURES)


def test_what_the_manifest_says(data: PreparedDataset) -> None:
    told = {"word": 3, "cross": 1000, "words": 7, "count": 0, "label": 2}
    assert buckets(data, told) == {"word": 3, "cross": 1000, "words": 7}
    assert buckets(data, told | {"word": 0}) == {"word": 4, "cross": 1000, "words": 7}


def test_a_manifest_that_says_too_little(data: PreparedDataset) -> None:
    with pytest.raises(DataError) as error:
        buckets(data, {"words": 7})
    assert str(error.value) == (
        "the manifest does not say how many ids these features have, or that they are numbers: "
        "count, cross. An earlier recordmill prepared the dataset, which can be read; but for "
        "this, prepare it again."
    )


def test_a_dataset_of_an_earlier_version(data: PreparedDataset) -> None:
    """Vocabularies tell how many ids there are."""
    assert data.manifest.buckets == {} and data.buckets == {"word": 4}
