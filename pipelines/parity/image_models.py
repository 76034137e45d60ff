"""Parity of an exported model over images with the dataset it was trained on.

The images of the first records are looked up in the inputs, and computed by the same routes as rows
in `recordmill.pipelines.parity.models`. Pixels of the dataset's graph are compared with the stored
ones: they must be equal, but of JPEG storage the largest difference is reported. Pixels of the
model must be equal to the graph's. Predictions of stored records are compared with those of the
images, unless these are tiled.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ...schemas.errors import DataError, RecipeError
from ...schemas.images import IMAGE
from ...schemas.manifest import Manifest, SourceFile
from ...transforms.dataset.image_records import record_pixels
from ...transforms.serving.json_instances import JsonInstances
from ...transforms.serving.model import (
    DEFAULT,
    EXAMPLES,
    IMAGE_BYTES,
    RECORDS,
    TRANSFORM,
    ServedModel,
)
from ...transforms.serving.raw_columns import raw_tensors
from ...transforms.serving.transform_graph import TransformGraph
from ...transforms.tiles import Tiling
from ..config.image_format import ImageFormat
from ..config.image_limits import ImageLimits
from ..config.input import Input
from ..images.annotations.listing import list_images
from ..images.annotations.refs import ImageRef
from ..images.check import BadImage, check_image
from ..runtime import filesystem as files
from .comparison import JSON, Comparison, ModelParity, compare_predictions
from .examples import serialized
from .tables import stored_records
from .trained import JPEG_TOLERANCE, compare_trained

__all__ = ["check_image_model"]

_MOST_IMAGES = 8
"""Number of images of a split that are compared."""

_MOST_RECORDS = 256
"""Number of records of a split that are searched for their records."""

Pixels = npt.NDArray[np.uint8]


def check_image_model(directory: str, served: ServedModel, manifest: Manifest) -> ModelParity:
    """Compare a model over images with the dataset it was trained on; see `check_model`."""
    check = _ImageCheck(directory, served, manifest)
    refs_by_name = _refs_by_name(manifest)
    for split, content in manifest.splits.items():
        records = stored_records(directory, content.shards, manifest.compression)
        for name, tiles in _first_images(records).items():
            refs = refs_by_name.get((split, name)) or refs_by_name.get((None, name), [])
            if not refs:
                raise DataError(f"parity: the image {name} of {split} is missing in the inputs")
            if len(refs) == 1:  # else the name does not tell which image the record is of
                check.check_image(split, refs[0], tiles)
        check.check_predictions(split)
    return check.comparison.finish(
        served, manifest, largest_pixel_difference=check.largest_pixel_difference
    )


def _refs_by_name(manifest: Manifest) -> dict[tuple[str | None, str], list[ImageRef]]:
    """Return the images of the inputs by (split, name); several where inputs share a name."""
    options = _image_options(manifest)
    image_format = ImageFormat(**_with_tuples(options.get("format", {})))
    refs: dict[tuple[str | None, str], list[ImageRef]] = {}
    for index, source in enumerate(manifest.inputs):
        for ref in _list_input(source, image_format, index):
            refs.setdefault((source.split, ref.name), []).append(ref)
    return refs


def _list_input(source: SourceFile, image_format: ImageFormat, index: int) -> tuple[ImageRef, ...]:
    """List the images of an input; DataError where their number or size has changed."""
    try:
        listing = list_images(Input(None, source.path), image_format, input_index=index)
    except (DataError, RecipeError) as error:
        raise DataError(f"parity: the input {source.path} cannot be read again: {error}") from error
    size = sum(ref.size_bytes for ref in listing.images)
    count = len(listing.images) + len(listing.rejects)
    if (size, count) != (source.bytes, source.records):
        raise DataError(
            f"parity: the input {source.path} has changed: the run read {source.records:,} "
            f"images of {source.bytes:,} bytes, and there are {count:,} of {size:,}"
        )
    return listing.images


def _image_options(manifest: Manifest) -> Mapping[str, Any]:
    return manifest.recipe.get("images") or {}


def _with_tuples(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of a recipe with tuples in place of the lists that JSON has."""
    return {
        key: tuple(value) if isinstance(value, list) else value for key, value in options.items()
    }


def _first_images(records: Iterator[bytes]) -> dict[str, list[tuple[str, bytes]]]:
    """Return (tile suffix, record) of the first images, by image name; augmented copies skipped."""
    tiles: dict[str, list[tuple[str, bytes]]] = {}
    for _, record in zip(range(_MOST_RECORDS), records, strict=False):
        features = tf.train.Example.FromString(record).features.feature
        name, source = (
            features[key].bytes_list.value[0].decode()
            for key in ("image/filename", "image/source_id")
        )
        suffix = source.removeprefix(name)
        if "#copy-" not in suffix and (name in tiles or len(tiles) < _MOST_IMAGES):
            tiles.setdefault(name, []).append((suffix, record))
    return tiles


@dataclass(frozen=True)
class _Prediction:
    """A record, the source of its image, and the predictions of "serving_default" for the image."""

    source: str
    record: bytes
    values: Mapping[str, Any]


