"""Rows, and functions over them, for the tests of the analysis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
import tensorflow_transform as tft

from recordmill.pipelines.runtime.elements import Bucket

Inputs = dict[str, Any]


SPECS = {
    "x": tf.TensorSpec([None], tf.float32, name="x"),
    "word": tf.TensorSpec([None], tf.string, name="word"),
}


class ColumnsFeed:
    """Feeds columns as they are."""

    def setup(self) -> None:
        """Nothing to load."""

    def type_specs(self) -> dict[str, tf.TypeSpec]:
        return SPECS

    def __call__(self, batch: pa.RecordBatch) -> dict[str, tf.Tensor]:
        return {name: tf.constant(batch.column(name).to_numpy(False)) for name in SPECS}


class Rows:
    """Opens batches made of a seed."""

    def __init__(self, seed: int, sizes: tuple[int, ...], words: int) -> None:
        self._seed, self._sizes, self._words = seed, sizes, words

    def __call__(self) -> Iterator[pa.RecordBatch]:
        random = np.random.default_rng(self._seed)
        for size in self._sizes:
            numbers = pa.array(random.integers(0, self._words, size)).cast(pa.string())
            words = pc.binary_join_element_wise("w", numbers, "")
            x = random.normal(1e3, 1.0, size).astype(np.float32)
            yield pa.RecordBatch.from_pydict({"x": x, "word": words})


def buckets_of(split: str, count: int, *, words: int = 9) -> list[Bucket]:
    return [
        Bucket(split, index, Rows(index, (20, 7 + index) if index % 4 else (), words))
        for index in range(count)
    ]


def features(inputs: Inputs) -> Inputs:
    word, x = inputs["word"], inputs["x"]
    tft.vocabulary(word, weights=x, vocab_filename="weighted", store_frequency=True)
    tft.vocabulary(
        word,
        labels=tf.cast(x > 1e3, tf.int64),
        vocab_filename="labelled",
        store_frequency=True,
        min_diff_from_avg=0,
    )
    z = tft.scale_to_z_score(x)
    return {
        "z": z,
        "word": tft.compute_and_apply_vocabulary(word, vocab_filename="words"),
        "per_word": tft.scale_to_z_score_per_key(z, word),
        "bucket": tft.bucketize(z, 5),
    }


def _longest(words: Any) -> np.int64:
    return np.int64(max((len(word) for batch in words for word in batch[0]), default=0))


class LongestWord(beam.PTransform):  # type: ignore[misc]
    """An analyzer that is a Beam transform."""

    def expand(self, pcoll: Any) -> Any:
        return (pcoll | beam.combiners.ToList() | beam.Map(_longest),)


def custom(inputs: Inputs) -> Inputs:
    (longest,) = tft.experimental.ptransform_analyzer(
        [inputs["word"]], LongestWord(), [tf.int64], [[]]
    )
    return {"x": inputs["x"] / tf.cast(longest, tf.float32), "z": tft.scale_to_z_score(inputs["x"])}


def files_of(folder: Path) -> dict[str, bytes]:
    """What was written, without the model itself, which names its functions by a counter."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pb"
    }
