"""Pixels to pixels of another size: crops, padding and resizing of one image.

An image is uint8 [height, width, 3]. All of this is made of TensorFlow operations, for `tf.data`,
for a `preprocessing_fn` and for served graphs. A function that moves what an image shows also
says which window of the image is left, so that `boxes` can follow.
"""

from __future__ import annotations

import tensorflow as tf

from .. import boxes as box_ops

__all__ = [
    "central_crop",
    "central_window",
    "crop_box",
    "crop_window",
    "pad",
    "random_resized_crop",
    "relative_window",
    "resize",
]


def resize(
    image: tf.Tensor, size: tuple[int, int] | tf.Tensor, *, antialias: bool = True
) -> tf.Tensor:
    """An image brought to another size by linear interpolation; its aspect may change.

    The result is that of `tf.image.resize`, rounded half to even. Each pixel is a weighted mean
    of others, so none leaves [0, 255].

    Args:
      image: uint8 [height, width, 3], each side at least 1.
      size: (height, width) in pixels, each at least 1.
      antialias: Whether a smaller image takes all pixels into account: the triangle that weights
        them grows with the factor. Without, each pixel is made of four at most.

    Returns:
      uint8 [*size, 3]. An image of that size already is left as it is; of a single pixel all
      others become copies.
    """
    image = tf.convert_to_tensor(image)
    size = tf.convert_to_tensor(size, tf.int32)

    def scaled() -> tf.Tensor:
        return tf.cast(tf.round(tf.image.resize(image, size, antialias=antialias)), tf.uint8)

    resized = tf.cond(tf.reduce_all(tf.shape(image)[:2] == size), lambda: image, scaled)
    known = tf.get_static_value(size)
    resized.set_shape([None, None, 3] if known is None else [*known, 3])
    return resized


