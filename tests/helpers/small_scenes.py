"""A picture with something in it, as a file of any kind, and what checking a file says."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from recordmill.pipelines.config.image_limits import ImageLimits
from recordmill.pipelines.images.check import BadImage, CheckedImage, check_image
from recordmill.transforms.images import decode


def scene(width: int = 200, height: int = 150) -> Image.Image:
    """A picture of which no turn looks like another."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    red = 127 + 120 * np.sin(9 * x + 4 * y * y)
    green = 255 * x * y
    blue = np.where((x - 0.3) ** 2 + (y - 0.2) ** 2 < 0.03, 250, 60 + 90 * y)
    return Image.fromarray(np.stack([red, green, blue], -1).astype(np.uint8))


def with_palette() -> Image.Image:
    """A picture of 16 colours, of which the left half is number 3."""
    image = scene().quantize(16)
    image.paste(3, (0, 0, 100, 150))
    return image


def file_of(image: Image.Image, format: str = "JPEG", **options: Any) -> bytes:
    """The bytes of a file."""
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def exif_of(orientation: int) -> Image.Exif:
    """What a camera says of how it was held."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def check(data: bytes) -> CheckedImage:
    """A good file, checked."""
    return check_image(data, limits=ImageLimits())


def bad(data: bytes, limits: ImageLimits | None = None) -> tuple[str, str]:
    """The reason and the message of a bad file."""
    with pytest.raises(BadImage) as error:
        check_image(data, limits=limits or ImageLimits())
    assert str(error.value) == error.value.message
    return error.value.reason, error.value.message


def pixels_of(data: bytes) -> Any:
    """What the graph decodes: uint8 [height, width, 3]."""
    return decode(data).numpy()


JPEG = file_of(scene())
PROGRESSIVE = file_of(scene(), progressive=True)
PNG = file_of(scene(), "PNG")


def gifs() -> dict[str, bytes]:
    """GIFs by what is in them."""
    image, other = with_palette(), with_palette().transpose(Image.Transpose.ROTATE_180)
    return {
        "plain": file_of(image, "GIF"),
        "transparent": file_of(image, "GIF", transparency=3),
        "animated": file_of(image, "GIF", save_all=True, append_images=[other]),
    }
