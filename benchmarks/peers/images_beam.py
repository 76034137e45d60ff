"""Classic Beam pipeline over images, one by one, in Python, with Pillow.

`MatchFiles`, `ReadMatches`, then a function that decodes, crops the centre, resizes, encodes and
makes a `tf.train.Example`, and `WriteToTFRecord`; Beam's in-process runner with its defaults. It
checks nothing, shuffles nothing and makes no graph to serve with.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping

import apache_beam as beam
import tensorflow as tf
from apache_beam.io import fileio
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from PIL import Image

from recordmill.transforms.hotdog import CLASSES, SIZE

from .arguments import parse

__all__ = ["encode", "example", "prepare"]

_QUALITY = 95


def prepare(inputs: Mapping[str, str], output: str) -> None:
    """Write the TFRecords of each split.

    Args:
      inputs: Folder of each split: JPEG files in a folder for each class.
      output: Folder to write.
    """
    with beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([])) as pipeline:
        for split, folder in inputs.items():
            _ = (
                pipeline
                | f"Match {split}" >> fileio.MatchFiles(os.path.join(folder, "*", "*.jpg"))
                | f"Read {split}" >> fileio.ReadMatches()
                | f"Example {split}" >> beam.Map(_example_of_file)
                | f"Write {split}" >> beam.io.WriteToTFRecord(os.path.join(output, split, "data"))
            )


def _example_of_file(file: fileio.ReadableFile) -> bytes:
    return example(file.metadata.path, file.read())


def example(path: str, data: bytes) -> bytes:
    """Return the serialized `tf.train.Example` of a file, with keys of the Object Detection API."""
    label = os.path.basename(os.path.dirname(path))
    features = tf.train.Features()
    texts = {
        "image/encoded": encode(data),
        "image/format": b"jpeg",
        "image/filename": os.path.basename(path).encode(),
        "image/class/text": label.encode(),
    }
    numbers = {
        "image/height": SIZE[0],
        "image/width": SIZE[1],
        "image/class/label": CLASSES.index(label),
    }
    for name, text in texts.items():
        features.feature[name].bytes_list.value.append(text)
    for name, number in numbers.items():
        features.feature[name].int64_list.value.append(number)
    record: bytes = tf.train.Example(features=features).SerializeToString()
    return record


def encode(data: bytes) -> bytes:
    """Return the centre of an image as a JPEG of 224x224 pixels, in TensorFlow's quality 95."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = (left, top, left + side, top + side)
    resized = image.resize(SIZE[::-1], Image.Resampling.BILINEAR, box=square)
    encoded = io.BytesIO()
    resized.save(encoded, "JPEG", quality=_QUALITY)
    return encoded.getvalue()


if __name__ == "__main__":
    _, folders, output = parse()
    prepare(folders, output)
