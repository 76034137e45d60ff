"""Boxes to boxes, for every image function that moves pixels.

A box is (ymin, xmin, ymax, xmax), relative to its image: y from 0 at the upper border to 1 at the
lower, x from 0 at the left border to 1 at the right. Boxes are float32 [n, 4], and n may be 0. A
window is a box too: a part of the image, or a tile that extends beyond its border. All functions
consist of TensorFlow operations, for `tf.data` and served graphs, and take numpy arrays as well.
"""

from __future__ import annotations

import tensorflow as tf

from ._ops.renamed import renamed_arguments

__all__ = [
    "area",
    "clip",
    "flip_horizontally",
    "flip_vertically",
    "from_window",
    "intersection_over_union",
    "is_visible",
    "quarter_turns",
    "relative_to",
    "to_window",
    "transform",
    "visible",
]


def area(boxes: tf.Tensor) -> tf.Tensor:
    """Return the share of the image that each box covers.

    Args:
      boxes: float32 [..., 4].

    Returns:
      float32 [...]: height times width; 0 for a box that ends before its start.

    >>> area([[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 0.25, 1.0]]).numpy().tolist()
    [0.25, 0.0]
    """
    ymin, xmin, ymax, xmax = _edges(boxes)
    return tf.maximum(ymax - ymin, 0.0) * tf.maximum(xmax - xmin, 0.0)


def clip(boxes: tf.Tensor) -> tf.Tensor:
    """Clip each box to the image: every edge to [0, 1].

    Args:
      boxes: float32 [..., 4].

    Returns:
      Boxes of the same shape. A box outside the image becomes a line or a point on the border,
      with an area of 0.
    """
    return tf.clip_by_value(boxes, 0.0, 1.0)


def visible(boxes: tf.Tensor, windows: tf.Tensor) -> tf.Tensor:
    """Return the share of each box that lies in a window.

    Args:
      boxes: float32 [..., 4].
      windows: One window, float32 [4], or windows that broadcast against `boxes`.

    Returns:
      float32 [...] in [0, 1]: the share of the area of the box that lies in the window, exactly 1
      for a box inside it and 0 for a box without an area.

    >>> visible([[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]], [0.25, 0.0, 1.0, 1.0]).numpy()
    array([0.5, 0. ], dtype=float32)
    """
    return tf.math.divide_no_nan(area(_intersection(boxes, windows)), area(boxes))


def is_visible(boxes: tf.Tensor, windows: tf.Tensor, *, min_visible: float) -> tf.Tensor:
    """Return the mask of boxes with a large enough share in a window.

    Args:
      boxes: float32 [..., 4].
      windows: As in `visible`.
      min_visible: The least share of the area of a box that must lie in the window, inclusive;
        with 0 any part with an area suffices.

    Returns:
      bool [...]. False for a box without an area.
    """
    share = visible(boxes, windows)
    return tf.logical_and(share > 0.0, share >= min_visible)


def relative_to(boxes: tf.Tensor, windows: tf.Tensor) -> tf.Tensor:
    """Convert boxes relative to the image to boxes relative to a window, without clipping.

    Args:
      boxes: float32 [..., 4], relative to the image.
      windows: Windows with an area, as in `visible`.

    Returns:
      float32 [..., 4], relative to the window: (box - start) / size.
    """
    start, size = _start_and_size(windows)
    return (boxes - start) / size


def from_window(boxes: tf.Tensor, windows: tf.Tensor) -> tf.Tensor:
    """Convert boxes relative to a window to boxes relative to the image: inverts `relative_to`.

    Args:
      boxes: float32 [..., 4], relative to the window.
      windows: As in `visible`.

    Returns:
      float32 [..., 4], relative to the image: start + box * size. Not clipped to the image.
    """
    start, size = _start_and_size(windows)
    return start + boxes * size


