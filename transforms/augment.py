"""Augmentation: training images changed at random, their boxes carried along.

`Augmentation` applies operations in order: those of colour, which are here, and those that move
pixels, of `augment_geometry`. All draw from a seed alone. In preparation the seed comes from the
key of an image and the number of its copy (`copy_seed`), so that the copies are the same on any
runner; at training time from a counter, so that each epoch sees other ones:

    augment = Augmentation(operations=(RandomFlip(), RandomRotation(10), RandomHue(0.05)))

    def augmented(step, pair):
        image, target = pair
        image, boxes, kept = augment(image, target["boxes"], (7, step))
        return image, {"boxes": boxes, "classes": tf.gather(target["classes"], kept)}

    dataset = dataset.repeat().enumerate().map(augmented, num_parallel_calls=tf.data.AUTOTUNE)

and for a classifier, whose images have no boxes:

    no_boxes = tf.zeros([0, 4])
    dataset = dataset.repeat().enumerate().map(
        lambda step, pair: (augment(pair[0], no_boxes, (7, step))[0], pair[1]),
        num_parallel_calls=tf.data.AUTOTUNE,
    )

7 is the seed of the training run; the dataset is not batched yet. Augment what trains, and before
pixels are scaled: never evaluation data or served requests.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..schemas.errors import RecipeError
from ..schemas.mix64 import mix64
from ._ops.augment_geometry import (
    Augmented,
    Operation,
    RandomCrop,
    RandomFlip,
    RandomQuarterTurns,
    RandomRotation,
    RandomScale,
    all_places,
    draw,
    to_pixels,
)

__all__ = [
    "Augmentation",
    "Augmented",
    "Operation",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomFlip",
    "RandomHue",
    "RandomQuarterTurns",
    "RandomRotation",
    "RandomSaturation",
    "RandomScale",
    "copy_seed",
]

_AUGMENT = 0x510E527FADE682D1
_WORD = 2**64 - 1


@dataclass(frozen=True)
class Augmentation:
    """Operations applied to an image one after the other; call it as one of them.

    Attributes:
      operations: At least one, in the order in which they are applied. Each draws anew, also
        where two are the same.
      copies: How many changed copies preparation adds to each training image; at least 1. They
        have the numbers 1 to `copies`; the image itself stays as it is. A call makes one copy.

    Raises:
      RecipeError: There is no operation, or the number of copies is below 1.
    """

    operations: tuple[Operation, ...]
    copies: int = 1

    def __post_init__(self) -> None:
        whole = isinstance(self.copies, int) and not isinstance(self.copies, bool)
        if not (whole and self.copies >= 1):
            raise RecipeError(
                f"Augmentation: copies: expected a whole number from 1 on, got {self.copies!r}"
            )
        good = isinstance(self.operations, tuple) and self.operations
        if not good or not all(isinstance(step, Operation) for step in self.operations):
            raise RecipeError(
                "Augmentation: operations: expected a tuple of at least one operation, such as"
                f" (RandomFlip(),), got {self.operations!r}"
            )

    def __call__(self, image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor) -> Augmented:
        """Apply all operations; arguments, results and errors are those of an `Operation`."""
        seed = tf.convert_to_tensor(seed)
        boxes = tf.convert_to_tensor(boxes, tf.float32)
        kept = all_places(boxes)
        for place, operation in enumerate(self.operations):
            own = tf.random.experimental.stateless_fold_in(seed, place, alg="philox")
            image, boxes, still = operation(image, boxes, own)
            kept = tf.gather(kept, still)
        return image, boxes, kept


def copy_seed(key_hi: int, key_lo: int, copy: int, *, seed: int = 0) -> npt.NDArray[np.int32]:
    """The seed of one copy of one image, for any operation or `Augmentation`.

    Args:
      key_hi: The upper half of the image's key, from 0 to 2**64 - 1.
      key_lo: The lower half.
      copy: The number of the copy, from 1 on.
      seed: The seed of the run, any integer; another one draws anew.

    Returns:
      int32 [2], every bit of which depends on every bit of the arguments.

    >>> copy_seed(1, 2, 1)
    array([-856241746, -227573038], dtype=int32)
    """
    word = np.array([_AUGMENT], np.uint64)
    for part in (seed, key_hi, key_lo, copy):
        word = mix64(mix64(word) ^ np.array([part & _WORD], np.uint64))
    return word.astype("<u8").view("<i4").astype(np.int32)


class _Colour(Operation):
    """An operation that changes the values of pixels and leaves them where they are."""

    def _apply(self, image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor) -> Augmented:
        values = self._recoloured(tf.cast(image, tf.float32), seed)
        return to_pixels(values), boxes, all_places(boxes)

    @abstractmethod
    def _recoloured(self, values: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """New values, float32 [height, width, 3], which are then rounded once and clipped."""


@dataclass(frozen=True)
class RandomHue(_Colour):
    """Turns all colours around the colour circle by one angle (the hue of HSV); grey stays.

    Attributes:
      delta: The largest turn either way as a share of the circle, from 0 to 0.5.

    Raises:
      RecipeError: The field is out of its range.
    """

    delta: float

    def __post_init__(self) -> None:
        self._require_number("delta", 0, 0.5)

    def _recoloured(self, values: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return tf.image.adjust_hue(values, draw(seed, 0, -self.delta, self.delta))


@dataclass(frozen=True)
class RandomSaturation(_Colour):
    """Multiplies the saturation of all colours (that of HSV), up to pure colours; grey stays.

    With hue and value held, each channel c of a pixel becomes max - (max - c) * factor, max the
    largest of the three; the factor ends where the smallest becomes 0.

    Attributes:
      lower: The smallest factor, from 0 on; 0 takes all colour away.
      upper: The largest factor, from `lower` on.

    Raises:
      RecipeError: A field is out of its range.
    """

    lower: float
    upper: float

    def __post_init__(self) -> None:
        self._require_number("lower", 0)
        self._require_number("upper", self.lower)

    def _recoloured(self, values: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        largest = tf.reduce_max(values, axis=-1, keepdims=True)
        smallest = tf.reduce_min(values, axis=-1, keepdims=True)
        pure = tf.math.divide_no_nan(largest, largest - smallest)
        factor = tf.minimum(draw(seed, 0, self.lower, self.upper), pure)
        return largest - (largest - values) * factor


@dataclass(frozen=True)
class RandomBrightness(_Colour):
    """Adds one number to all channels of all pixels.

    Attributes:
      delta: The most that is added or taken away as a share of the range of pixels, from 0 to 1:
        0.1 is 25.5 of 255.

    Raises:
      RecipeError: The field is out of its range.
    """

    delta: float

    def __post_init__(self) -> None:
        self._require_number("delta", 0, 1)

    def _recoloured(self, values: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        largest = 255.0 * self.delta
        return values + draw(seed, 0, -largest, largest)


@dataclass(frozen=True)
class RandomContrast(_Colour):
    """Multiplies the distance of each value from the mean of its channel in the image.

    Attributes:
      lower: The smallest factor, from 0 on; 0 leaves only the mean colour.
      upper: The largest factor, from `lower` on.

    Raises:
      RecipeError: A field is out of its range.
    """

    lower: float
    upper: float

    def __post_init__(self) -> None:
        self._require_number("lower", 0)
        self._require_number("upper", self.lower)

    def _recoloured(self, values: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        mean = _channel_means(values)
        return mean + (values - mean) * draw(seed, 0, self.lower, self.upper)


def _channel_means(values: tf.Tensor) -> tf.Tensor:
    """The mean of each channel, float32 [3].

    Summed as integers: a sum of floats depends on how many threads share it.
    """
    rows = tf.reduce_sum(tf.cast(values, tf.int32), axis=1)
    total = tf.reduce_sum(tf.cast(rows, tf.int64), axis=0)
    count = tf.size(values, tf.int64) // 3
    return tf.cast(tf.cast(total, tf.float64) / tf.cast(count, tf.float64), tf.float32)