def central_window(size: tf.Tensor, aspect: tf.Tensor | float) -> tf.Tensor:
    """The largest window of a height to width ratio in the middle of an image.

    Args:
      size: (height, width) of the image in pixels, int32 [2].
      aspect: Height divided by width; above 0.

    Returns:
      (top, left, height, width) in pixels, int32 [4]. One side is that of the image, the other is
      rounded half to even and at least 1. Where the pixels left over are odd in number, the one
      more is below or to the right.

    >>> central_window([375, 500], 1.0).numpy().tolist()
    [0, 62, 375, 375]
    """
    size = tf.convert_to_tensor(size, tf.int32)
    sides = tf.cast(size, tf.float32)
    fitting = tf.stack([sides[1] * aspect, sides[0] / aspect])
    rounded = tf.cast(tf.round(tf.minimum(fitting, sides)), tf.int32)
    window = tf.maximum(rounded, 1)
    return tf.concat([(size - window) // 2, window], axis=0)


def crop_window(image: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """The pixels of a window that lies in the image.

    Args:
      image: uint8 [height, width, 3].
      window: (top, left, height, width) in pixels, int32 [4].

    Returns:
      uint8 [window height, window width, 3].
    """
    top, left, height, width = tf.unstack(window)
    return image[top : top + height, left : left + width]


def central_crop(image: tf.Tensor, aspect: tf.Tensor | float) -> tf.Tensor:
    """The largest part of a height to width ratio from the middle of an image.

    Args:
      image: uint8 [height, width, 3].
      aspect: Height divided by width; above 0. However extreme, a row or a column is left.

    Returns:
      uint8 [window height, window width, 3]: `central_window`.
    """
    return crop_window(image, central_window(tf.shape(image)[:2], aspect))


def crop_box(image: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
    """The part of an image in a box.

    Args:
      image: uint8 [height, width, 3].
      box: float32 [4], relative to the image.

    Returns:
      uint8 [box height, box width, 3]: from the nearest pixel border to the nearest, half to
      even, inside the image. Of a box with no whole pixel one row or column is left.

    >>> crop_box(tf.zeros([10, 20, 3], tf.uint8), [0.25, 0.5, 0.75, 2.0]).shape
    TensorShape([6, 10, 3])
    """
    size = tf.shape(image)[:2]
    edges = tf.reshape(box_ops.clip(box), [2, 2]) * tf.cast(size, tf.float32)
    start, end = tf.unstack(tf.cast(tf.round(edges), tf.int32))
    start = tf.minimum(start, size - 1)
    return crop_window(image, tf.concat([start, tf.maximum(end - start, 1)], axis=0))


def pad(image: tf.Tensor, size: tuple[int, int]) -> tuple[tf.Tensor, tf.Tensor]:
    """A whole image with its aspect kept, in the middle of black.

    Args:
      image: uint8 [height, width, 3].
      size: (height, width) of the result in pixels.

    Returns:
      uint8 [*size, 3], and the window of the image that it shows, float32 [4], which passes the
      image where it is black. The image is made as large as fits; its sides are rounded half to
      even and at least 1, however extreme its aspect.
    """
    sides = tf.constant(size, tf.int32)
    given = tf.cast(tf.shape(image)[:2], tf.float32)
    factor = tf.reduce_min(tf.cast(sides, tf.float32) / given)
    fitted = tf.clip_by_value(tf.cast(tf.round(given * factor), tf.int32), 1, sides)
    before = (sides - fitted) // 2
    paddings = tf.stack([before, sides - fitted - before], axis=1)
    padded = tf.pad(resize(image, fitted), tf.concat([paddings, [[0, 0]]], axis=0))
    padded.set_shape([*size, 3])
    return padded, relative_window(fitted, -before, sides)


def random_resized_crop(
    image: tf.Tensor,
    boxes: tf.Tensor,
    *,
    size: tuple[int, int],
    seed: tf.Tensor,
    scale: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
    min_visible: float = 0.5,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """A part of an image of random size, shape and place, brought to one size.

    The part is drawn by TensorFlow's `stateless_sample_distorted_bounding_box` (Szegedy et al.,
    Going Deeper with Convolutions, section 6).

    Args:
      image: uint8 [height, width, 3].
      boxes: float32 [n, 4], relative to the image; [0, 4] where there are none.
      size: (height, width) of the result in pixels.
      seed: int32 [2]; the same seed draws the same part.
      scale: The least and the greatest share of the area of the image.
      ratio: The least and the greatest width divided by height.
      min_visible: The least share of a box that must be left for the box to stay.

    Returns:
      uint8 [*size, 3]; the boxes that stay, float32 [m, 4], relative to the result and clipped to
      it; and their places in `boxes`, int64 [m]. The part is the whole image where no part of
      these shares and shapes fits in it, as in one that is a hundred times as wide as high.
    """
    shape = tf.shape(image)
    start, taken, _ = tf.image.stateless_sample_distorted_bounding_box(
        shape,
        tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),
        seed,
        min_object_covered=0.0,
        aspect_ratio_range=ratio,
        area_range=scale,
    )
    start, taken = start[:2], tf.where(taken[:2] < 0, shape[:2], taken[:2])
    pixels = resize(crop_window(image, tf.concat([start, taken], axis=0)), size)
    window = relative_window(shape[:2], start, taken)
    return pixels, *box_ops.to_window(boxes, window, min_visible=min_visible)


def relative_window(size: tf.Tensor, start: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """A window in pixels as one relative to its image.

    Args:
      size: (height, width) of the image, int32 [2].
      start: (top, left) of the window, int32 [2]; below 0 outside the image.
      window: (height, width) of the window, int32 [2].

    Returns:
      (ymin, xmin, ymax, xmax), float32 [4].
    """
    edges = tf.cast(tf.concat([start, start + window], axis=0), tf.float64)
    return tf.cast(edges / tf.cast(tf.tile(size, [2]), tf.float64), tf.float32)
