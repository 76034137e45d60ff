"""`tf.data` reading images as a trainer would, with two threads: what nothing here can outrun.

pixels      decodes, crops the centre and resizes, and writes nothing: no job that does that
            much with TensorFlow's ops can take less time, unless it decodes fewer pixels
records     the same, and writes each image as a JPEG file into one file of records that hold
            nothing else; checks nothing, hashes nothing, shuffles nothing
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    """Make the pixels of all images in the folders of a folder; give how many there were."""
    return sum(1 for _ in _images(folder, pixels))


def write(folder: str, path: str) -> int:
    """Write a file of records of all images in the folders of a folder; give how many."""
    images = 0
    with tf.io.TFRecordWriter(path) as writer:
        for encoded in _images(folder, _stored):
            writer.write(encoded)
            images += 1
    return images


def _images(folder: str, convert: Callable[[Any], Any]) -> Iterator[Any]:
    """Yield each image of a folder, converted.

    Raises:
      ValueError: There are not as many images as files; raised at the end.
    """
    paths = sorted(str(path) for path in Path(folder).glob("*/*.jpg"))
    options = tf.data.Options()
    options.threading.private_threadpool_size = _THREADS
    options.deterministic = False
    batches = (
        tf.data.Dataset.from_tensor_slices(paths)
        .map(lambda path: convert(tf.io.read_file(path)), num_parallel_calls=_THREADS)
        .batch(_BATCH_IMAGES)
        .prefetch(1)
        .with_options(options)
    )
    images = 0
    for batch in batches.as_numpy_iterator():
        yield from batch
        images += len(batch)
    if images != len(paths):
        raise ValueError(f"{folder}: read {images:,} images of {len(paths):,}")


def pixels(encoded: Any) -> Any:
    """Return the centre of a JPEG file as uint8 [224, 224, 3]."""
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
    problem, folders, output = parse()
    for split, folder in folders.items():
        if problem == "pixels":
            read(folder)
        else:
            Path(output, split).mkdir(parents=True)
            write(folder, str(Path(output, split, "data-00000-of-00001")))
