"""Augmentation that moves pixels, and what all operations of augmentation share.

An operation is a frozen record of plain numbers. Called with an image, its boxes and a seed it
draws its numbers from the seed alone (Philox, the same on every device), so the same three give
the same pixels eagerly, in a `tf.function` and in `tf.data`, whatever the threads; and the same
boxes, but for the last bits where TensorFlow's optimizer knows the size of the image and divides
by it otherwise. The size of the image stays: what an operation takes away it enlarges back, what
it leaves empty is black (a mirrored border would show things that no box tells of). `augment`
puts operations together.
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
    "all_places",
    "draw",
    "to_pixels",
]

Augmented = tuple[tf.Tensor, tf.Tensor, tf.Tensor]
"""An image, uint8 [height, width, 3]; its boxes, float32 [m, 4]; their places before, int64 [m]."""

_WHOLE = (0.0, 0.0, 1.0, 1.0)


class Operation(ABC):
    """One step of augmentation: (image, boxes, seed) -> (image, boxes, kept)."""

    def __call__(self, image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor) -> Augmented:
        """Apply the operation to one image.

        Args:
          image: uint8 [height, width, 3]; the sizes at least 1, and not known before the graph
            runs if need be.
          boxes: float32 [n, 4], (ymin, xmin, ymax, xmax) relative to the image; n may be 0.
          seed: Any two integers; int32 or int64 [2].

        Returns:
          The new image, of the same shape; the boxes that stay, float32 [m, 4]; and their places
          in `boxes`, int64 [m], ascending, with which a caller gathers their classes.

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
        changed, boxes, kept = self._apply(image, boxes, tf.convert_to_tensor(seed))
        return tf.ensure_shape(changed, image.shape), tf.ensure_shape(boxes, [None, 4]), kept

    @abstractmethod
    def _apply(self, image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor) -> Augmented:
        """As `__call__`, of tensors that have been checked."""

    def _require(self, good: bool, field: str, expected: str) -> None:
        """Raise a RecipeError that names the operation, the field and its value unless `good`."""
        if not good:
            value = getattr(self, field)
            raise RecipeError(f"{type(self).__name__}: {field}: expected {expected}, got {value!r}")

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
    """Exchanges left and right, top and bottom, or both; each with a probability of 1/2.

    Attributes:
      horizontal: Whether left and right may be exchanged.
      vertical: Whether top and bottom may be exchanged.

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
        kept = all_places(boxes)
        if self.horizontal:
            flip = draw(seed, 0, 0.0, 1.0) < 0.5
            image = tf.cond(flip, lambda: tf.reverse(image, [1]), lambda: image)
            boxes = tf.where(flip, flip_horizontally(boxes), boxes)
        if self.vertical:
            flip = draw(seed, 1, 0.0, 1.0) < 0.5
            image = tf.cond(flip, lambda: tf.reverse(image, [0]), lambda: image)
            boxes = tf.where(flip, flip_vertically(boxes), boxes)
        return image, boxes, kept


@dataclass(frozen=True)
class RandomQuarterTurns(Operation):
    """Turns a square image by 0, 90, 180 or 270 degrees, equally often; any other by 0 or 180.

    So the shape of an image that is not square stays, and its pixels are never resampled.
    """

    def _apply(self, image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor) -> Augmented:
        shape = tf.shape(image)
        turns = tf.cast(draw(seed, 0, 0.0, 4.0), tf.int32)
        turns = tf.where(shape[0] == shape[1], turns, turns - turns % 2)
        turned = tf.image.rot90(image, turns)
        return tf.reshape(turned, shape), quarter_turns(boxes, turns), all_places(boxes)


@dataclass(frozen=True)
class RandomRotation(Operation):
    """Turns the image about its centre by a small angle; bilinear, the empty corners black.

    A box becomes the upright box around the turned one, clipped to the image: looser than what it
    contains, the more so the larger the angle (see `boxes.transform`). For large angles put
    `RandomQuarterTurns` before this.

    Attributes:
      degrees: The largest angle either way, from 0 to 180; every angle is equally likely.
      min_visible: The least share of a turned box that must lie in the image for the box to stay,
        from 0 to 1. A box without an area never stays.

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
        boxes, kept = to_window(turned, _WHOLE, min_visible=self.min_visible)
        return _rotated(image, angle), boxes, kept


