"""Augmentation: random changes of training images and their boxes.

`Augmentation` applies operations in order: operations of colour, in this module, and operations
that move pixels, of `augment_geometry`. All draw from a seed alone. In preparation the seed
derives from the key of an image and the number of its copy (`copy_seed`), so that copies are the
same on any runner; at training time from a counter, so that they differ in every epoch:

    augment = Augmentation(operations=(RandomFlip(), RandomRotation(10), RandomHue(0.05)))

    def augmented(step, pair):
        image, target = pair
        image, boxes, indices = augment(image, target["boxes"], (7, step))
        return image, {"boxes": boxes, "classes": tf.gather(target["classes"], indices)}

    dataset = dataset.repeat().enumerate().map(augmented, num_parallel_calls=tf.data.AUTOTUNE)

and for a classifier, whose images have no boxes:

    no_boxes = tf.zeros([0, 4])
    dataset = dataset.repeat().enumerate().map(
        lambda step, pair: (augment(pair[0], no_boxes, (7, step))[0], pair[1]),
        num_parallel_calls=tf.data.AUTOTUNE,
    )

7 is the seed of the training run; the dataset is not batched yet. Augment only training data,
never evaluation data or served requests, and augment before scaling pixels.
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
    all_indices,
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
    """Sequence of operations, a callable like each of them.

    Attributes:
      operations: Operations in the order of application, at least one. Each draws its own
        numbers, even if equal to another.
      copies: Number of changed copies that preparation adds to each training image; at least 1.
        They are numbered from 1 to `copies`; the original is stored unchanged. A call makes one
        copy.

    Raises:
      RecipeError: `operations` is empty, or `copies` is below 1.
    """

    operations: tuple[Operation, ...]
    copies: int = 1

    def __post_init__(self) -> None:
        is_integer = isinstance(self.copies, int) and not isinstance(self.copies, bool)
        if not (is_integer and self.copies >= 1):
            raise RecipeError(
                f"expected a whole number from 1 on, got {self.copies!r}",
                subject="Augmentation",
                field="copies",
            )
        good = isinstance(self.operations, tuple) and self.operations
        if not good or not all(isinstance(step, Operation) for step in self.operations):
            raise RecipeError(
                "expected a tuple of at least one operation, such as (RandomFlip(),), got"
                f" {self.operations!r}",
                subject="Augmentation",
                field="operations",
            )

    def __call__(self, image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor) -> Augmented:
        """Apply all operations; see `Operation` for arguments, results and errors."""
        seed = tf.convert_to_tensor(seed)
        boxes = tf.convert_to_tensor(boxes, tf.float32)
        indices = all_indices(boxes)
        for number, operation in enumerate(self.operations):
            operation_seed = tf.random.experimental.stateless_fold_in(seed, number, alg="philox")
            image, boxes, remaining = operation(image, boxes, operation_seed)
            indices = tf.gather(indices, remaining)
        return image, boxes, indices


def copy_seed(key_hi: int, key_lo: int, copy: int, *, seed: int = 0) -> npt.NDArray[np.int32]:
    """Derive the seed of one copy of one image, for any operation or `Augmentation`.

    Args:
      key_hi: The upper half of the image's key, from 0 to 2**64 - 1.
      key_lo: The lower half of the key, of the same range.
      copy: The number of the copy, from 1 on.
      seed: The seed of the run, any integer; another seed yields other copies.

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
    """Operation that changes the values of pixels and not their positions."""

    def _apply(self, image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor) -> Augmented:
        values = self._recoloured(tf.cast(image, tf.float32), seed)
        return to_pixels(values), boxes, all_indices(boxes)

    @abstractmethod
    def _recoloured(self, values: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Return new values, float32 [height, width, 3], not yet rounded or clipped."""


@dataclass(frozen=True)
class RandomHue(_Colour):
    """Rotates all colours on the colour circle by one angle (the hue of HSV); grey stays.

    Attributes:
      delta: Largest rotation either way as a share of the circle, from 0 to 0.5.

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

    At constant hue and value, each channel c of a pixel becomes max - (max - c) * factor, where
    max is the largest of the three; the factor is limited to that where the smallest becomes 0.

    Attributes:
      lower: Smallest factor, from 0 on; 0 removes all colour.
      upper: Largest factor, from `lower` on.

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
      delta: Largest number to add or subtract, as a share of the range of pixels, from 0 to 1:
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
      lower: Smallest factor, from 0 on; 0 leaves only the mean colour.
      upper: Largest factor, from `lower` on.

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
    """Return the mean of each channel, float32 [3].

    Sums are of integers, since a sum of floats depends on the number of threads.
    """
    rows = tf.reduce_sum(tf.cast(values, tf.int32), axis=1)
    total = tf.reduce_sum(tf.cast(rows, tf.int64), axis=0)
    count = tf.size(values, tf.int64) // 3
    return tf.cast(tf.cast(total, tf.float64) / tf.cast(count, tf.float64), tf.float32)
