"""Augmentation that moves pixels, and the base class of all operations of augmentation.

An operation is a frozen dataclass of plain numbers. Called with an image, its boxes and a seed, it
draws its numbers from the seed alone (Philox, the same on every device). So the same arguments
yield the same pixels eagerly, in a `tf.function` and in `tf.data`, for any number of threads; and
the same boxes, except for the last bits where TensorFlow's optimizer has a static image size and
computes the division in another way. The size of the image stays: a part of it is enlarged to that
size, and empty space is black (a mirrored border would contain objects without boxes). `augment`
combines operations.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import tensorflow as tf

from ...schemas.errors import RecipeError
from ..boxes import (
    flip_horizontally,
    flip_vertically,
    from_window,
    quarter_turns,
    to_window,
    transform,
)
from .resize import crop_window, relative_window, resize

__all__ = [
    "Augmented",
    "Operation",
    "RandomCrop",
    "RandomFlip",
    "RandomQuarterTurns",
    "RandomRotation",
    "RandomScale",
    "all_indices",
    "draw",
    "to_pixels",
]

Augmented = tuple[tf.Tensor, tf.Tensor, tf.Tensor]
"""Image, uint8 [height, width, 3]; its m boxes, float32 [m, 4]; their former indices, int64 [m]."""

_WHOLE = (0.0, 0.0, 1.0, 1.0)


class Operation(ABC):
    """One step of augmentation: (image, boxes, seed) -> (image, boxes, indices)."""

    def __call__(self, image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor) -> Augmented:
        """Apply the operation to one image.

        Args:
          image: uint8 [height, width, 3]; the sizes at least 1, static or dynamic.
          boxes: float32 [n, 4], (ymin, xmin, ymax, xmax) relative to the image; n may be 0.
          seed: Any two integers; int32 or int64 [2].

        Returns:
          The new image, of the same shape; the boxes that stay, float32 [m, 4]; and their indices
          in `boxes`, int64 [m], ascending, for `tf.gather` of their classes.

        Raises:
          RecipeError: The image is not uint8.
        """
        image = tf.convert_to_tensor(image)
        if image.dtype != tf.uint8:
            raise RecipeError(
                f"{type(self).__name__}: expected an image of uint8 pixels from 0 to 255, got"
                f" {image.dtype.name}; augment before pixels are scaled or converted"
            )
        image = tf.ensure_shape(image, [None, None, 3])
        boxes = tf.ensure_shape(tf.convert_to_tensor(boxes, tf.float32), [None, 4])
        changed, boxes, indices = self._apply(image, boxes, tf.convert_to_tensor(seed))
        return tf.ensure_shape(changed, image.shape), tf.ensure_shape(boxes, [None, 4]), indices

    @abstractmethod
    def _apply(self, image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor) -> Augmented:
        """Apply the operation to checked tensors; see `__call__`."""

    def _require(self, good: bool, field: str, expected: str) -> None:
        """Raise a RecipeError that names the operation, the field and its value unless `good`."""
        if not good:
            value = getattr(self, field)
            problem = f"expected {expected}, got {value!r}"
            raise RecipeError(problem, subject=type(self).__name__, field=field)

    def _require_number(self, field: str, minimum: float, maximum: float = math.inf) -> None:
        upper = f" to {maximum:g}" if maximum < math.inf else " on"
        good = _is_number(getattr(self, field)) and minimum <= getattr(self, field) <= maximum
        self._require(good, field, f"a number from {minimum:g}{upper}")

    def _require_pair(self, field: str, maximum: float = math.inf) -> None:
        pair = getattr(self, field)
        numbers = isinstance(pair, tuple) and len(pair) == 2 and all(map(_is_number, pair))
        upper = f", up to {maximum:g}" if maximum < math.inf else ""
        expected = f"a tuple of two numbers above 0{upper}, in ascending order"
        self._require(numbers and 0 < pair[0] <= pair[1] <= maximum, field, expected)


@dataclass(frozen=True)
class RandomFlip(Operation):
    """Flips an image left to right, upside down, or both; each with a probability of 1/2.

    Attributes:
      horizontal: Whether to flip left to right.
      vertical: Whether to flip upside down.

    Raises:
      RecipeError: A field is no boolean, or neither is true.
    """

    horizontal: bool = True
    vertical: bool = False

    def __post_init__(self) -> None:
        for field in ("horizontal", "vertical"):
            self._require(isinstance(getattr(self, field), bool), field, "true or false")
        self._require(self.horizontal or self.vertical, "vertical", "true where horizontal is not")

    def _apply(self, image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor) -> Augmented:
        indices = all_indices(boxes)
        if self.horizontal:
            flip = draw(seed, 0, 0.0, 1.0) < 0.5
            image = tf.cond(flip, lambda: tf.reverse(image, [1]), lambda: image)
            boxes = tf.where(flip, flip_horizontally(boxes), boxes)
        if self.vertical:
            flip = draw(seed, 1, 0.0, 1.0) < 0.5
            image = tf.cond(flip, lambda: tf.reverse(image, [0]), lambda: image)
            boxes = tf.where(flip, flip_vertically(boxes), boxes)
        return image, boxes, indices


@dataclass(frozen=True)
class RandomQuarterTurns(Operation):
    """Rotates a square image by 0, 90, 180 or 270 degrees, equally likely; any other by 0 or 180.

    So the shape of an image that is not square stays, and pixels are never resampled.
    """

    def _apply(self, image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor) -> Augmented:
        shape = tf.shape(image)
        turns = tf.cast(draw(seed, 0, 0.0, 4.0), tf.int32)
        turns = tf.where(shape[0] == shape[1], turns, turns - turns % 2)
        turned = tf.image.rot90(image, turns)
        return tf.reshape(turned, shape), quarter_turns(boxes, turns), all_indices(boxes)


@dataclass(frozen=True)
class RandomRotation(Operation):
    """Rotates the image about its centre by a small angle; bilinear, with black empty corners.

    A box becomes the axis-aligned box around the rotated one, clipped to the image: looser than its
    content, the more so the larger the angle (see `boxes.transform`). For large angles put
    `RandomQuarterTurns` before this.

    Attributes:
      degrees: Largest angle either way, from 0 to 180; every angle is equally likely.
      min_visible: Least share of the area of a rotated box that must lie in the image for the box
        to stay, from 0 to 1. A box without an area never stays.

    Raises:
      RecipeError: A field is out of its range.
    """

    degrees: float
    min_visible: float = 0.5

    def __post_init__(self) -> None:
        self._require_number("degrees", 0, 180)
        self._require_number("min_visible", 0, 1)

    def _apply(self, image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor) -> Augmented:
        largest = math.radians(self.degrees)
        angle = draw(seed, 0, -largest, largest)
        turned = transform(boxes, _relative_rotation(angle, tf.shape(image)))
        boxes, indices = to_window(turned, _WHOLE, min_visible=self.min_visible)
        return _rotated(image, angle), boxes, indices


@dataclass(frozen=True)
class RandomCrop(Operation):
    """Crops the image at random and enlarges the crop to the size of the image.

    The crop has `scale` times the area and `ratio` times the aspect ratio (width / height) of the
    image, so objects become `1 / ratio` times as wide for their height. A side that would exceed
    the image has the length of the image's. Crops begin and end at whole pixels and have at least
    one.

    Attributes:
      scale: Smallest and largest share of the image's area, above 0, up to 1; every share between
        is equally likely.
      ratio: Smallest and largest aspect ratio of the crop over that of the image, above 0; its
        logarithm is uniform, so wider and narrower are equally likely where the two bounds are
        each other's inverse.
      min_visible: Least share of the area of a box that must lie in the crop for the box to stay,
        from 0 to 1. A box without an area never stays.

    Raises:
      RecipeError: A field is out of its range.
    """

    scale: tuple[float, float] = (0.5, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    min_visible: float = 0.5

    def __post_init__(self) -> None:
        self._require_pair("scale", maximum=1)
        self._require_pair("ratio")
        self._require_number("min_visible", 0, 1)

    def _apply(self, image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor) -> Augmented:
        share = draw(seed, 0, *self.scale)
        ratio = tf.exp(draw(seed, 1, *map(math.log, self.ratio)))
        sides = tf.stack([tf.sqrt(share / ratio), tf.sqrt(share * ratio)])
        size = tf.shape(image)[:2]
        cropped = tf.minimum(_times(size, sides), size)
        offsets = tf.stack([draw(seed, 2, 0.0, 1.0), draw(seed, 3, 0.0, 1.0)])
        room = size - cropped
        # The minimum guards against a product that rounds up to room + 1.
        start = tf.minimum(_floor(offsets * tf.cast(room + 1, tf.float32)), room)
        crop = crop_window(image, tf.concat([start, cropped], axis=0))
        window = relative_window(size, start, cropped)
        boxes, indices = to_window(boxes, window, min_visible=self.min_visible)
        return resize(crop, size), boxes, indices


@dataclass(frozen=True)
class RandomScale(Operation):
    """Scales the content of the image about its centre; the size of the image stays.

    Enlarged, the image loses its borders; shrunk, it gets a black border. Both are whole pixels.

    Attributes:
      lower: Smallest factor, above 0; with 0.5, objects are half as high and wide as before.
      upper: Largest factor, from `lower` on. Its logarithm is uniform between the two.
      min_visible: Least share of the area of a box that must lie in the image for the box to stay,
        from 0 to 1. A box without an area never stays.

    Raises:
      RecipeError: A field is out of its range.
    """

    lower: float
    upper: float
    min_visible: float = 0.5

    def __post_init__(self) -> None:
        self._require_number("lower", 0)
        self._require(self.lower > 0, "lower", "a number above 0")
        self._require_number("upper", self.lower)
        self._require_number("min_visible", 0, 1)

    def _apply(self, image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor) -> Augmented:
        factor = tf.exp(draw(seed, 0, math.log(self.lower), math.log(self.upper)))
        size = tf.shape(image)[:2]
        # Enlarged: crop < image = result. Shrunk: crop = image > result, which is padded.
        cropped = tf.minimum(_times(size, 1.0 / factor), size)
        resized = tf.minimum(_times(size, factor), size)
        start, border = (size - cropped) // 2, (size - resized) // 2
        crop = crop_window(image, tf.concat([start, cropped], axis=0))
        paddings = tf.stack([border, size - resized - border], axis=1)
        padded = tf.pad(resize(crop, resized), tf.concat([paddings, [[0, 0]]], axis=0))
        outer = relative_window(resized, -border, size)
        window = from_window(outer, relative_window(size, start, cropped))
        boxes, indices = to_window(boxes, window, min_visible=self.min_visible)
        return padded, boxes, indices


def draw(seed: tf.Tensor, number: int, lower: float, upper: float) -> tf.Tensor:
    """Draw a number uniformly from [lower, upper).

    Args:
      seed: Any two integers; int32 or int64 [2].
      number: The number of the draw; draws of one seed with different numbers are independent.
      lower: The lower bound, inclusive.
      upper: The upper bound, exclusive.

    Returns:
      float32 []; `lower` where the two bounds are equal.
    """
    draw_seed = tf.random.experimental.stateless_fold_in(seed, number, alg="philox")
    # Never -0.0: TensorFlow would cache it as the constant of every later 0.0.
    return tf.random.stateless_uniform([], draw_seed, lower + 0.0, upper, alg="philox")


def all_indices(boxes: tf.Tensor) -> tf.Tensor:
    """Return the indices of all n boxes: 0 to n - 1, int64 [n]."""
    return tf.range(tf.shape(boxes, tf.int64)[0])


def to_pixels(values: tf.Tensor) -> tf.Tensor:
    """Convert float values to uint8: rounded half to even and clipped to [0, 255].

    >>> to_pixels(tf.constant([-3.0, 0.5, 1.5, 254.6, 300.0])).numpy().tolist()
    [0, 0, 2, 255, 255]
    """
    return tf.cast(tf.clip_by_value(tf.round(values), 0.0, 255.0), tf.uint8)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _times(size: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Multiply a size, rounded to whole pixels, at least 1; int32 of the shape of `size`."""
    scaled = tf.round(tf.cast(size, tf.float32) * factor)
    return tf.maximum(tf.cast(scaled, tf.int32), 1)


