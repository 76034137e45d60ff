"""`tf.data` reading images as a trainer would, with two threads, and writing nothing.

It decodes, crops the centre and resizes: no job that does that much with TensorFlow's ops can take
less time, unless it decodes fewer pixels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from recordmill.transforms.hotdog import SIZE

from .arguments import parse

__all__ = ["pixels", "read"]

_THREADS = 2
_BATCH_IMAGES = 64


def read(folder: str) -> int:
    """Makes the pixels of all images in the folders of a folder; gives how many there were."""
    paths = sorted(str(path) for path in Path(folder).glob("*/*.jpg"))
    options = tf.data.Options()
    options.threading.private_threadpool_size = _THREADS
    options.deterministic = False
    batches = (
        tf.data.Dataset.from_tensor_slices(paths)
        .map(lambda path: pixels(tf.io.read_file(path)), num_parallel_calls=_THREADS)
        .batch(_BATCH_IMAGES)
        .prefetch(1)
        .with_options(options)
    )
    images = sum(len(batch) for batch in batches)
    if images != len(paths):
        raise ValueError(f"{folder}: read {images:,} images of {len(paths):,}")
    return images


def pixels(encoded: Any) -> Any:
    """The centre of a JPEG file as uint8 [224, 224, 3]."""
    image = tf.io.decode_jpeg(encoded, channels=3)
    height, width = tf.unstack(tf.shape(image)[:2])
    side = tf.minimum(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    resized = tf.image.resize(square, SIZE, antialias=True)
    return tf.cast(tf.round(resized), tf.uint8)


if __name__ == "__main__":
    _, folders, _ = parse()
    for each in folders.values():
        read(each)
