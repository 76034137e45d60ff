"""Pictures of every mode and format become the pixels that a user sees."""

from __future__ import annotations

import io

import numpy as np
import pytest
from helpers.small_scenes import JPEG, bad, check, file_of, gifs, pixels_of, scene, with_palette
from PIL import Image


@pytest.mark.parametrize("format", ["PNG", "TIFF", "PPM"])
def test_16_bits_keep_the_high_byte(format: str) -> None:
    """Case 29."""
    wide = (np.arange(200 * 160, dtype=np.uint16) * 2).reshape(160, 200)
    checked = check(file_of(Image.fromarray(wide), format))
    assert checked.converted == (format != "PNG")
    assert (pixels_of(checked.encoded) == (wide >> 8)[..., np.newaxis]).all()
    assert checked.mean_red == pytest.approx((wide >> 8).mean(), abs=0.5)


def _transparent(image: Image.Image) -> Image.Image:
    alpha = Image.new("L", image.size, 255)
    alpha.paste(0, (0, 0, image.width // 2, image.height))
    image.putalpha(alpha)
    return image


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_transparency_is_laid_on_white(format: str, mode: str) -> None:
    """Case 30."""
    image = _transparent(scene().convert(mode))
    options = {"lossless": True} if format == "WEBP" else {}
    checked = check(file_of(image, format, **options))
    pixels = pixels_of(checked.encoded)
    assert checked.converted == (format != "PNG")
    assert (pixels[:, :100] == 255).all()
    assert (pixels[:, 100:] == np.asarray(image.convert("RGB"))[:, 100:]).all()


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_a_palette_becomes_its_colours(format: str) -> None:
    image = with_palette()
    opaque = check(file_of(image, format))
    clear = check(file_of(image, format, transparency=3))
    colours = np.asarray(image.convert("RGB"))
    assert (pixels_of(opaque.encoded) == colours).all()
    ground = 255 if format == "PNG" else 0
    expected = np.where((np.asarray(image) == 3)[..., np.newaxis], ground, colours)
    assert (pixels_of(clear.encoded) == expected).all()


@pytest.mark.parametrize("mode", ["1", "L"])
@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP", "GIF"])
def test_grey_is_replicated(mode: str, format: str) -> None:
    image = scene().convert(mode)
    checked = check(file_of(image, format))
    assert (pixels_of(checked.encoded) == np.asarray(image.convert("RGB"))).all()


def test_grey_jpeg() -> None:
    checked = check(file_of(scene().convert("L")))
    assert not checked.converted
    assert checked.mean_red == checked.mean_green == checked.mean_blue
    assert checked.mean_red == pytest.approx(checked.brightness)


@pytest.mark.parametrize("format", ["TIFF", "BMP", "WEBP", "AVIF", "JPEG2000", "PPM"])
def test_what_tensorflow_does_not_decode_becomes_a_png(format: str) -> None:
    """Case 32."""
    options = {"lossless": True} if format == "WEBP" else {}
    data = file_of(scene(), format, **options)
    checked = check(data)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGB"))
    assert (checked.format, checked.converted, checked.orientation) == (format, True, 1)
    assert checked.encoded.startswith(b"\x89PNG")
    assert (pixels_of(checked.encoded) == expected).all()


def test_a_cmyk_jpeg_becomes_a_png() -> None:
    checked = check(file_of(scene().convert("CMYK"), quality=95))
    assert (checked.format, checked.converted) == ("JPEG", True)
    difference = pixels_of(checked.encoded).astype(int) - np.asarray(scene())
    assert np.abs(difference).mean() < 3


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_bmp_is_what_it_would_be_if_served(mode: str) -> None:
    data = file_of(scene().convert(mode), "BMP")
    assert (pixels_of(check(data).encoded) == pixels_of(data)).all()


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in gifs().items()])
def test_a_gif_is_what_it_would_be_if_served(data: bytes) -> None:
    checked = check(data)
    assert (checked.format, checked.converted) == ("GIF", True)
    assert (pixels_of(checked.encoded) == pixels_of(data)).all()


def test_a_file_with_more_pictures_is_the_first() -> None:
    image, other = scene(), scene().transpose(Image.Transpose.ROTATE_180)
    tiff = check(file_of(image, "TIFF", save_all=True, append_images=[other]))
    assert (pixels_of(tiff.encoded) == np.asarray(image)).all()
    jpeg = check(file_of(image, "MPO", save_all=True, append_images=[other]))
    assert (jpeg.format, jpeg.converted) == ("JPEG", False)
    assert jpeg.dhash == check(JPEG).dhash


def test_samples_of_32_bits_have_no_rule() -> None:
    data = file_of(Image.fromarray(np.ones((9, 9), np.float32)), "TIFF")
    assert bad(data) == (
        "unsupported_format",
        "expected 8 or 16 bits a sample, got a TIFF with 32, whose range is unknown; "
        "convert it to PNG",
    )


@pytest.mark.parametrize("size", [(1, 1), (20, 10), (10, 20), (8, 9), (1, 900), (33, 47)])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP"])
def test_small_and_narrow_pictures(size: tuple[int, int], format: str) -> None:
    checked = check(file_of(Image.new("RGB", size, (250, 100, 0)), format, **{"quality": 95}))
    assert (checked.width, checked.height) == size
    assert checked.mean_red == pytest.approx(250, abs=3)
    assert checked.contrast == pytest.approx(0, abs=1)
    assert checked.dhash is None
