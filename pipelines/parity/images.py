"""Parity check of a run over images: the graph computes the stored records from image files."""

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

_MOST_RECORDS = 64
"""Number of records of a split that are compared."""


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

    Stored pixels are compared with the outputs of the graph: they must be equal, unless storage is
    JPEG, which is lossy.

    Args:
      directory: Path of the dataset, before its manifest is written.
      samples: Written rows with the smallest keys, by split.
      shards: Shards by split, in canonical order.
      schema: Schema of the images.
      images: Options of tiling and storage.
      seed: Seed of the recipe.
      compression: Compression of the shards.

    Returns:
      An entry of the manifest: {"rows": {split: number of images}, "records": {split: number of
      compared records}, "largest_pixel_difference": of a sample, 0-255, "mean_pixel_difference",
      "records_that_differ": number of records}.

    Raises:
      DataError: A record differs from the output of the graph, or does not exist.
    """
    graph = ImageGraph(directory, schema)
    tile_and_augment = TileAndAugment(images, seed=seed)
    adapter = ImageTensorAdapter(schema)
    differences: list[npt.NDArray[np.int16]] = []
    counts: dict[str, int] = {}
    for split, sample in samples.items():
        expected = dict(_expected_records(graph, tile_and_augment, adapter, sample, schema, images))
        stored = partial(stored_records, directory, shards[split], compression)
        _check_stored(stored, expected, split, images)
        differences += [
            np.abs(_decode_pixels(record, images) - pixels) for record, pixels in expected.items()
        ]
        counts[split] = len(expected)
    rows = {split: sample.num_rows for split, sample in samples.items()}
    return {"rows": rows, "records": counts, **_summarize(differences, images.storage)}


def _summarize(differences: Sequence[npt.NDArray[np.int16]], storage: str) -> dict[str, Any]:
    """Summarize the pixel differences of records; DataError for any where storage is exact."""
    largest = [int(difference.max(initial=0)) for difference in differences]
    if storage != "jpeg" and any(largest):
        raise DataError(
            f"parity: pixels stored as {storage} differ by up to {max(largest)} from those "
            "that the graph serves. This is a bug in recordmill; nothing was published."
        )
    means = [difference.mean() for difference in differences]
    return {
        "largest_pixel_difference": max(largest, default=0),
        "mean_pixel_difference": float(np.mean(means or [0])),
        "records_that_differ": sum(difference > 0 for difference in largest),
    }


def _expected_records(
    graph: ImageGraph,
    tile_and_augment: TileAndAugment,
    adapter: ImageTensorAdapter,
    sample: pa.RecordBatch,
    schema: ImageSchema,
    images: Images,
) -> Iterator[tuple[bytes, Pixels]]:
    """Yield the records of images as the graph computes them, and their pixels; no copies."""
    rows = sample.cast(schema.arrow_schema()) if sample.schema != schema.arrow_schema() else sample
    encoder = PixelEncoder(images)
    count = 0
    for start in range(rows.num_rows):
        row = rows.slice(start, 1)
        (output,), scalars = graph(row, adapter(row))
        for image in tile_and_augment.outputs(output.picture, copies=False)[0]:
            pixels = features([(image, output.origin)], schema=schema, encoder=encoder)
            record = encode_examples(pixels | scalars)[0].as_py()
            yield record, image.pixels
            count += 1
            if count == _MOST_RECORDS:
                return


def _check_stored(
    stored: Callable[[], Iterator[bytes]],
    expected: Mapping[bytes, Pixels],
    split: str,
    images: Images,
) -> None:
    """Raise DataError where an expected record is not stored, byte for byte."""
    missing = dict(expected)
    for record in stored():
        missing.pop(record, None)
        if not missing:
            return
    for record, pixels in missing.items():
        name = _source_id(record)
        actual = next((other for other in stored() if _source_id(other) == name), None)
        if actual is None:
            raise DataError(
                f"parity: no record of {name}, which the graph serves. This is a bug in "
                "recordmill; nothing was published."
            )
        raise DataError(
            f"parity: the record of {name} in {split} is not what the graph serves: its pixels "
            f"{_describe_difference(_decode_pixels(actual, images), pixels)}. Nothing was "
            "published. The preprocessing_fn must treat each image by itself."
        )


def _source_id(record: bytes) -> str:
    example = tf.train.Example.FromString(record)
    return str(example.features.feature["image/source_id"].bytes_list.value[0].decode())


def _decode_pixels(record: bytes, images: Images) -> npt.NDArray[np.int16]:
    """Return the pixels of a record as int16, so that they can be subtracted."""
    pixels = record_pixels(record, {"storage": images.storage, "height": None, "width": None})
    return pixels.numpy().astype(np.int16)  # type: ignore[no-any-return]


def _describe_difference(stored: npt.NDArray[np.int16], served: Pixels) -> str:
    """Describe the difference of stored pixels from those that the graph serves."""
    if stored.shape != served.shape:
        sizes = [f"{pixels.shape[1]} x {pixels.shape[0]}" for pixels in (stored, served)]
        return f"are {sizes[0]}, and those served {sizes[1]}"
    return f"differ by up to {int(np.abs(stored - served).max(initial=0))}"
