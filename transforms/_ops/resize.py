"""Pixels to pixels of another size: crops, padding and resizing of one image.

An image is uint8 [height, width, 3]. All functions consist of TensorFlow operations, for
`tf.data`, a `preprocessing_fn` and served graphs. A function that moves the content of an image
also returns the window of the image in its result, by which `boxes` converts boxes.
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
    """Resize an image by linear interpolation; its aspect ratio can change.

    The result is that of `tf.image.resize`, rounded half to even. Each pixel is a weighted mean
    of others, so all stay in [0, 255].

    Args:
      image: uint8 [height, width, 3], each side at least 1.
      size: (height, width) in pixels, each at least 1.
      antialias: Whether to use all pixels for a smaller image: the triangle of their weights
        grows with the factor. Without it, each pixel is the mean of at most four.

    Returns:
      uint8 [*size, 3]. An image of that size already stays unchanged; one of a single pixel
      becomes an image of its copies.
    """
    image = tf.convert_to_tensor(image)
    size = tf.convert_to_tensor(size, tf.int32)

    def scaled() -> tf.Tensor:
        return tf.cast(tf.round(tf.image.resize(image, size, antialias=antialias)), tf.uint8)

    resized = tf.cond(tf.reduce_all(tf.shape(image)[:2] == size), lambda: image, scaled)
    static_size = tf.get_static_value(size)
    resized.set_shape([None, None, 3] if static_size is None else [*static_size, 3])
    return resized


def central_window(size: tf.Tensor, aspect: tf.Tensor | float) -> tf.Tensor:
    """Return the largest window of an aspect ratio in the middle of an image.

    Args:
      size: (height, width) of the image in pixels, int32 [2].
      aspect: Height divided by width; above 0.

    Returns:
      (top, left, height, width) in pixels, int32 [4]. One side is that of the image, the other is
      rounded half to even and at least 1. Of an odd number of pixels outside, the larger half is
      below or to the right.

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
    """Crop an image to a window inside it.

    Args:
      image: uint8 [height, width, 3].
      window: (top, left, height, width) in pixels, int32 [4].

    Returns:
      uint8 [window height, window width, 3].
    """
    top, left, height, width = tf.unstack(window)
    return image[top : top + height, left : left + width]


def central_crop(image: tf.Tensor, aspect: tf.Tensor | float) -> tf.Tensor:
    """Crop an image to the largest window of an aspect ratio in its middle.

    Args:
      image: uint8 [height, width, 3].
      aspect: Height divided by width; above 0. Even if extreme, a row or a column is left.

    Returns:
      uint8 [window height, window width, 3]: `central_window`.
    """
    return crop_window(image, central_window(tf.shape(image)[:2], aspect))


def crop_box(image: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
    """Crop an image to a box.

    Args:
      image: uint8 [height, width, 3].
      box: float32 [4], relative to the image.

    Returns:
      uint8 [box height, box width, 3]: the edges rounded half to even to whole pixels, inside the
      image. At least one row and one column is left.

    >>> crop_box(tf.zeros([10, 20, 3], tf.uint8), [0.25, 0.5, 0.75, 2.0]).shape
    TensorShape([6, 10, 3])
    """
    size = tf.shape(image)[:2]
    edges = tf.reshape(box_ops.clip(box), [2, 2]) * tf.cast(size, tf.float32)
    start, end = tf.unstack(tf.cast(tf.round(edges), tf.int32))
    start = tf.minimum(start, size - 1)
    return crop_window(image, tf.concat([start, tf.maximum(end - start, 1)], axis=0))


def pad(image: tf.Tensor, size: tuple[int, int]) -> tuple[tf.Tensor, tf.Tensor]:
    """Resize a whole image at its own aspect ratio, centred on black.

    Args:
      image: uint8 [height, width, 3].
      size: (height, width) of the result in pixels.

    Returns:
      uint8 [*size, 3], and its window of the image, float32 [4], which extends beyond the image
      where the result is black. The image is as large as fits; its sides are rounded half to even
      and at least 1, even at an extreme aspect ratio.
    """
    sides = tf.constant(size, tf.int32)
    image_size = tf.cast(tf.shape(image)[:2], tf.float32)
    factor = tf.reduce_min(tf.cast(sides, tf.float32) / image_size)
    fitted = tf.clip_by_value(tf.cast(tf.round(image_size * factor), tf.int32), 1, sides)
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
    """Crop an image at random size, aspect ratio and position, and resize the crop.

    The crop is drawn by TensorFlow's `stateless_sample_distorted_bounding_box` (Szegedy et al.,
    Going Deeper with Convolutions, section 6).

    Args:
      image: uint8 [height, width, 3].
      boxes: float32 [n, 4], relative to the image; [0, 4] without boxes.
      size: (height, width) of the result in pixels.
      seed: int32 [2]; the same seed draws the same crop.
      scale: The smallest and largest share of the area of the image.
      ratio: The smallest and largest width divided by height of the crop.
      min_visible: The least share of the area of a box in the crop for the box to stay.

    Returns:
      uint8 [*size, 3]; the boxes that stay, float32 [m, 4], relative to the result and clipped to
      it; and their indices in `boxes`, int64 [m]. The crop is the whole image where no crop of
      these shares and ratios fits in it, as in one that is a hundred times as wide as high.
    """
    shape = tf.shape(image)
    start, cropped, _ = tf.image.stateless_sample_distorted_bounding_box(
        shape,
        tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),
        seed,
        min_object_covered=0.0,
        aspect_ratio_range=ratio,
        area_range=scale,
    )
    # A side of -1 means that of the whole image.
    start, cropped = start[:2], tf.where(cropped[:2] < 0, shape[:2], cropped[:2])
    pixels = resize(crop_window(image, tf.concat([start, cropped], axis=0)), size)
    window = relative_window(shape[:2], start, cropped)
    return pixels, *box_ops.to_window(boxes, window, min_visible=min_visible)


def relative_window(size: tf.Tensor, start: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """Convert a window in pixels to one relative to its image.

    Args:
      size: (height, width) of the image, int32 [2].
      start: (top, left) of the window, int32 [2]; negative outside the image.
      window: (height, width) of the window, int32 [2].

    Returns:
      (ymin, xmin, ymax, xmax), float32 [4].
    """
    edges = tf.cast(tf.concat([start, start + window], axis=0), tf.float64)
    return tf.cast(edges / tf.cast(tf.tile(size, [2]), tf.float64), tf.float32)
