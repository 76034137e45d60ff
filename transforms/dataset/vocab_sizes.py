"""Numbers of ids of features, the sizes of embeddings and one-hot encodings."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from ...schemas.errors import DataError
from ...schemas.manifest import Manifest

__all__ = ["feature_vocab_sizes"]

_OOV = 1


def feature_vocab_sizes(
    graph: str, manifest: Manifest, features: Mapping[str, tf.TypeSpec]
) -> dict[str, int]:
    """Return the number of ids of each feature of ids.

    Args:
      graph: The folder of the transform graph.
      manifest: The manifest of the dataset. Its `buckets` are the numbers, with 0 for a feature
        that is a number.
      features: The specs of the features.

    Returns:
      The number of ids by name, for int64 features. For a feature without an entry in the
      manifest, or with 0, it is read from the vocabulary of the feature's name, if any: a line for
      each token, and one id for all others.

    Raises:
      DataError: An int64 feature has neither: an earlier version, which wrote no entries for
        crosses, prepared the dataset.
    """
    recorded = manifest.buckets
    integers = [name for name, spec in features.items() if spec.dtype == tf.int64]
    paths = {name: f"{graph}/assets/{name}" for name in integers if not recorded.get(name)}
    counted = {
        name: _lines(path) + _OOV for name, path in paths.items() if tf.io.gfile.exists(path)
    }
    unknown = sorted(set(integers) - recorded.keys() - counted.keys())
    if unknown:
        raise DataError(
            "the manifest has no number of ids for these features, and does not mark them as "
            f"numbers: {', '.join(unknown)}. An earlier recordmill prepared the dataset. Its "
            "records can be read; to get vocab_sizes, prepare it again."
        )
    return {name: recorded[name] for name in integers if recorded.get(name)} | counted


def _lines(path: str) -> int:
    with tf.io.gfile.GFile(path, "rb") as file:
        return int(file.read().count(b"\n"))
