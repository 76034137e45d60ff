"""Raw rows as serialized `tf.train.Example`s, as the signature "examples" takes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["serialized"]


def serialized(raw: Mapping[str, Sequence[Any]]) -> Iterator[bytes]:
    """A serialized `tf.train.Example` a row; what is missing is not in it."""
    import tensorflow as tf

    for row in zip(*raw.values(), strict=True):
        features = {}
        for name, value in zip(raw, row, strict=True):
            if isinstance(value, (str, bytes)):
                text = value if isinstance(value, bytes) else value.encode()
                one = tf.train.Feature(bytes_list=tf.train.BytesList(value=[text]))
            elif isinstance(value, int):
                one = tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
            elif value is not None:
                one = tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
            else:
                continue
            features[name] = one
        yield tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
