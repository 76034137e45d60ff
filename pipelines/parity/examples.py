"""Raw rows as serialized `tf.train.Example`s, the input of the signature "examples"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["serialized"]


def serialized(raw: Mapping[str, Sequence[Any]]) -> Iterator[bytes]:
    """Yield a serialized `tf.train.Example` for each row, without the missing values."""
    import tensorflow as tf

    for row in zip(*raw.values(), strict=True):
        features = {}
        for name, value in zip(raw, row, strict=True):
            if isinstance(value, (str, bytes)):
                text = value if isinstance(value, bytes) else value.encode()
                feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[text]))
            elif isinstance(value, int):
                feature = tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
            elif value is not None:
                feature = tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
            else:
                continue
            features[name] = feature
        yield tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
