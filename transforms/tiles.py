"""Overlapping tiles of large images at several resolutions, and detections merged across tiles.

Each tile has a window: its part of the image. Windows convert boxes of the image to boxes of the
tiles (`tile_boxes`), and detections in the tiles back to boxes of the image (`stitch`). All of
this consists of TensorFlow operations, one image at a time: the same in preparation, in `tf.data`
and in a served graph that scans a photo.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..schemas.errors import RecipeError
from ._ops.resize import resize
from .boxes import clip, from_window, is_visible, relative_to

__all__ = ["Tiling", "stitch", "tile_boxes"]


@dataclass(frozen=True)
class Tiling:
    """Grid of square tiles over an image, a callable from an image to its tiles.

    At each scale the tiles start every `stride` pixels from the upper left corner, and where this
    does not reach the far border, a last one ends at it. So every pixel is in a tile, no tile
    occurs twice, and only an image smaller than a tile is padded: right and below, with black.

    Attributes:
      size: Height and width of a tile in pixels; at least 1.
      stride: Distance from the start of a tile to that of the next, in pixels; from 1 to `size`.
        Neighbours overlap by `size` - `stride`, so an object up to that size is whole in at least
        one tile.
      scales: Factors of the height and width of the image before it is cut, in the order of the
        tiles; each finite and above 0, without duplicates.

    Raises:
      RecipeError: A field is out of its range.
    """

    size: int
    stride: int
    scales: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        if self.size < 1:
            raise RecipeError(f"expected a size of at least 1, got {self.size}", subject="tiles")
        if not 1 <= self.stride <= self.size:
            raise RecipeError(
                f"expected a stride from 1 to the size {self.size}, got {self.stride}",
                subject="tiles",
            )
        good = all(scale > 0 and math.isfinite(scale) for scale in self.scales)
        if not good or not 0 < len(self.scales) == len(set(self.scales)):
            raise RecipeError(
                f"expected different scales above 0, at least one, got {self.scales}",
                subject="tiles",
            )

    def __call__(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Cut an image into tiles.

        Args:
          image: uint8 [height, width, 3]; the sizes at least 1, static or dynamic.

        Returns:
          The tiles, uint8 [n, size, size, 3], by scale, then from top to bottom, then from left
          to right; at scale 1 their pixels are those of the image. And their windows, float32
          [n, 4], as `windows` returns them.
        """
        tiles, windows = [], []
        for scale in self.scales:
            scaled = resize(image, _scaled_size(tf.shape(image)[:2], scale))
            size = tf.shape(scaled)[:2]
            corners = self._corners(size)
            tiles.append(self._cut(scaled, corners))
            pixels = tf.cast(tf.concat([corners, corners + self.size], axis=1), tf.float64)
            windows.append(tf.cast(pixels / tf.cast(tf.tile(size, [2]), tf.float64), tf.float32))
        return tf.concat(tiles, axis=0), tf.concat(windows, axis=0)

    def windows(self, height: int, width: int) -> npt.NDArray[np.float32]:
        """Compute the windows of the tiles of an image from its size, before it is decoded.

        Args:
          height: The height of the image in pixels; at least 1.
          width: The width of the image in pixels; at least 1.

        Returns:
          float32 [n, 4] in the order of the tiles, relative to the image. The window of a padded
          tile extends beyond 1.

        >>> Tiling(size=4, stride=2).windows(4, 6)[:, 1::2].tolist()
        [[0.0, 0.6666666865348816], [0.3333333432674408, 1.0]]
        """
        parts = []
        for scale in self.scales:
            size = np.maximum(np.rint(np.array([height, width]) * scale), 1)
            lasts = np.maximum(size - self.size, 0)
            starts = [np.minimum(np.arange(0, x + self.stride, self.stride), x) for x in lasts]
            corners = np.stack(np.meshgrid(*starts, indexing="ij"), axis=-1).reshape(-1, 2)
            parts.append(np.concatenate([corners, corners + self.size], axis=1) / np.tile(size, 2))
        return np.concatenate(parts).astype(np.float32)

    def _corners(self, size: tf.Tensor) -> tf.Tensor:
        """Return (y, x) of the upper left pixel of each tile of an image; int32 [n, 2]."""
        lasts = tf.unstack(tf.maximum(size - self.size, 0), num=2)
        starts = [tf.minimum(tf.range(x + self.stride, delta=self.stride), x) for x in lasts]
        return tf.reshape(tf.stack(tf.meshgrid(*starts, indexing="ij"), axis=-1), [-1, 2])

    def _cut(self, image: tf.Tensor, corners: tf.Tensor) -> tf.Tensor:
        """Cut the tiles at these corners, slice by slice: no single op was faster."""
        missing = tf.maximum(self.size - tf.shape(image)[:2], 0)
        padded = tf.pad(image, [[0, missing[0]], [0, missing[1]], [0, 0]])
        return tf.map_fn(
            lambda corner: tf.slice(padded, [corner[0], corner[1], 0], [self.size, self.size, 3]),
            corners,
            fn_output_signature=tf.TensorSpec([self.size, self.size, 3], tf.uint8),
        )


