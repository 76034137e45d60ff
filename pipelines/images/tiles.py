"""Cut decoded pictures into tiles, and make augmented copies of them.

An output image is that of one record: a picture, a tile or a copy. The output images, and all
random numbers, depend on the content of the picture and the seed alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ...schemas.manifest import Expansion
from ...schemas.mix64 import mix_word
from ...transforms.augment import copy_seed
from ...transforms.tiles import tile_boxes
from ..config.images import Images

__all__ = ["TileAndAugment", "SourcePicture", "OutputImage", "Pixels"]

Pixels: TypeAlias = npt.NDArray[np.uint8]

_ANY_PART = 1e-6
"""Share of a box that counts as any part of it, above the rounding of floats."""


@dataclass(frozen=True)
class SourcePicture:
    """Picture as the graph returns it.

    Attributes:
      pixels: RGB samples; uint8, [height, width, 3].
      boxes: Boxes; float32, [n, 4], or None where the picture has a label.
      key: Two 64-bit words of the hash of its content.
    """

    pixels: Pixels
    boxes: npt.NDArray[np.float32] | None
    key: tuple[int, int]


@dataclass(frozen=True)
class OutputImage:
    """Image and boxes of one record.

    Attributes:
      name: Suffix that names the tile and the copy; "" for the picture itself.
      pixels: RGB samples; uint8, [height, width, 3].
      boxes: Boxes relative to the image; float32, [m, 4].
      box_indices: Index of each box among those of the picture; int64, [m].
      order: 64-bit word that orders the output images of a bucket.
      touched: Number of boxes of which it shows any part; None where it is not a tile.
    """

    name: str
    pixels: Pixels
    boxes: npt.NDArray[np.float32]
    box_indices: npt.NDArray[np.int64]
    order: int
    touched: int | None = None


class TileAndAugment:
    """Makes tiles and augmented copies of pictures; threads can share it.

    Args:
      images: Image settings of the recipe.
      seed: Seed of all random numbers.
    """

    def __init__(self, images: Images, *, seed: int) -> None:
        self._images = images
        self._seed = seed
        self._tile = _compiled_tiles(images) if images.tiling else None
        self._augment = _compiled_augmentation(images) if images.augmentation else None

    def outputs(
        self, picture: SourcePicture, *, copies: bool
    ) -> tuple[list[OutputImage], Expansion]:
        """Return the images of the records of a picture, and their counts.

        Args:
          picture: Decoded picture.
          copies: Whether to make augmented copies, as of the training split alone.
        """
        tiles = list(self._tiles(picture))
        stored = [tile for tile in tiles if self._is_stored(tile)]
        augmented = [copy for tile in stored for copy in self._copies(tile, picture) if copies]
        expansion = Expansion(1, len(tiles), len(tiles) - len(stored), len(augmented))
        return stored + augmented, expansion

    def _tiles(self, picture: SourcePicture) -> Iterator[OutputImage]:
        boxes = np.zeros((0, 4), np.float32) if picture.boxes is None else picture.boxes
        if self._tile is None:
            indices = np.arange(len(boxes), dtype=np.int64)
            yield OutputImage("", picture.pixels, boxes, indices, self._word(picture, 0))
            return
        tiles, inside, indices, touched = self._tile(picture.pixels, boxes)
        # Split as arrays: slices of ragged tensors, one by one, take milliseconds.
        ends = indices.row_splits.numpy()[1:-1]
        counts = touched.numpy()
        boxes_of = np.split(inside.flat_values.numpy(), ends)
        indices_of = np.split(indices.flat_values.numpy(), ends)
        for index, tile in enumerate(tiles.numpy()):
            yield OutputImage(
                f"#tile-{index}",
                tile,
                boxes_of[index],
                indices_of[index],
                self._word(picture, index),
                int(counts[index]),
            )

    def _is_stored(self, tile: OutputImage) -> bool:
        """Return whether to store a tile: if it has a box, or is in the sample of empty tiles.

        A tile that shows only parts of boxes, each too small to count, is neither: as an empty tile
        it would teach a model to miss objects.
        """
        if tile.touched is None or len(tile.boxes):
            return True
        return tile.touched == 0 and mix_word(tile.order) < self._images.empty_tiles * 2**64

    def _copies(self, tile: OutputImage, picture: SourcePicture) -> Iterator[OutputImage]:
        augmentation = self._images.augmentation
        if augmentation is None or self._augment is None:
            return
        for copy in range(1, augmentation.copies + 1):
            seed = copy_seed(tile.order, picture.key[1], copy)
            pixels, boxes, indices = self._augment(tile.pixels, tile.boxes, seed)
            yield OutputImage(
                f"{tile.name}#copy-{copy}",
                pixels.numpy(),
                boxes.numpy(),
                tile.box_indices[indices.numpy()],
                mix_word(tile.order + copy),
            )

    def _word(self, picture: SourcePicture, index: int) -> int:
        return mix_word(mix_word(picture.key[0] ^ self._seed) + index)


_IMAGE = tf.TensorSpec([None, None, 3], tf.uint8)
_BOXES = tf.TensorSpec([None, 4], tf.float32)


def _compiled_tiles(images: Images) -> Callable[..., Any]:
    tiling, visible = images.tiling, images.min_visible
    assert tiling is not None

    @tf.function(input_signature=[_IMAGE, _BOXES], autograph=False)  # type: ignore[untyped-decorator]
    def tiles_of(pixels: tf.Tensor, boxes: tf.Tensor) -> Any:
        tiles, windows = tiling(pixels)
        inside, indices = tile_boxes(boxes, windows, min_visible=visible)
        _, touched = tile_boxes(boxes, windows, min_visible=_ANY_PART)
        return tiles, inside, indices, touched.row_lengths()

    return tiles_of  # type: ignore[no-any-return]


def _compiled_augmentation(images: Images) -> Callable[..., Any]:
    specs = [_IMAGE, _BOXES, tf.TensorSpec([2], tf.int32)]
    return tf.function(images.augmentation, input_signature=specs)  # type: ignore[no-any-return]
