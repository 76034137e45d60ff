"""What becomes of one picture after the graph: tiles, and augmented copies of them.

A piece is what one record is made of. Which pieces there are, and what is drawn at random, depend
on the picture's content and the seed alone.
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

_A_TRACE = 1e-6
"""The share of a box that a tile without any part of it shows less of."""


@dataclass(frozen=True)
class SourcePicture:
    """A picture as the graph gave it.

    Attributes:
      pixels: uint8 [height, width, 3].
      boxes: float32 [n, 4], or None where it has a label.
      key: Two 64-bit words that stand for its content.
    """

    pixels: Pixels
    boxes: npt.NDArray[np.float32] | None
    key: tuple[int, int]


@dataclass(frozen=True)
class OutputImage:
    """What one record is made of.

    Attributes:
      name: What tells it from the picture's other pieces; "" for the picture itself.
      pixels: uint8 [height, width, 3].
      boxes: float32 [m, 4], relative to the piece.
      kept: The place of each box among those of the picture; int64 [m].
      order: A 64-bit word that places it among the pieces of a bucket.
      touched: Of how many boxes it shows a part; None where it is no tile of a picture with boxes.
    """

    name: str
    pixels: Pixels
    boxes: npt.NDArray[np.float32]
    kept: npt.NDArray[np.int64]
    order: int
    touched: int | None = None


class TileAndAugment:
    """Cuts pictures into pieces, and makes copies; threads can share it.

    Args:
      images: How.
      seed: Of what is drawn at random.
    """

    def __init__(self, images: Images, *, seed: int) -> None:
        self._images = images
        self._seed = seed
        self._tile = _compiled_tiles(images) if images.tiling else None
        self._augment = _compiled_augmentation(images) if images.augmentation else None

    def pieces(
        self, picture: SourcePicture, *, copies: bool
    ) -> tuple[list[OutputImage], Expansion]:
        """The pieces of a picture, and their numbers.

        Args:
          picture: The picture.
          copies: Whether there are augmented copies, which only the training split has.
        """
        whole = list(self._tiles(picture))
        kept = [piece for piece in whole if self._is_kept(piece)]
        further = [copy for piece in kept for copy in self._copies(piece, picture) if copies]
        expansion = Expansion(1, len(whole), len(whole) - len(kept), len(further))
        return kept + further, expansion

    def _tiles(self, picture: SourcePicture) -> Iterator[OutputImage]:
        boxes = np.zeros((0, 4), np.float32) if picture.boxes is None else picture.boxes
        if self._tile is None:
            places = np.arange(len(boxes), dtype=np.int64)
            yield OutputImage("", picture.pixels, boxes, places, self._word(picture, 0))
            return
        tiles, inside, kept, touched = self._tile(picture.pixels, boxes)
        # One by one, slices of ragged tensors take milliseconds.
        ends = kept.row_splits.numpy()[1:-1]
        counts = touched.numpy()
        boxes_in = np.split(inside.flat_values.numpy(), ends)
        kept_in = np.split(kept.flat_values.numpy(), ends)
        for index, tile in enumerate(tiles.numpy()):
            yield OutputImage(
                f"#tile-{index}",
                tile,
                boxes_in[index],
                kept_in[index],
                self._word(picture, index),
                int(counts[index]),
            )

    def _is_kept(self, piece: OutputImage) -> bool:
        """Whether a tile is stored: it has a box, or it is one of a share of the empty ones.

        One that shows only parts of boxes, each too small to count, is neither: it would teach
        that there is nothing where something is.
        """
        if piece.touched is None or len(piece.boxes):
            return True
        return piece.touched == 0 and mix_word(piece.order) < self._images.empty_tiles * 2**64

    def _copies(self, piece: OutputImage, picture: SourcePicture) -> Iterator[OutputImage]:
        augmentation = self._images.augmentation
        if augmentation is None or self._augment is None:
            return
        for copy in range(1, augmentation.copies + 1):
            seed = copy_seed(piece.order, picture.key[1], copy)
            pixels, boxes, kept = self._augment(piece.pixels, piece.boxes, seed)
            yield OutputImage(
                f"{piece.name}#copy-{copy}",
                pixels.numpy(),
                boxes.numpy(),
                piece.kept[kept.numpy()],
                mix_word(piece.order + copy),
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
        inside, kept = tile_boxes(boxes, windows, min_visible=visible)
        _, touched = tile_boxes(boxes, windows, min_visible=_A_TRACE)
        return tiles, inside, kept, touched.row_lengths()

    return tiles_of  # type: ignore[no-any-return]


def _compiled_augmentation(images: Images) -> Callable[..., Any]:
    specs = [_IMAGE, _BOXES, tf.TensorSpec([2], tf.int32)]
    return tf.function(images.augmentation, input_signature=specs)  # type: ignore[no-any-return]