def to_window(
    boxes: tf.Tensor, window: tf.Tensor, *, min_visible: float = 0.5
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the boxes in a window of the image, relative to the window.

    Args:
      boxes: float32 [n, 4], relative to the image.
      window: One window with an area, float32 [4].
      min_visible: As in `is_visible`.

    Returns:
      The m visible boxes, float32 [m, 4], relative to the window and clipped to it; and their
      indices in `boxes`, int64 [m], ascending. A box without an area is never among them.

    >>> boxes = [[0.0, 0.0, 0.5, 0.5], [0.25, 0.5, 0.5, 1.0]]
    >>> moved, indices = to_window(boxes, [0.0, 0.5, 1.0, 1.0])
    >>> moved.numpy().tolist(), indices.numpy().tolist()
    ([[0.25, 0.0, 0.5, 1.0]], [1])
    """
    indices = tf.where(is_visible(boxes, window, min_visible=min_visible))[:, 0]
    return clip(relative_to(tf.gather(boxes, indices), window)), indices


def flip_horizontally(boxes: tf.Tensor) -> tf.Tensor:
    """Flip boxes left to right, as `tf.image.flip_left_right` flips the image.

    Args:
      boxes: float32 [..., 4].

    Returns:
      Boxes of the same shape.
    """
    ymin, xmin, ymax, xmax = _edges(boxes)
    return tf.stack([ymin, 1.0 - xmax, ymax, 1.0 - xmin], axis=-1)


def flip_vertically(boxes: tf.Tensor) -> tf.Tensor:
    """Flip boxes upside down, as `tf.image.flip_up_down` flips the image.

    Args:
      boxes: float32 [..., 4].

    Returns:
      Boxes of the same shape.
    """
    ymin, xmin, ymax, xmax = _edges(boxes)
    return tf.stack([1.0 - ymax, xmin, 1.0 - ymin, xmax], axis=-1)


def quarter_turns(boxes: tf.Tensor, k: tf.Tensor | int) -> tf.Tensor:
    """Rotate boxes by right angles, as `tf.image.rot90` rotates the image.

    Args:
      boxes: float32 [..., 4].
      k: The number of quarter turns counter-clockwise; any integer, or a scalar tensor of one.

    Returns:
      Boxes of the same shape, relative to the turned image.

    >>> quarter_turns([[0.0, 0.5, 0.25, 1.0]], 1).numpy().tolist()
    [[0.0, 0.0, 0.5, 0.25]]
    """
    ymin, xmin, ymax, xmax = _edges(boxes)
    top, left = 1.0 - ymin, 1.0 - xmin
    bottom, right = 1.0 - ymax, 1.0 - xmax
    turned = [
        (ymin, xmin, ymax, xmax),
        (right, ymin, left, ymax),
        (bottom, right, top, left),
        (xmin, bottom, xmax, top),
    ]
    return tf.stack([tf.stack(edges, axis=-1) for edges in turned])[k % 4]


def transform(boxes: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    """Return the axis-aligned bounding boxes of boxes under an affine map.

    Args:
      boxes: float32 [n, 4].
      matrix: float32 [2, 3]; its product with (y, x, 1) is the image of the point (y, x), both
        relative to the image. (A rotation of an image that is not square is no rotation in these
        coordinates.)

    Returns:
      float32 [n, 4]: the smallest boxes around the four mapped corners of each, not clipped. They
      are larger than their content unless the map rotates by right angles: rotated by an angle a,
      a square grows to |cos a| + |sin a| times its side.

    >>> transform([[0.0, 0.0, 0.5, 0.25]], [[1.0, 0.0, 0.25], [0.0, -1.0, 1.0]]).numpy().tolist()
    [[0.25, 0.75, 0.75, 1.0]]
    """
    ymin, xmin, ymax, xmax = _edges(boxes)
    y = tf.stack([ymin, ymin, ymax, ymax], axis=-1)
    x = tf.stack([xmin, xmax, xmin, xmax], axis=-1)
    points = tf.stack([y, x, tf.ones_like(x)], axis=-1)
    mapped = tf.matmul(points, tf.convert_to_tensor(matrix, tf.float32), transpose_b=True)
    return tf.concat([tf.reduce_min(mapped, axis=1), tf.reduce_max(mapped, axis=1)], axis=-1)


@renamed_arguments(one="boxes", other="others")
def intersection_over_union(boxes: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Return the intersection over union (Jaccard index) of each box and each of other boxes.

    Args:
      boxes: float32 [n, 4].
      others: float32 [m, 4].

    Returns:
      float32 [n, m] in [0, 1]: the area of the intersection over that of the union; 1 for equal
      boxes, 0 for boxes that do not overlap, and 0 where neither has an area.
    """
    boxes, others = tf.convert_to_tensor(boxes), tf.convert_to_tensor(others)
    shared = area(_intersection(boxes[:, tf.newaxis], others[tf.newaxis]))
    return tf.math.divide_no_nan(shared, area(boxes)[:, tf.newaxis] + area(others) - shared)


def _edges(boxes: tf.Tensor) -> list[tf.Tensor]:
    return list(tf.unstack(tf.convert_to_tensor(boxes, tf.float32), num=4, axis=-1))


def _intersection(boxes: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Return the overlap of boxes, pair by pair; without any, a box that ends before its start."""
    starts = tf.maximum(_starts(boxes), _starts(others))
    return tf.concat([starts, tf.minimum(_ends(boxes), _ends(others))], axis=-1)


def _starts(boxes: tf.Tensor) -> tf.Tensor:
    return tf.convert_to_tensor(boxes, tf.float32)[..., :2]


def _ends(boxes: tf.Tensor) -> tf.Tensor:
    return tf.convert_to_tensor(boxes, tf.float32)[..., 2:]


def _start_and_size(windows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return (y, x, y, x) of the start of each window, and its (height, width, height, width)."""
    start = tf.concat([_starts(windows), _starts(windows)], axis=-1)
    return start, tf.concat([_ends(windows), _ends(windows)], axis=-1) - start
