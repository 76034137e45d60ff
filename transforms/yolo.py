"""Boxes as a grid of fixed shape, the target of a YOLO detector.

Redmon et al., "You Only Look Once: Unified, Real-Time Object Detection" (2016), lay a grid over
the image; the cell that contains the centre of a box is responsible for it. Detectors of small
objects in aerial photos use a finer grid with several boxes per cell, as here. Both functions take
one image; `tf.map_fn`, or `Dataset.map` before `batch`, applies them to many.
"""

from __future__ import annotations

import tensorflow as tf

from ..schemas.errors import RecipeError
from . import boxes as box_ops

__all__ = ["boxes_of_grid", "yolo_grid"]


def yolo_grid(
    boxes: tf.Tensor, *, grid: int = 16, boxes_per_cell: int = 2
) -> tuple[tf.Tensor, tf.Tensor]:
    """Encode the boxes of one image in the grid cells that contain their centres.

    The slots of a cell are filled in the order of the distance of a box from the centre of the
    cell; of equally distant boxes the larger in area is first, then the first in `boxes`. Boxes
    beyond the last slot are left out and counted.

    Args:
      boxes: float32 [n, 4], within the image (`boxes.clip`); n may be 0.
      grid: The number of cells across and down the image; at least 1.
      boxes_per_cell: The number of slots of a cell; at least 1.

    Returns:
      The targets, float32 [grid, grid, boxes_per_cell, 5], by row, column and slot: x and y of the
      centre of the box from the centre of the cell, -1 and 1 being the edges of the cell; width
      and height relative to the image; and the confidence, 1. A slot without a box is all 0.
      And the overflow, int32 []: the number of boxes without a slot. A centre on the line between
      two cells belongs to the right or lower one, a centre on the far border of the image to the
      last cell.

    Raises:
      RecipeError: `grid` or `boxes_per_cell` is below 1.

    >>> targets, overflow = yolo_grid([[0.5, 0.0, 1.0, 0.25]], grid=2, boxes_per_cell=1)
    >>> targets[1, 0, 0].numpy().tolist(), int(overflow)
    ([-0.5, 0.0, 0.25, 0.5, 1.0], 0)
    """
    for name, value in (("grid", grid), ("boxes_per_cell", boxes_per_cell)):
        if value < 1:
            raise RecipeError(f"expected a {name} of at least 1, got {value}")
    boxes = tf.convert_to_tensor(boxes, tf.float32)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2.0 * grid
    cells = tf.clip_by_value(tf.floor(centres), 0.0, grid - 1.0)
    offsets = (centres - cells) * 2.0 - 1.0
    numbers = tf.cast(cells[:, 0] * grid + cells[:, 1], tf.int32)
    slots = _slots(numbers, tf.reduce_sum(offsets**2, axis=1), box_ops.area(boxes))
    sizes = boxes[:, 2:] - boxes[:, :2]
    rows = tf.concat([offsets[:, ::-1], sizes[:, ::-1], tf.ones_like(sizes[:, :1])], axis=1)
    fits = slots < boxes_per_cell
    indices = tf.boolean_mask(tf.stack([numbers, slots], axis=1), fits)
    targets = tf.scatter_nd(indices, tf.boolean_mask(rows, fits), [grid**2, boxes_per_cell, 5])
    overflow = tf.math.count_nonzero(~fits, dtype=tf.int32)
    return tf.reshape(targets, [grid, grid, boxes_per_cell, 5]), overflow


def boxes_of_grid(targets: tf.Tensor, *, threshold: float = 0.5) -> tuple[tf.Tensor, tf.Tensor]:
    """Decode the boxes of one image from a grid, the inverse of `yolo_grid`.

    Args:
      targets: float32 [grid, grid, boxes_per_cell, 5], as `yolo_grid` returns them or as a model
        predicts them.
      threshold: The least confidence of a box to return, inclusive.

    Returns:
      The m boxes, float32 [m, 4], by row, column and slot of the grid, and their confidence,
      float32 [m]. Predicted boxes can extend beyond the image (see `boxes.clip`) and overlap (see
      `tf.image.non_max_suppression`).
    """
    targets = tf.convert_to_tensor(targets, tf.float32)
    indices = tf.where(targets[..., 4] >= threshold)
    rows = tf.gather_nd(targets, indices)
    cells = tf.cast(indices[:, :2], tf.float32)
    centres = (cells + (rows[:, 1::-1] + 1.0) / 2.0) / tf.cast(tf.shape(targets)[0], tf.float32)
    half = rows[:, 3:1:-1] / 2.0
    return tf.concat([centres - half, centres + half], axis=1), rows[:, 4]


def _slots(cells: tf.Tensor, distances: tf.Tensor, areas: tf.Tensor) -> tf.Tensor:
    """Return the rank of each box in its cell, from 0; int32 [n]."""
    # Stable sorts from the last key to the first order by (cell, distance, -area, index). In that
    # order the rank is the distance from the first box of the same cell.
    order = tf.argsort(-areas, stable=True)
    for key in (distances, cells):
        order = tf.gather(order, tf.argsort(tf.gather(key, order), stable=True))
    ordered = tf.gather(cells, order)
    slots = tf.range(tf.size(order)) - tf.searchsorted(ordered, ordered, side="left")
    return tf.gather(slots, tf.math.invert_permutation(order))
