"""The proof, for images: what the graph serves of a file's bytes is what was stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tensorflow as tf

from ..schemas.errors import DataError
from ..schemas.images import ImageSchema
from ..schemas.manifest import Shard
from ..transforms.records import record_pixels
from .encode import encode
from .image_feed import ImageFeed
from .image_options import Images
from .image_pieces import Cutter
from .image_records import PixelEncoder, features
from .image_transform import ImageGraph
from .parity import stored_records

__all__ = ["check_image_parity"]

_PIECES = 64
"""Records of a split that are compared."""


def check_image_parity(
    directory: str,
    samples: Mapping[str, pa.RecordBatch],
    shards: Mapping[str, Sequence[Shard]],
    *,
    schema: ImageSchema,
    images: Images,
    seed: int,
    compression: str,
) -> dict[str, Any]:
    """Sends sampled images through the graph in `directory` and compares with the stored records.

    Pixels are compared with those the graph gives, before they are stored: where storage is
    exact they must be equal, and a JPEG's may differ.

    Args:
      directory: The dataset, before its manifest is written.
      samples: By split, the rows with the smallest keys that were written.
      shards: By split, in canonical order.
      schema: What the images have.
      images: How they are cut and stored.
      seed: Of the recipe.
      compression: Of the shards.

    Returns:
      For the manifest: {"rows": {split: images}, "records": {split: records compared},
      "largest_pixel_difference": of a sample, 0-255, "mean_pixel_difference",
      "records_that_differ": how many}.

    Raises:
      DataError: A record is not what the graph serves, or is not there.
    """
    graph = ImageGraph(directory, schema)
    cutter = Cutter(images, seed=seed)
    feed = ImageFeed(schema)
    differences: list[npt.NDArray[np.int16]] = []
    counts: dict[str, int] = {}
    for split, sample in samples.items():
        expected = dict(_expected(graph, cutter, feed, sample, schema, images))
        found = _found(directory, shards[split], compression, expected)
        differences += [_compare(expected[name], found[name], split, images) for name in expected]
        counts[split] = len(expected)
    largest = [int(one.max(initial=0)) for one in differences]
    return {
        "rows": {split: sample.num_rows for split, sample in samples.items()},
        "records": counts,
        "largest_pixel_difference": max(largest, default=0),
        "mean_pixel_difference": float(np.mean([one.mean() for one in differences] or [0])),
        "records_that_differ": sum(one > 0 for one in largest),
    }


def _expected(
    graph: ImageGraph,
    cutter: Cutter,
    feed: ImageFeed,
    sample: pa.RecordBatch,
    schema: ImageSchema,
    images: Images,
) -> Iterator[tuple[str, tuple[npt.NDArray[np.uint8], bytes]]]:
    """By source id, the pixels and the record that a request for the image gives; no copies."""
    rows = sample.cast(schema.arrow_schema()) if sample.schema != schema.arrow_schema() else sample
    encoder = PixelEncoder(images)
    count = 0
    for start in range(rows.num_rows):
        row = rows.slice(start, 1)
        (shot,), further = graph(row, feed(row))
        for piece in cutter.pieces(shot.picture, copies=False)[0]:
            stored = features([(piece, shot.source)], schema=schema, encoder=encoder)
            record = encode(stored | further)[0].as_py()
            yield shot.source.filename + piece.name, (piece.pixels, record)
            count += 1
            if count == _PIECES:
                return


def _found(
    directory: str, shards: Sequence[Shard], compression: str, wanted: Mapping[str, Any]
) -> dict[str, bytes]:
    """The stored records of these source ids."""
    found: dict[str, bytes] = {}
    for record in stored_records(directory, shards, compression):
        if len(found) == len(wanted):
            break
        example = tf.train.Example.FromString(record)
        name = example.features.feature["image/source_id"].bytes_list.value[0].decode()
        if name in wanted:
            found[name] = record
    for name in wanted:
        if name not in found:
            raise DataError(
                f"parity: no record of {name}, which the graph serves. This is a bug in "
                "recordmill; nothing was published."
            )
    return found


def _compare(
    expected: tuple[npt.NDArray[np.uint8], bytes], stored: bytes, split: str, images: Images
) -> npt.NDArray[np.int16]:
    """By how much each sample of the stored pixels differs; DataError where it must not."""
    pixels, record = expected
    example = tf.train.Example.FromString(stored)
    name = example.features.feature["image/source_id"].bytes_list.value[0].decode()
    decoded = record_pixels(stored, {"storage": images.storage, "height": None, "width": None})
    difference: npt.NDArray[np.int16] = np.abs(decoded.numpy().astype(np.int16) - pixels)
    if stored != record or (images.storage != "jpeg" and difference.any()):
        raise DataError(
            f"parity: the record of {name} in {split} is not what the graph serves: its pixels "
            f"differ by up to {int(difference.max(initial=0))}. Nothing was published. The "
            "preprocessing_fn must treat each image by itself."
        )
    return difference
