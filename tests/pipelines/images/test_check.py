"""Good image files, and the rejects of bad ones."""

from __future__ import annotations

import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from helpers.real_data import DATA
from helpers.small_scenes import (
    JPEG,
    PNG,
    PROGRESSIVE,
    bad,
    check,
    exif_of,
    file_of,
    gifs,
    pixels_of,
    scene,
)
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from recordmill.pipelines.config.image_limits import ImageLimits
from recordmill.pipelines.images.check import BadImage, check_image, open_image
from recordmill.pipelines.images.perceptual_hash import NearDuplicates, find_groups
from recordmill.schemas.errors import RecipeError

READ = "expected JPEG, PNG, GIF, BMP, TIFF, WebP, AVIF, JPEG 2000 or PPM, got "


def test_a_good_jpeg_goes_on_as_it_is() -> None:
    checked = check(JPEG)
    red, green, blue = np.asarray(scene()).mean(axis=(0, 1))
    assert checked.encoded is JPEG
    assert (checked.format, checked.converted, checked.orientation) == ("JPEG", False, 1)
    assert (checked.width, checked.height) == (200, 150)
    assert checked.mean_red == pytest.approx(red, abs=1)
    assert checked.mean_green == pytest.approx(green, abs=1)
    assert checked.mean_blue == pytest.approx(blue, abs=1)
    assert checked.brightness == pytest.approx(0.299 * red + 0.587 * green + 0.114 * blue, abs=1)
    assert checked.contrast == pytest.approx(np.asarray(scene().convert("L")).std(), abs=2)


