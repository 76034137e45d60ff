"""The proof, for images: what the graph serves of a file's bytes is what was stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tensorflow as tf

from ...schemas.errors import DataError
from ...schemas.images import ImageSchema
from ...schemas.manifest import Shard
from ...transforms.dataset.image_records import record_pixels
from ..config.images import Images
from ..images.graph import ImageGraph
from ..images.records import PixelEncoder, features
from ..images.tensors import ImageTensorAdapter
from ..images.tiles import Pixels, TileAndAugment
from ..tfrecord.example_encoder import encode_examples
from .tables import stored_records

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
    """Send sampled images through the graph in `directory` and compare with the stored records.

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
    cutter = TileAndAugment(images, seed=seed)
    feed = ImageTensorAdapter(schema)
    differences: list[npt.NDArray[np.int16]] = []
    counts: dict[str, int] = {}
    for split, sample in samples.items():
        expected = dict(_expected(graph, cutter, feed, sample, schema, images))
        stored = partial(stored_records, directory, shards[split], compression)
        _check_stored(stored, expected, split, images)
        differences += [np.abs(_decoded(one, images) - expected[one]) for one in expected]
        counts[split] = len(expected)
    largest = [int(one.max(initial=0)) for one in differences]
    if images.storage != "jpeg" and any(largest):
        raise DataError(
            f"parity: pixels stored as {images.storage} differ by up to {max(largest)} from those "
            "that the graph serves. This is a bug in recordmill; nothing was published."
        )
    return {
        "rows": {split: sample.num_rows for split, sample in samples.items()},
        "records": counts,
        "largest_pixel_difference": max(largest, default=0),
        "mean_pixel_difference": float(np.mean([one.mean() for one in differences] or [0])),
        "records_that_differ": sum(one > 0 for one in largest),
    }


def _expected(
    graph: ImageGraph,
    cutter: TileAndAugment,
    feed: ImageTensorAdapter,
    sample: pa.RecordBatch,
    schema: ImageSchema,
    images: Images,
) -> Iterator[tuple[bytes, Pixels]]:
    """The records that requests for the images give, and the pixels of each; no copies."""
    rows = sample.cast(schema.arrow_schema()) if sample.schema != schema.arrow_schema() else sample
    encoder = PixelEncoder(images)
    count = 0
    for start in range(rows.num_rows):
        row = rows.slice(start, 1)
        (shot,), further = graph(row, feed(row))
        for piece in cutter.pieces(shot.picture, copies=False)[0]:
            stored = features([(piece, shot.source)], schema=schema, encoder=encoder)
            record = encode_examples(stored | further)[0].as_py()
            yield record, piece.pixels
            count += 1
            if count == _PIECES:
                return


def _check_stored(
    stored: Callable[[], Iterator[bytes]],
    expected: Mapping[bytes, Pixels],
    split: str,
    images: Images,
) -> None:
    """Raise DataError where an expected record is not among those stored, byte for byte."""
    missing = dict(expected)
    for record in stored():
        missing.pop(record, None)
        if not missing:
            return
    for record, pixels in missing.items():
        name = _source_id(record)
        alike = next((one for one in stored() if _source_id(one) == name), None)
        if alike is None:
            raise DataError(
                f"parity: no record of {name}, which the graph serves. This is a bug in "
                "recordmill; nothing was published."
            )
        raise DataError(
            f"parity: the record of {name} in {split} is not what the graph serves: its pixels "
            f"{_told(_decoded(alike, images), pixels)}. Nothing was published. The "
            "preprocessing_fn must treat each image by itself."
        )


def _source_id(record: bytes) -> str:
    example = tf.train.Example.FromString(record)
    return str(example.features.feature["image/source_id"].bytes_list.value[0].decode())


def _decoded(record: bytes, images: Images) -> npt.NDArray[np.int16]:
    """The pixels of a record, of a type that has their differences."""
    pixels = record_pixels(record, {"storage": images.storage, "height": None, "width": None})
    return pixels.numpy().astype(np.int16)  # type: ignore[no-any-return]


def _told(stored: npt.NDArray[np.int16], served: Pixels) -> str:
    """How the pixels of a record differ from those that are served."""
    if stored.shape != served.shape:
        sizes = [f"{one.shape[1]} x {one.shape[0]}" for one in (stored, served)]
        return f"are {sizes[0]}, and those served {sizes[1]}"
    return f"differ by up to {int(np.abs(stored - served).max(initial=0))}"