@dataclass
class _ImageCheck:
    """Comparison of a model with the images of a dataset, one at a time."""

    directory: str
    served: ServedModel
    manifest: Manifest

    def __post_init__(self) -> None:
        options = _image_options(self.manifest)
        self.comparison = Comparison()
        self.largest_pixel_difference = 0
        self._graph = TransformGraph(f"{self.directory.rstrip('/')}/transform_fn")
        self._tiling = Tiling(**_with_tuples(options["tiling"])) if options.get("tiling") else None
        self._limits = ImageLimits(**options.get("limits", {}))
        self._predictions: list[_Prediction] = []

    def check_image(self, split: str, ref: ImageRef, tiles: list[tuple[str, bytes]]) -> None:
        """Compare the stored records of an image with its pixels by each route."""
        source = f"{ref.path} ({split})"
        encoded = self._read(ref)
        outputs = self._graph(raw_tensors({IMAGE: [encoded]}, self._graph.inputs))
        pixels = _first_pixels(outputs[IMAGE])
        self.comparison.rows[split] = self.comparison.rows.get(split, 0) + 1
        self.comparison.features[IMAGE] = None
        self.comparison.routes["graph"] = None
        self._compare_stored(source, pixels, tiles)
        predicted = self._check_signatures(source, encoded, pixels)
        if self._tiling is None:
            self._predictions += [_Prediction(source, record, predicted) for _, record in tiles]

    def check_predictions(self, split: str) -> None:
        """Compare predictions of the records of a split with those of its images.

        For JPEG storage only probabilities and values of a regression are compared: outputs that
        select among many candidates, such as boxes, can jump for a small change of the pixels.
        """
        predictions, self._predictions = self._predictions, []
        if not predictions or RECORDS not in self.served.signatures:
            return
        jpeg = self.manifest.images["storage"] == "jpeg"
        names = [
            name
            for name in predictions[0].values
            if not jpeg or name in ("probabilities", "predictions")
        ]
        shapes = {
            tuple(prediction.values[name].shape for name in names) for prediction in predictions
        }
        if len(shapes) != 1 or not names:
            note = "predictions of records were not compared with those of images"
            self.comparison.notes[note] = None
            return
        compare_trained(
            self.served,
            [prediction.record for prediction in predictions],
            {
                name: np.concatenate([prediction.values[name] for prediction in predictions])
                for name in names
            },
            sources=[prediction.source for prediction in predictions],
            comparison=self.comparison,
            tolerance=JPEG_TOLERANCE if jpeg else None,
        )

    def _read(self, ref: ImageRef) -> bytes:
        """Read the input of the graph: the bytes of the file, or of a PNG that Pillow makes."""
        with files.read(ref.path) as file:
            data = bytes(file.read(self._limits.max_bytes + 1))
        try:
            checked = check_image(data, limits=self._limits)
        except BadImage as error:
            raise DataError(f"parity: {ref.path} has changed: {error.message}") from error
        if checked.converted:
            note = "some images were compared as the PNG that Pillow made of them"
            self.comparison.notes[note] = None
        return checked.encoded

    def _compare_stored(self, source: str, pixels: Pixels, tiles: list[tuple[str, bytes]]) -> None:
        """Compare the records of an image, or of its tiles, with the pixels of the graph."""
        tiled = None if self._tiling is None else self._tiling(pixels)[0].numpy()
        for suffix, record in tiles:
            computed = pixels if tiled is None else tiled[int(suffix.removeprefix("#tile-"))]
            stored = record_pixels(record, self.manifest.images).numpy()
            if self.manifest.images["storage"] == "jpeg" and stored.shape == computed.shape:
                largest = int(np.abs(stored.astype(np.int16) - computed).max(initial=0))
                self.largest_pixel_difference = max(self.largest_pixel_difference, largest)
                continue
            self._compare(source + suffix, stored, computed, ("stored", "graph:"))

    def _compare(
        self, source: str, expected: Pixels, actual: Pixels, sides: tuple[str, str]
    ) -> None:
        features = [{IMAGE: pixels[np.newaxis]} for pixels in (expected, actual)]
        self.comparison.add(*features, sources=[source], kind="feature", sides=sides)

    def _check_signatures(self, source: str, encoded: bytes, pixels: Pixels) -> Mapping[str, Any]:
        """Compare the signatures of the model, on an image, serialized inputs and a JSON line.

        Returns:
          The predictions of "serving_default".
        """
        specs = self.served.columns(DEFAULT)
        line = json.dumps({IMAGE: {"b64": base64.b64encode(encoded).decode()}}).encode()
        instances = JsonInstances(specs=specs, source=JSON, images=frozenset({IMAGE}))
        (batch,) = instances.batches([line])
        raw = raw_tensors({IMAGE: [encoded]}, specs)
        columns = {name: np.asarray(tensor) for name, tensor in raw.items()}
        if TRANSFORM in self.served.signatures:
            for route, inputs in ((TRANSFORM, columns), (JSON, batch.columns)):
                features = self.served.features(inputs)
                if IMAGE in features:
                    actual = _first_pixels(features[IMAGE])
                    self._compare(source, pixels, actual, ("graph", f"{route}:"))
                    self.comparison.routes[route] = None
        return compare_predictions(
            self.served,
            columns,
            batch.columns,
            {IMAGE_BYTES: [encoded], EXAMPLES: [*serialized({IMAGE: [encoded]})]},
            sources=[source],
            comparison=self.comparison,
        )


def _first_pixels(images: Any) -> Pixels:
    """Return the pixels of the first image of a batch."""
    image = images[0]
    return np.asarray(image.to_tensor() if isinstance(image, tf.RaggedTensor) else image)
