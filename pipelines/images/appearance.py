"""Compute colours, brightness, contrast and difference hash of pictures.

All are computed at a reduced scale, down to 1/8: means lose nothing by it, and the hash little.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from PIL import Image

from ...transforms._ops.orientation import upright
from .perceptual_hash import HASH_CELLS, cell_means, difference_hash

__all__ = [
    "Appearance",
    "appearances",
    "compute_appearance",
    "downscale",
    "orient",
    "reduction",
]

Pixels: TypeAlias = npt.NDArray[np.uint8]

_LUMA = np.array([0.299, 0.587, 0.114])
_LEAST_SIDE = 24


@dataclass(frozen=True)
class Appearance:
    """Colours, brightness, contrast and hash of a picture.

    Attributes:
      mean_red: Mean of the red samples, 0 to 255.
      mean_green: Mean of the green samples, 0 to 255.
      mean_blue: Mean of the blue samples, 0 to 255.
      brightness: Mean luma, 0 to 255; luma of Rec. ITU-R BT.601, as in JPEG:
        0.299 red + 0.587 green + 0.114 blue.
      contrast: Standard deviation of the luma, 0 to 127.5, at the reduced scale: without grain.
      dhash: `difference_hash` of the upright picture.
    """

    mean_red: float
    mean_green: float
    mean_blue: float
    brightness: float
    contrast: float
    dhash: int | None


def compute_appearance(pictures: Iterable[Pixels]) -> list[Appearance]:
    """Compute the appearance of upright pictures, each uint8, [height, width, 3].

    Neighbours of the same size are computed together, which is faster.
    """
    result: list[Appearance] = []
    for (height, width, _), group in groupby(pictures, key=np.shape):
        result += appearances(np.stack([downscale(picture) for picture in group]), (width, height))
    return result


def appearances(small: Pixels, size: tuple[int, int], orientation: int = 1) -> Iterator[Appearance]:
    """Yield the appearance of pictures of one size; each depends on its own pixels alone.

    Args:
      small: Stored pixels at the reduced scale; uint8, [n, h, w, 3].
      size: Stored width and height at the full scale, each at least 1.
      orientation: EXIF orientation of all of them, 1 to 8.
    """
    count = len(small)
    means = small.reshape(count, -1, 3).mean(axis=1)
    luma = small @ _LUMA
    contrasts = luma.reshape(count, -1).std(axis=1)
    width, height = (side / reduction(size) for side in size)
    # The cells of a stored picture are turned, not its pixels: there are only 72 of them.
    rows, columns = HASH_CELLS if orientation < 5 else HASH_CELLS[::-1]
    cells = cell_means(luma, height=height, width=width, rows=rows, columns=columns)
    for mean, contrast, stored in zip(means, contrasts.tolist(), cells, strict=True):
        upright_cells = orient(stored[..., np.newaxis], orientation)[..., 0]
        red, green, blue = mean.tolist()
        brightness = float(mean @ _LUMA)
        yield Appearance(red, green, blue, brightness, contrast, difference_hash(upright_cells))


def reduction(size: tuple[int, int]) -> int:
    """Return the factor by which to reduce a picture: 8, or less where it is small.

    >>> reduction((500, 375)), reduction((100, 150)), reduction((20, 10))
    (8, 4, 1)
    """
    return next((scale for scale in (8, 4, 2) if min(size) >= scale * _LEAST_SIDE), 1)


def downscale(pixels: Pixels) -> Pixels:
    """Return a picture at the reduced scale; each pixel is the mean of those it replaces."""
    image = Image.fromarray(pixels)
    return np.asarray(image.reduce(reduction(image.size)))


def orient(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Turn an array [height, width, channels] upright, as its EXIF orientation says."""
    return pixels if orientation == 1 else np.asarray(upright(tf.constant(pixels), orientation))