@dataclass(frozen=True)
class RandomCrop(Operation):
    """Cuts a part out of the image, somewhere, and enlarges it to the size of the image.

    The part is `scale` of the image's area and `ratio` times as wide for its height as the image
    is: things look `1 / ratio` times as wide as before. A side that would pass the image is as
    long as the image's. Parts begin and end at whole pixels and have at least one.

    Attributes:
      scale: The smallest and largest share of the image's area, above 0, up to 1; every share
        between is equally likely.
      ratio: The smallest and largest aspect ratio (width / height) of the part over that of the
        image, above 0; its logarithm is uniform, so wider and narrower are equally likely where
        the two bounds are each other's inverse.
      min_visible: The least share of a box that must lie in the part for the box to stay, from 0
        to 1. A box without an area never stays.

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
        taken = tf.minimum(_times(size, sides), size)
        places = tf.stack([draw(seed, 2, 0.0, 1.0), draw(seed, 3, 0.0, 1.0)])
        room = size - taken
        start = tf.minimum(_floor(places * tf.cast(room + 1, tf.float32)), room)
        cut = crop_window(image, tf.concat([start, taken], axis=0))
        window = relative_window(size, start, taken)
        boxes, kept = to_window(boxes, window, min_visible=self.min_visible)
        return resize(cut, size), boxes, kept


@dataclass(frozen=True)
class RandomScale(Operation):
    """Enlarges or shrinks what the image shows, about its centre.

    Enlarged, the image loses its borders; shrunk, it gets a black one. Pieces are whole pixels.

    Attributes:
      lower: The smallest factor, above 0: of 0.5 things are half as high and wide as before.
      upper: The largest factor, from `lower` on. Its logarithm is uniform between the two.
      min_visible: The least share of a box that must stay in the image for the box to stay, from
        0 to 1. A box without an area never stays.

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
        taken = tf.minimum(_times(size, 1.0 / factor), size)
        given = tf.minimum(_times(size, factor), size)
        start, border = (size - taken) // 2, (size - given) // 2
        cut = crop_window(image, tf.concat([start, taken], axis=0))
        paddings = tf.stack([border, size - given - border], axis=1)
        placed = tf.pad(resize(cut, given), tf.concat([paddings, [[0, 0]]], axis=0))
        shown = relative_window(given, -border, size)
        window = from_window(shown, relative_window(size, start, taken))
        boxes, kept = to_window(boxes, window, min_visible=self.min_visible)
        return placed, boxes, kept


def draw(seed: tf.Tensor, number: int, lower: float, upper: float) -> tf.Tensor:
    """A number of [lower, upper), float32 []; `number` tells the draws of one seed apart.

    It is `lower` where the two are equal.
    """
    own = tf.random.experimental.stateless_fold_in(seed, number, alg="philox")
    # Never -0.0: TensorFlow would keep it as its cached constant for every later 0.0.
    return tf.random.stateless_uniform([], own, lower + 0.0, upper, alg="philox")


def all_places(boxes: tf.Tensor) -> tf.Tensor:
    """The `kept` of an operation that keeps all boxes: 0 to n - 1, int64 [n]."""
    return tf.range(tf.shape(boxes, tf.int64)[0])


def to_pixels(values: tf.Tensor) -> tf.Tensor:
    """Float values as uint8: rounded half to even, what is below 0 or above 255 brought there.

    >>> to_pixels(tf.constant([-3.0, 0.5, 1.5, 254.6, 300.0])).numpy().tolist()
    [0, 0, 2, 255, 255]
    """
    return tf.cast(tf.clip_by_value(tf.round(values), 0.0, 255.0), tf.uint8)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _times(size: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Whole pixels, at least 1; int32 of the shape of `size`."""
    scaled = tf.round(tf.cast(size, tf.float32) * factor)
    return tf.maximum(tf.cast(scaled, tf.int32), 1)


def _floor(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.floor(values), tf.int32)


def _rotated(image: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
    """The image turned counter-clockwise by `angle` radians about its centre."""
    size = tf.shape(image)[:2]
    y, x = tf.unstack((tf.cast(size, tf.float32) - 1.0) / 2.0)
    cos, sin = tf.cos(angle), tf.sin(angle)
    # Where the pixel (x, y) of the result comes from, pixel centres at whole numbers.
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
    """Where `_rotated` moves (y, x, 1), in relative coordinates; float32 [2, 3]."""
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
