"""Census features with pandas and numpy, as a server without a transform graph computes them.

Means, deviations, vocabularies and boundaries are those of the dataset. Neither library has the
FarmHash64 of TensorFlow, so the fingerprints of the tokens of a vocabulary are in a table that
TensorFlow made beforehand. For a token outside the vocabulary, the bucket of a cross differs from
that of the graph.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from recordmill.schemas.census import CENSUS
from recordmill.schemas.column import MISSING_INT64

__all__ = ["CensusFeatures", "census_features"]

_FEATURES = [column for column in CENSUS.inputs if column.role == "feature"]
_CATEGORIES = [column.name for column in _FEATURES if column.type == "string"]
_NUMBERS = [column.name for column in _FEATURES if column.type != "string"]
_CROSSED = ("education", "occupation")
_UNKNOWN = "?"
_SEED = np.uint64(0xDECAFCAFFE)
_MULTIPLIER = np.uint64(0xC6A4A7935BD1E995)
_SHIFT = np.uint64(47)


@dataclass(frozen=True)
class CensusFeatures:
    """Function from raw columns to features.

    Attributes:
      scales: Mean and standard deviation of each number.
      tokens: Vocabulary of each category.
      fingerprints: FarmHash64 fingerprints of the tokens and 0 for any other, uint64 [size of the
        vocabulary + 1], by crossed category.
      boundaries: Boundaries of the age buckets.
      buckets: Number of buckets of each cross, by its name.
    """

    scales: Mapping[str, tuple[float, float]]
    tokens: Mapping[str, pd.Index]
    fingerprints: Mapping[str, npt.NDArray[np.uint64]]
    boundaries: Sequence[float]
    buckets: Mapping[str, int]

    def __call__(self, raw: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """Compute the features of rows.

        Args:
          raw: Raw columns, int64 or text with blanks around it, [rows] each.

        Returns:
          Float32 and int64 [rows] by name, as from the graph of the census recipe.
        """
        frame = pd.DataFrame(raw)
        numbers = {name: self._score(name, frame[name].to_numpy()) for name in self.scales}
        ids = {name: self._ids(name, frame[name]) for name in self.tokens}
        age = frame["age"].to_numpy()
        bucket = np.searchsorted(self.boundaries, age, side="right")
        bucket = np.where(age == MISSING_INT64, len(self.boundaries) + 1, bucket)
        work = [self.fingerprints[name][ids[name]] for name in _CROSSED]
        crossed = {
            "education_x_occupation": work,
            "age_bucket_x_education_x_occupation": [bucket.astype(np.uint64), *work],
        }
        crosses = {name: _cross(crossed[name], self.buckets[name]) for name in crossed}
        return {**numbers, **ids, "age_bucket": bucket, **crosses}

    def _score(self, name: str, x: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        mean, deviation = self.scales[name]
        return np.where(x == MISSING_INT64, 0, (x - mean) / deviation).astype(np.float32)

    def _ids(self, name: str, x: pd.Series) -> npt.NDArray[np.int64]:
        vocabulary, tokens = self.tokens[name], x.str.strip().to_numpy()
        ids = vocabulary.get_indexer(np.where(tokens == "", _UNKNOWN, tokens))
        return np.where(ids < 0, len(vocabulary), ids)


def _cross(fingerprints: Sequence[npt.NDArray[np.uint64]], buckets: int) -> npt.NDArray[np.int64]:
    """Return the buckets of TensorFlow's FingerprintCat64 of the columns, from left to right."""
    combined = np.full(len(fingerprints[0]), _SEED)
    for column in fingerprints:
        mixed = combined ^ _MULTIPLIER ^ (_shift_mix(column * _MULTIPLIER) * _MULTIPLIER)
        combined = _shift_mix(_shift_mix(mixed * _MULTIPLIER) * _MULTIPLIER)
    return (combined % np.uint64(buckets)).astype(np.int64)


def _shift_mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    return x ^ (x >> _SHIFT)


def census_features(folder: Path) -> CensusFeatures:
    """Return the features with the constants and vocabularies of a prepared census dataset."""
    assets = folder / "transform_fn" / "assets"
    tokens = {name: (assets / name).read_text().splitlines() for name in _CATEGORIES}
    manifest = json.loads((folder / "manifest.json").read_text())
    return CensusFeatures(
        _scales(folder / "stats" / "train.pb"),
        {name: pd.Index(tokens[name]) for name in tokens},
        {name: _fingerprints(tokens[name]) for name in _CROSSED},
        _boundaries(manifest["recipe"]["preprocessing_fn"]["values"]),
        manifest["buckets"],
    )


def _boundaries(values: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return the boundaries of the only `bucketize_by_boundaries` in the recipe."""
    arguments = (step["arguments"] for value in values for step in value["steps"])
    (boundaries,) = (item["boundaries"] for item in arguments if "boundaries" in item)
    return list(boundaries)


def _scales(path: Path) -> dict[str, tuple[float, float]]:
    """Return mean and standard deviation of each number, from the statistics of the dataset."""
    from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

    (dataset,) = DatasetFeatureStatisticsList.FromString(path.read_bytes()).datasets
    stats = {
        feature.path.step[0]: (feature.num_stats.mean, feature.num_stats.std_dev)
        for feature in dataset.features
        if feature.HasField("num_stats")
    }
    return {name: stats[name] for name in _NUMBERS}


def _fingerprints(tokens: list[str]) -> npt.NDArray[np.uint64]:
    import tensorflow as tf

    fingerprints = tf.bitcast(tf.fingerprint(tf.constant(tokens)), tf.uint64).numpy()
    return np.append(fingerprints, np.uint64(0))
