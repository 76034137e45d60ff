"""The same proof as `model_parity` gives, for a model over images.

The images of the first records are found again among the inputs. Pixels of the dataset's graph
are held against the stored ones: they are equal where storage is exact, and a JPEG's largest
difference is told. Those of the model must be equal to the graph's. Predictions of stored records
are compared with those of the images, where these are not cut into tiles.
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
from .comparison import JSON, Comparison, ModelParity, absent_signatures, graph_problems
from .examples import serialized
from .tables import stored_records
from .trained import JPEG_TOLERANCE, compare_trained

__all__ = ["check_image_model"]

_IMAGES = 8
"""Images of a split that are compared."""

_RECORDS = 256
"""Records of a split that are looked at for them."""

Pixels = npt.NDArray[np.uint8]


def check_image_model(directory: str, served: ServedModel, manifest: Manifest) -> ModelParity:
    """Compare a model over images with the dataset it was trained on; see `check_model`."""
    check = _Check(directory, served, manifest)
    names = _names(manifest)
    for split, content in manifest.splits.items():
        records = stored_records(directory, content.shards, manifest.compression)
        for name, pieces in _by_image(records).items():
            refs = names.get((split, name)) or names.get((None, name), [])
            if not refs:
                raise DataError(f"parity: the image {name} of {split} is gone from the inputs")
            if len(refs) == 1:
                check.image(split, refs[0], pieces)
        check.trained(split)
    found = check.found
    return ModelParity(
        rows=found.rows,
        features=len(found.features),
        ways=tuple(found.ways),
        units=found.units,
        answers=found.answers,
        problems=(*graph_problems(served, manifest), *found.problems),
        notes=(*absent_signatures(served), *check.notes),
        largest_pixel_difference=check.largest,
    )


def _names(manifest: Manifest) -> dict[tuple[str | None, str], list[ImageRef]]:
    """The images of the inputs by (split, name); several where inputs share a name."""
    options = _options(manifest)
    image_format = ImageFormat(**_with_tuples(options.get("format", {})))
    names: dict[tuple[str | None, str], list[ImageRef]] = {}
    for index, source in enumerate(manifest.inputs):
        for ref in _listed(source, image_format, index):
            names.setdefault((source.split, ref.name), []).append(ref)
    return names


def _listed(source: SourceFile, image_format: ImageFormat, index: int) -> tuple[ImageRef, ...]:
    try:
        listing = list_images(Input(None, source.path), image_format, input_index=index)
    except (DataError, RecipeError) as error:
        raise DataError(f"parity: the input {source.path} cannot be read again: {error}") from error
    size = sum(ref.size_bytes for ref in listing.images)
    count = len(listing.images) + len(listing.rejects)
    if (size, count) != (source.bytes, source.records):
        raise DataError(
            f"parity: the input {source.path} is another one now: the run read {source.records:,} "
            f"images of {source.bytes:,} bytes, and there are {count:,} of {size:,}"
        )
    return listing.images


def _options(manifest: Manifest) -> Mapping[str, Any]:
    return manifest.recipe.get("images") or {}


def _with_tuples(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(one) if isinstance(one, list) else one for key, one in options.items()}


def _by_image(records: Iterator[bytes]) -> dict[str, list[tuple[str, bytes]]]:
    """Of the first images the records that are no copies: (name of the piece, record)."""
    found: dict[str, list[tuple[str, bytes]]] = {}
    for _, record in zip(range(_RECORDS), records, strict=False):
        features = tf.train.Example.FromString(record).features.feature
        name, source = (
            features[key].bytes_list.value[0].decode()
            for key in ("image/filename", "image/source_id")
        )
        piece = source.removeprefix(name)
        if "#copy-" not in piece and (name in found or len(found) < _IMAGES):
            found.setdefault(name, []).append((piece, record))
    return found


@dataclass(frozen=True)
class _Answered:
    """An image, its record, and the predictions that "serving_default" gives of it."""

    place: str
    record: bytes
    predicted: Mapping[str, Any]


@dataclass
class _Check:
    """What is compared with what, and what was found so far."""

    directory: str
    served: ServedModel
    manifest: Manifest

    def __post_init__(self) -> None:
        options = _options(self.manifest)
        self.found = Comparison()
        self.notes: dict[str, None] = {}
        self.largest = 0
        self._graph = TransformGraph(f"{self.directory.rstrip('/')}/transform_fn")
        self._tiling = Tiling(**_with_tuples(options["tiling"])) if options.get("tiling") else None
        self._limits = ImageLimits(**options.get("limits", {}))
        self._answered: list[_Answered] = []

    def image(self, split: str, ref: ImageRef, pieces: list[tuple[str, bytes]]) -> None:
        """Compare what is stored of an image with what each way gives of it."""
        place = f"{ref.path} ({split})"
        encoded = self._encoded(ref)
        outputs = self._graph(raw_tensors({IMAGE: [encoded]}, self._graph.inputs))
        pixels = _first(outputs[IMAGE])
        self.found.rows[split] = self.found.rows.get(split, 0) + 1
        self.found.features |= {IMAGE: None}
        self.found.ways |= {"graph": None}
        self._stored(place, pixels, pieces)
        predicted = self._signatures(place, encoded, pixels)
        if self._tiling is None:
            self._answered += [_Answered(place, record, predicted) for _, record in pieces]

    def trained(self, split: str) -> None:
        """Compare predictions of the records of a split with those of its images.

        Of a JPEG these are probabilities or values of a regression: what is chosen among many, as
        boxes are, need not be near for pixels that are.
        """
        images, self._answered = self._answered, []
        if not images or RECORDS not in self.served.signatures:
            return
        jpeg = self.manifest.images["storage"] == "jpeg"
        names = [
            name
            for name in images[0].predicted
            if not jpeg or name in ("probabilities", "predictions")
        ]
        shapes = {tuple(one.predicted[name].shape for name in names) for one in images}
        if len(shapes) != 1 or not names:
            self.notes["predictions of records were not compared with those of images"] = None
            return
        compare_trained(
            self.served,
            [one.record for one in images],
            {name: np.concatenate([one.predicted[name] for one in images]) for name in names},
            places=[one.place for one in images],
            found=self.found,
            tolerance=JPEG_TOLERANCE if jpeg else None,
        )

    def _encoded(self, ref: ImageRef) -> bytes:
        """The bytes that the graph was given: those of the file, or of a PNG that Pillow made."""
        with files.read(ref.path) as file:
            data = bytes(file.read(self._limits.max_bytes + 1))
        try:
            checked = check_image(data, limits=self._limits)
        except BadImage as error:
            raise DataError(f"parity: {ref.path} is another file now: {error.message}") from error
        if checked.converted:
            self.notes["some images were compared as the PNG that Pillow made of them"] = None
        return checked.encoded

    def _stored(self, place: str, pixels: Pixels, pieces: list[tuple[str, bytes]]) -> None:
        tiles = None if self._tiling is None else self._tiling(pixels)[0].numpy()
        for name, record in pieces:
            given = pixels if tiles is None else tiles[int(name.removeprefix("#tile-"))]
            stored = record_pixels(record, self.manifest.images).numpy()
            if self.manifest.images["storage"] == "jpeg" and stored.shape == given.shape:
                apart = np.abs(stored.astype(np.int16) - given)
                self.largest = max(self.largest, int(apart.max(initial=0)))
                continue
            self._compare(place + name, stored, given, ("stored", "graph:"))

    def _compare(self, place: str, one: Pixels, other: Pixels, words: tuple[str, str]) -> None:
        sides = [{IMAGE: side[np.newaxis]} for side in (one, other)]
        self.found.add(*sides, places=[place], what="feature", words=words)

    def _signatures(self, place: str, encoded: bytes, pixels: Pixels) -> Mapping[str, Any]:
        """Compare what the model's signatures give of an image, and of the same as JSON.

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
            for way, given in ((TRANSFORM, columns), (JSON, batch.columns)):
                seen = self.served.features(given)
                if IMAGE in seen:
                    self._compare(place, pixels, _first(seen[IMAGE]), ("graph", f"{way}:"))
                    self.found.ways[way] = None
        predicted: dict[str, Any] = self.served(DEFAULT, columns)
        self._predictions(place, encoded, predicted, batch.columns)
        return predicted

    def _predictions(
        self, place: str, encoded: bytes, predicted: Mapping[str, Any], as_json: Mapping[str, Any]
    ) -> None:
        others = {JSON: self.served(DEFAULT, as_json)}
        example = next(serialized({IMAGE: [encoded]}))
        for signature, value in ((IMAGE_BYTES, encoded), (EXAMPLES, example)):
            if signature in self.served.signatures:
                (name,) = self.served.columns(signature)
                others[signature] = self.served(signature, {name: np.array([value], object)})
        for way, got in others.items():
            words = (f"{DEFAULT}:", f"{way}:")
            self.found.add(predicted, got, places=[place], what="prediction", words=words)
            self.found.ways[way] = None


def _first(images: Any) -> Pixels:
    """The pixels of the one image of a batch."""
    one = images[0]
    dense = one.to_tensor() if isinstance(one, tf.RaggedTensor) else one
    return np.asarray(dense)