@pytest.mark.parametrize("data", [JPEG, PROGRESSIVE], ids=["baseline", "progressive"])
def test_a_jpeg_cut_anywhere(data: bytes) -> None:
    """Case 26: at half, and at places all over."""
    size = len(data)
    cuts = [3, 4, 20, 100, 300, 600, 700, *range(800, size, 397)]
    for cut in [*cuts, size // 2, size - 100, size - 10, *range(size - 5, size - 2)]:
        assert bad(data[:cut]) == (
            "truncated",
            f"expected a complete JPEG, got one that ends too soon, after {cut:,} bytes; "
            "copy or download the file again",
        )


CMYK = file_of(scene().convert("CMYK"))
SCANS = pytest.mark.parametrize(
    "data", [JPEG, PROGRESSIVE, CMYK], ids=["baseline", "progressive", "CMYK"]
)


@SCANS
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_jpeg_cut_and_then_given_an_end_marker(data: bytes, share: float) -> None:
    """Case 52: libjpeg makes the rest grey, and nobody hears its warning."""
    start = data.index(b"\xff\xda")
    half = data[: start + int((len(data) - start) * share)] + b"\xff\xd9"
    assert bad(half) == (
        "truncated",
        f"expected a complete JPEG, got one that ends too soon, after {len(half):,} bytes; "
        "copy or download the file again",
    )


@SCANS
def test_a_jpeg_that_lacks_nothing_but_its_end_marker(data: bytes) -> None:
    """Case 52: it is whole, and the graph gets it with one."""
    checked, given_one = check(data), check(data[:-2])
    assert (checked.lacks_end_marker, given_one.lacks_end_marker) == (False, True)
    assert given_one == replace(checked, lacks_end_marker=True)
    assert open_image(data[:-2], limits=ImageLimits()).encoded == checked.encoded


def test_a_jpeg_that_ends_in_grey_is_whole() -> None:
    image = scene()
    image.paste((128, 128, 128), (0, 75, 200, 150))
    assert check(file_of(image)).width == 200


@pytest.mark.parametrize("format", ["PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_other_files_cut_at_half(format: str) -> None:
    data = file_of(scene(), format)
    reason, message = bad(data[: len(data) // 2])
    assert (reason, f" {format}" in message) == ("truncated", True)


def test_what_stands_behind_the_end_marker_does_no_harm() -> None:
    assert check(JPEG + b"\0" * 100).width == 200
    assert check(JPEG + b"and more").width == 200


@pytest.mark.parametrize(
    ("data", "reason", "message"),
    [
        (b"", "empty_file", "expected an image, got an empty file; restore or remove it"),
        (b"\xff", "not_an_image", "1 byte, ff"),
        (b"x", "not_an_image", "1 byte, 78"),
        (b"\xff\xd8", "not_an_image", "2 bytes that begin ff d8"),
        (b"\0" * 5000, "not_an_image", "5,000 bytes that begin 00 00 00 00 00 00 00 00"),
        (b"<!DOCTYPE html>\n<html><body>404", "not_an_image", "HTML"),
        (b"\n <html lang='en'>", "not_an_image", "HTML"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not_an_image", "SVG, which has no pixels"),
        (b"\xef\xbb\xbf<?xml?>\n<svg/>", "not_an_image", "SVG, which has no pixels"),
        (b'{"error": 404}\n', "not_an_image", 'text that begins "{"error": 404}"'),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00",
            "not_an_image",
            "a Git LFS pointer instead of the file",
        ),
        (b"%PDF-1.7", "not_an_image", "a PDF"),
        (b"PK\x03\x04...", "not_an_image", "a ZIP archive"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "unsupported_format", "HEIC"),
        (b"\xff\x0a\x00", "unsupported_format", "JPEG XL"),
        (b"8BPS\0\x01", "unsupported_format", "Photoshop"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "unsupported_format", "PostScript"),
    ],
)
def test_what_is_no_image(data: bytes, reason: str, message: str) -> None:
    """Case 27."""
    if reason == "not_an_image":
        message = f"{READ}{message}; restore or remove the file"
    elif reason == "unsupported_format":
        message = f"{READ}{message}; convert it to one of these"
    assert bad(data) == (reason, message)


def _large(format: str, width: int, height: int) -> bytes:
    if format == "PNG":
        return file_of(Image.new("1", (width, height)), "PNG")
    small = file_of(Image.new("L", (1, 1)), "GIF")
    return small[:6] + b"".join(side.to_bytes(2, "little") for side in (width, height)) + small[10:]


@pytest.mark.parametrize(
    ("width", "height", "pixels"),
    [(9_500, 10_000, "95,000,000"), (15_000, 12_000, "180,000,000")],
)
@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_too_many_pixels(width: int, height: int, pixels: str, format: str) -> None:
    """Case 28: Pillow warns above 89,478,485 pixels, and refuses twice as many; nobody hears it."""
    data = _large(format, width, height)
    assert len(data) < 30_000
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        error = bad(data)
    assert error == (
        "too_many_pixels",
        f"expected at most 50,000,000 pixels, got {pixels} ({width} x {height}); "
        "raise max_pixels if this is intended",
    )


def test_limits() -> None:
    exact = ImageLimits(max_bytes=len(JPEG), max_pixels=200 * 150)
    assert check_image(JPEG, limits=exact).width == 200
    assert bad(JPEG, ImageLimits(max_bytes=len(JPEG) - 1)) == (
        "too_many_bytes",
        f"expected at most {len(JPEG) - 1:,} bytes, got {len(JPEG):,}; "
        "raise max_bytes if this is intended",
    )
    assert bad(JPEG, ImageLimits(max_pixels=200 * 150 - 1))[0] == "too_many_pixels"
    with pytest.raises(RecipeError) as error:
        ImageLimits(max_pixels=0)
    assert str(error.value) == "expected max_pixels of at least 1, got 0"


def test_damage_that_is_no_cut() -> None:
    tables = JPEG.index(b"\xff\xc4")
    reason, message = bad(JPEG[: tables + 4] + b"\xff" * 30 + JPEG[tables + 34 :])
    assert reason == "undecodable"
    assert message == (
        f"expected a JPEG that can be decoded, got {len(JPEG):,} bytes with this fault: "
        "jpeg::Uncompress failed. Invalid JPEG data or crop window.; restore or remove the file"
    )


def test_a_bad_image_pickles() -> None:
    bad = pickle.loads(pickle.dumps(BadImage("truncated", "expected more")))
    assert (bad.reason, bad.message, str(bad)) == ("truncated", "expected more", "expected more")


def test_threads_find_the_same() -> None:
    files = [JPEG, PNG, file_of(scene(), "WEBP"), file_of(scene(), exif=exif_of(6)), PROGRESSIVE]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(check, files * 8)) == [check(data) for data in files] * 8


def _good_or_bad(data: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            checked = check(data)
        except BadImage:
            return
    assert pixels_of(checked.encoded).shape == (checked.height, checked.width, 3)
    if checked.format == "JPEG" and not checked.converted:
        tf.io.decode_jpeg(checked.encoded, channels=3)


BEGINNINGS = st.sampled_from(
    [
        *(b"", b"\xff\xd8\xff", PNG[:33], b"GIF89a", b"BM", b"II*\0", b"P6 "),
        *(b"RIFF\x09\0\0\0WEBPVP8 ", b"\0\0\0\x18ftypavif", b"\xff\x4f\xff\x51"),
    ]
)


@given(BEGINNINGS, st.binary(max_size=200))
@example(b"P6 ", b"1 1 65535\n")
def test_any_bytes_are_an_image_or_bad(beginning: bytes, rest: bytes) -> None:
    _good_or_bad(beginning + rest)


@given(
    st.sampled_from(
        [JPEG, PROGRESSIVE, PNG, *gifs().values()]
        + [file_of(scene(40, 30), name) for name in ("BMP", "TIFF", "WEBP", "AVIF")]
    ),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=4),
    st.floats(0, 1) | st.just(1.0),
)
def test_damaged_files_are_images_or_bad(
    data: bytes, changes: list[tuple[float, int]], cut: float
) -> None:
    damaged = bytearray(data)
    for position, value in changes:
        damaged[int(position * len(damaged))] = value
    _good_or_bad(bytes(damaged[: round(cut * len(damaged))]))


@pytest.mark.skipif(not DATA.exists(), reason="the real images are not here")
def test_real_images() -> None:
    """All are good, and the copies among them are those that people see."""
    paths = sorted([*(DATA / "hotdog").rglob("*.jpg"), *(DATA / "raccoon").rglob("*.jpg")])
    checked = [check(path.read_bytes()) for path in paths]
    assert len(checked) == 520
    assert not any(image.converted or image.dhash is None for image in checked)
    groups = find_groups(np.array([image.dhash for image in checked], np.uint64))
    names = [path.name for path in paths]
    assert [[names[index] for index in group] for group in groups] == [
        ["imagenet_chili-dog_8396.jpg", "imagenet_chili-dog_8396.jpg"],
        ["raccoon-11.jpg", "raccoon-116.jpg"],
        ["raccoon-120.jpg", "raccoon-83.jpg"],
        ["raccoon-21.jpg", "raccoon-45.jpg"],
        ["raccoon-50.jpg", "raccoon-52.jpg", "raccoon-74.jpg"],
        ["raccoon-65.jpg", "raccoon-98.jpg"],
    ]
    splits = [path.relative_to(DATA).parts[1] for path in paths]
    duplicates = NearDuplicates.of(groups, names=[str(path) for path in paths], splits=splits)
    assert (duplicates.groups, duplicates.images, duplicates.straddling) == (6, 13, 1)
