"""How many ids a feature has: what sizes an embedding or a column of one weight an id."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from ...schemas.errors import DataError
from ...schemas.manifest import Manifest

__all__ = ["feature_buckets"]

_OOV = 1


def feature_buckets(
    graph: str, manifest: Manifest, features: Mapping[str, tf.TypeSpec]
) -> dict[str, int]:
    """How many ids each feature of ids has.

    Args:
      graph: The folder of the transform graph.
      manifest: What is known of the dataset. Its `buckets` hold; 0 of a number.
      features: The specs of the features.

    Returns:
      By name, for int64 features. Without such a word of the manifest it is known only of a
      feature with a vocabulary of its own name: a line a word, and one id for all others.

    Raises:
      DataError: Nothing is known of an int64 feature: an earlier version, which said nothing of
        crosses, prepared the dataset.
    """
    told = manifest.buckets
    integers = [name for name, spec in features.items() if spec.dtype == tf.int64]
    paths = {name: f"{graph}/assets/{name}" for name in integers if not told.get(name)}
    counted = {
        name: _lines(path) + _OOV for name, path in paths.items() if tf.io.gfile.exists(path)
    }
    unknown = sorted(set(integers) - told.keys() - counted.keys())
    if unknown:
        raise DataError(
            "the manifest does not say how many ids these features have, or that they are "
            f"numbers: {', '.join(unknown)}. An earlier recordmill prepared the dataset, which "
            "can be read; but for this, prepare it again."
        )
    return {name: told[name] for name in integers if told.get(name)} | counted


def _lines(path: str) -> int:
    with tf.io.gfile.GFile(path, "rb") as file:
        return int(file.read().count(b"\n"))
