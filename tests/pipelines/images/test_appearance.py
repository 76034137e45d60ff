from __future__ import annotations

import numpy as np
import pytest
from helpers.small_images import picture
from PIL import Image

from recordmill.pipelines.images.appearance import (
    Pixels,
    appearances,
    compute_appearance,
    downscale,
    orient,
    reduction,
)


def pixels_of(seed: int, size: tuple[int, int] = (96, 72)) -> Pixels:
    return np.asarray(picture(seed, size))


def test_a_flat_picture() -> None:
    (appearance,) = compute_appearance([np.full((30, 50, 3), (200, 100, 50), np.uint8)])
    assert (appearance.mean_red, appearance.mean_green, appearance.mean_blue) == (200, 100, 50)
    assert appearance.brightness == pytest.approx(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    assert appearance.contrast == pytest.approx(0, abs=1e-9)
    assert appearance.dhash is None


def test_black_and_white_halves_have_the_largest_contrast() -> None:
    halves = np.zeros((20, 20, 3), np.uint8)
    halves[:, 10:] = 255
    (appearance,) = compute_appearance([halves])
    assert appearance.contrast == pytest.approx(127.5)
    assert appearance.brightness == pytest.approx(127.5)


def test_a_picture_looks_the_same_beside_others() -> None:
    pictures = [pixels_of(1), pixels_of(2), pixels_of(3, (50, 40)), pixels_of(4)]
    assert compute_appearance(pictures) == [compute_appearance([one])[0] for one in pictures]


@pytest.mark.parametrize(
    ("size", "scale"),
    [((192, 192), 8), ((191, 500), 4), ((96, 96), 4), ((48, 95), 2), ((47, 47), 1), ((1, 1), 1)],
)
def test_the_scale_leaves_24_pixels(size: tuple[int, int], scale: int) -> None:
    assert reduction(size) == scale
    assert downscale(np.zeros((size[1], size[0], 3), np.uint8)).shape[:2] == tuple(
        -(-side // scale) for side in size[::-1]
    )


def test_a_reduced_pixel_is_the_mean_of_those_it_stands_for() -> None:
    pixels = pixels_of(5, (48, 48))
    expected = pixels.reshape(24, 2, 24, 2, 3).mean(axis=(1, 3))
    assert np.abs(downscale(pixels) - expected).max() <= 0.5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_stored_pictures_have_the_hash_of_the_upright_one(orientation: int) -> None:
    stored = pixels_of(6, (96, 96))
    upright = orient(stored, orientation)
    ((of_stored), (of_upright)) = (
        next(appearances(downscale(stored)[np.newaxis], (96, 96), orientation)),
        compute_appearance([upright])[0],
    )
    assert of_stored.dhash is not None and of_upright.dhash is not None
    assert (of_stored.dhash ^ of_upright.dhash).bit_count() <= 2
    assert of_stored.brightness == pytest.approx(of_upright.brightness, abs=0.5)


def test_turning() -> None:
    pixels = pixels_of(7, (3, 2))
    image = Image.fromarray(pixels)
    assert orient(pixels, 1) is pixels
    np.testing.assert_array_equal(orient(pixels, 3), image.transpose(Image.Transpose.ROTATE_180))
    np.testing.assert_array_equal(orient(pixels, 6), image.transpose(Image.Transpose.ROTATE_270))
