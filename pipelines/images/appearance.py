"""What a picture looks like, in a few numbers: its colours, its light, and its difference hash.

All is taken at a reduced scale, down to 1/8: means lose nothing by it, and the hash little.
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

__all__ = ["Appearance", "appearances", "compute_appearance", "reduced", "scale_of", "turned"]

Pixels: TypeAlias = npt.NDArray[np.uint8]

_LUMA = np.array([0.299, 0.587, 0.114])
_LEAST_SIDE = 24


@dataclass(frozen=True)
class Appearance:
    """What a picture looks like; `contrast` is not that of grain, since the scale is reduced.

    Attributes:
      mean_red: The mean of its samples, 0 to 255.
      mean_green: The same.
      mean_blue: The same.
      brightness: The mean luma, 0 to 255; luma of Rec. ITU-R BT.601, as in JPEG:
        0.299 red + 0.587 green + 0.114 blue.
      contrast: The standard deviation of the luma, 0 to 127.5.
      dhash: `difference_hash` of the upright picture.
    """

    mean_red: float
    mean_green: float
    mean_blue: float
    brightness: float
    contrast: float
    dhash: int | None


def compute_appearance(pictures: Iterable[Pixels]) -> list[Appearance]:
    """What upright pictures look like, from all of their pixels; each uint8 [height, width, 3].

    Neighbours of one size are looked at together.
    """
    looks: list[Appearance] = []
    for (height, width, _), alike in groupby(pictures, key=np.shape):
        looks += appearances(np.stack([reduced(one) for one in alike]), (width, height))
    return looks


def appearances(small: Pixels, size: tuple[int, int], orientation: int = 1) -> Iterator[Appearance]:
    """What pictures of one size look like; none depends on those it is looked at with.

    Args:
      small: Their pixels at the reduced scale, as they are stored; uint8 [n, h, w, 3].
      size: Their width and height at the full scale, as they are stored, each at least 1.
      orientation: EXIF's of all, 1 to 8.
    """
    count = len(small)
    means = small.reshape(count, -1, 3).mean(axis=1)
    luma = small @ _LUMA
    contrasts = luma.reshape(count, -1).std(axis=1)
    width, height = (side / scale_of(size) for side in size)
    rows, columns = HASH_CELLS if orientation < 5 else HASH_CELLS[::-1]
    cells = cell_means(luma, height=height, width=width, rows=rows, columns=columns)
    for mean, contrast, of_picture in zip(means, contrasts.tolist(), cells, strict=True):
        hashed = turned(of_picture[..., np.newaxis], orientation)[..., 0]
        red, green, blue = mean.tolist()
        brightness = float(mean @ _LUMA)
        yield Appearance(red, green, blue, brightness, contrast, difference_hash(hashed))


def scale_of(size: tuple[int, int]) -> int:
    """How many times smaller a picture is looked at: 8, or less where it is small.

    >>> scale_of((500, 375)), scale_of((100, 150)), scale_of((20, 10))
    (8, 4, 1)
    """
    return next((scale for scale in (8, 4, 2) if min(size) >= scale * _LEAST_SIDE), 1)


def reduced(pixels: Pixels) -> Pixels:
    """A picture at the reduced scale, each pixel the mean of those it stands for."""
    whole = Image.fromarray(pixels)
    return np.asarray(whole.reduce(scale_of(whole.size)))


def turned(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """An array [height, width, channels] as EXIF's orientation asks for."""
    return pixels if orientation == 1 else np.asarray(upright(tf.constant(pixels), orientation))