def _floor(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.floor(values), tf.int32)


def _rotated(image: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
    """Rotate an image counter-clockwise by `angle` radians about its centre."""
    size = tf.shape(image)[:2]
    y, x = tf.unstack((tf.cast(size, tf.float32) - 1.0) / 2.0)
    cos, sin = tf.cos(angle), tf.sin(angle)
    # The op maps a pixel (x, y) of the result to its source; pixel centres are whole numbers.
    x_row = [cos, -sin, x - (cos * x - sin * y)]
    y_row = [sin, cos, y - (sin * x + cos * y)]
    turned = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(image, tf.float32)[tf.newaxis],
        transforms=tf.stack([*x_row, *y_row, 0.0, 0.0])[tf.newaxis],
        output_shape=size,
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    return to_pixels(turned[0])


def _relative_rotation(angle: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """Return the map of (y, x, 1) by `_rotated`, in relative coordinates; float32 [2, 3]."""
    wider = tf.cast(shape[1] / shape[0], tf.float32)
    higher = tf.cast(shape[0] / shape[1], tf.float32)
    cos, sin = tf.cos(angle), tf.sin(angle)
    down, right = -sin * wider, sin * higher
    return tf.stack(
        [
            tf.stack([cos, down, 0.5 - (cos + down) / 2.0]),
            tf.stack([right, cos, 0.5 - (cos + right) / 2.0]),
        ]
    )
