"""How many ids a feature has: what sizes an embedding or a column of one weight an id."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from ..schemas.manifest import Manifest

__all__ = ["feature_buckets"]

_OOV = 1


def feature_buckets(
    graph: str, manifest: Manifest, features: Mapping[str, tf.TypeSpec]
) -> dict[str, int]:
    """How many ids each feature of ids has.

    Args:
      graph: The folder of the transform graph.
      manifest: What is known of the dataset; its `buckets`, where it has them, hold.
      features: The specs of the features.

    Returns:
      By name, for int64 features. Without the manifest's word it is known only of a feature with
      a vocabulary of its own name: a line a word, and one id for all others.
    """
    ids = [name for name, spec in features.items() if spec.dtype == tf.int64]
    known = {name: manifest.buckets[name] for name in ids if name in manifest.buckets}
    paths = {name: f"{graph}/assets/{name}" for name in ids if name not in known}
    return known | {
        name: _lines(path) + _OOV for name, path in paths.items() if tf.io.gfile.exists(path)
    }


def _lines(path: str) -> int:
    with tf.io.gfile.GFile(path, "rb") as file:
        return int(file.read().count(b"\n"))
