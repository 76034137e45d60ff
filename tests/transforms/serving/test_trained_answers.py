"""A model as it was trained and as it is served; `test_export_subset` exports such models."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers.plain_dataset import write_dataset

from recordmill.schemas.errors import DataError, RecipeError
from recordmill.transforms.dataset.loader import PreparedDataset, load
from recordmill.transforms.serving.model_function import ModelFunction
from recordmill.transforms.serving.trained_answers import trained_answers

NOT_COMPARED = "the model was not compared with itself as it was trained: "


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    return load(write_dataset(tmp_path_factory.mktemp("plain") / "data", range(10)))


def answers(data: PreparedDataset, model: Any, *features: str) -> Any:
    graph = data.serving_graph.over(features) if features else data.serving_graph
    return trained_answers(data, ModelFunction(model, "values", ()), graph)


class OfX(tf.Module):
    def __call__(self, features: Any, training: bool) -> tf.Tensor:
        return features["x"]


def test_answers_to_records(data: PreparedDataset) -> None:
    function = answers(data, OfX())
    records = [*data.records("train").take(3).as_numpy_iterator()]
    predictions = function(tf.constant(records))["predictions"]
    np.testing.assert_allclose(predictions, np.log1p(range(3)), rtol=1e-6)


def test_features_in_the_order_the_model_was_trained_on(data: PreparedDataset) -> None:
    class First(tf.Module):
        def __call__(self, features: Any, training: bool) -> tf.Tensor:
            return tf.cast(next(iter(features.values())), tf.float32)

    records = tf.constant([*data.records("train").take(4).as_numpy_iterator()])
    words = answers(data, First(), "word", "x")(records)["predictions"]
    assert words.numpy().tolist() == [0, 1, 2, 0]


def test_a_model_that_takes_no_batch(
    data: PreparedDataset, caplog: pytest.LogCaptureFixture
) -> None:
    class Fed(tf.Module):
        """Takes what `features_by_name` gives, and fails on the second call, with a batch."""

        calls = 0

        def __call__(self, features: Any, training: bool) -> tf.Tensor:
            self.calls += 1
            if self.calls == 2:
                raise ValueError("no such batch\nand more")
            return features["x"]

    assert answers(data, Fed()) is None
    assert [record.getMessage() for record in caplog.records] == [
        f"{NOT_COMPARED}it takes no batch of dataset(...): no such batch"
    ]


def test_other_answers_of_a_batch_are_refused(data: PreparedDataset) -> None:
    class ByTurns(tf.Module):
        """Gives 0 for the batch, and the feature when it is served."""

        calls = 0

        def __call__(self, features: Any, training: bool) -> tf.Tensor:
            self.calls += 1
            return features["x"] * float(self.calls != 2)

    with pytest.raises(RecipeError) as error:
        answers(data, ByTurns())
    assert str(error.value).startswith(
        'the served model predicts otherwise than in training: record 9 of train, "predictions": 0 '
        "for a batch of dataset(...), as in training, and 2.30259 for the features by their names."
    )


def test_a_dataset_without_records(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert answers(load(write_dataset(tmp_path / "data", range(0))), OfX()) is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == f"{NOT_COMPARED}the dataset has no records"


def test_a_damaged_record_is_bad_data(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "data", range(3))
    (shard,) = Path(folder).glob("train/*.tfrecord")
    content = bytearray(shard.read_bytes())
    content[20] ^= 1
    shard.write_bytes(content)
    with pytest.raises(DataError) as error:
        load(folder).export(OfX(), tmp_path / "model")
    assert str(error.value) == (
        "train: expected 64 records to compare the model on, but a shard is damaged (corrupted "
        "record at 12). Nothing was written. Prepare the dataset again."
    )
    assert not (tmp_path / "model").exists()