def tile_boxes(
    boxes: tf.Tensor, windows: tf.Tensor, *, min_visible: float = 0.5
) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
    """Return the boxes in each tile, relative to the tile.

    Args:
      boxes: float32 [m, 4], relative to the image.
      windows: The windows of the tiles, float32 [n, 4].
      min_visible: The least share of the area of a box that must lie in a tile, inclusive; with 0
        any part with an area suffices.

    Returns:
      The boxes of each tile, ragged float32 [n, None, 4], relative to the tile and clipped to it;
      and their indices in `boxes`, ragged int64 [n, None]. A box can be in several tiles, or in
      none where each contains less of it than `min_visible`.
    """
    boxes = tf.convert_to_tensor(boxes, tf.float32)
    windows = tf.convert_to_tensor(windows, tf.float32)
    contained = is_visible(boxes, windows[:, tf.newaxis], min_visible=min_visible)
    pairs = tf.where(contained)
    tile, box = pairs[:, 0], pairs[:, 1]
    moved = clip(relative_to(tf.gather(boxes, box), tf.gather(windows, tile)))
    indices = tf.RaggedTensor.from_value_rowids(box, tile, nrows=tf.shape(windows, tf.int64)[0])
    return indices.with_values(moved), indices


def stitch(
    boxes: tf.Tensor,
    scores: tf.Tensor,
    windows: tf.Tensor,
    *,
    iou_threshold: float = 0.5,
    score_threshold: float = 0.0,
    max_boxes: int = 100,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Merge detections in tiles into detections in the image, without duplicates.

    Greedy non-maximum suppression over the whole image (`tf.image.non_max_suppression`): the box
    with the highest score stays, boxes that overlap it too much are dropped, and so on; of equal
    scores the first stays. A detection of the visible part of an object at the edge of a tile
    survives beside that of the whole object, unless it covers more than `iou_threshold` of it. For
    several classes, call this once per class, with the scores of the others at 0.

    Args:
      boxes: float32 [n, k, 4]: k detections in each of n tiles, relative to the tile. Tiles with
        fewer are padded with arbitrary boxes of score 0.
      scores: float32 [n, k].
      windows: The windows of the tiles, float32 [n, 4].
      iou_threshold: The intersection over union, from 0 to 1, above which two boxes count as the
        same object.
      score_threshold: The score above which detections are considered.
      max_boxes: The largest number of detections to return.

    Returns:
      The m boxes, float32 [m, 4], relative to the image and clipped to it; their scores, float32
      [m], in descending order; and the index of each among the n * k detections, int64 [m].
    """
    moved = from_window(boxes, tf.convert_to_tensor(windows, tf.float32)[:, tf.newaxis])
    flat_boxes, flat_scores = tf.reshape(clip(moved), [-1, 4]), tf.reshape(scores, [-1])
    selected = tf.image.non_max_suppression(
        flat_boxes, flat_scores, max_boxes, iou_threshold, score_threshold
    )
    indices = tf.cast(selected, tf.int64)
    return tf.gather(flat_boxes, indices), tf.gather(flat_scores, indices), indices


def _scaled_size(size: tf.Tensor, scale: float) -> tf.Tensor:
    """Return (height, width) in pixels times `scale`, rounded half to even, at least 1; int32 [2].

    `Tiling.windows` computes the same in numpy; both round in float64.
    """
    return tf.maximum(tf.cast(tf.round(tf.cast(size, tf.float64) * scale), tf.int32), 1)
