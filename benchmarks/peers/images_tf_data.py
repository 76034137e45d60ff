"""`tf.data` reading images as a trainer would, with two threads: what nothing here can outrun.

pixels      decodes, crops the centre and resizes, and writes nothing: no job that does that
            much with TensorFlow's ops can take less time, unless it decodes fewer pixels
records     the same, and writes each image as a JPEG file into one file of records that hold
            nothing else; checks nothing, hashes nothing, shuffles nothing
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from recordmill.transforms.hotdog import SIZE

from .arguments import parse

__all__ = ["pixels", "read", "write"]

_THREADS = 2
_BATCH_IMAGES = 64
_QUALITY = 95


def read(folder: str) -> int:
    """Makes the pixels of all images in the folders of a folder; gives how many there were."""
    return sum(len(batch) for batch in _batches(folder, pixels))


def write(folder: str, path: str) -> int:
    """Writes a file of records of all images in the folders of a folder; gives how many."""
    images = 0
    with tf.io.TFRecordWriter(path) as writer:
        for batch in _batches(folder, _stored):
            for encoded in batch.numpy():
                writer.write(encoded)
            images += len(batch)
    return images


def _batches(folder: str, made: Callable[[Any], Any]) -> tf.data.Dataset:
    """What is made of all images, some at a time."""
    paths = sorted(str(path) for path in Path(folder).glob("*/*.jpg"))
    options = tf.data.Options()
    options.threading.private_threadpool_size = _THREADS
    options.deterministic = False
    return (
        tf.data.Dataset.from_tensor_slices(paths)
        .map(lambda path: made(tf.io.read_file(path)), num_parallel_calls=_THREADS)
        .batch(_BATCH_IMAGES)
        .prefetch(1)
        .with_options(options)
    )


def pixels(encoded: Any) -> Any:
    """The centre of a JPEG file as uint8 [224, 224, 3]."""
    image = tf.io.decode_jpeg(encoded, channels=3)
    height, width = tf.unstack(tf.shape(image)[:2])
    side = tf.minimum(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    resized = tf.image.resize(square, SIZE, antialias=True)
    return tf.cast(tf.round(resized), tf.uint8)


def _stored(encoded: Any) -> Any:
    return tf.io.encode_jpeg(pixels(encoded), quality=_QUALITY)


if __name__ == "__main__":
    what, folders, output = parse()
    Path(output).mkdir(parents=True, exist_ok=True)
    for split, each in folders.items():
        if what == "pixels":
            read(each)
        else:
            write(each, str(Path(output, f"{split}.tfrecord")))
