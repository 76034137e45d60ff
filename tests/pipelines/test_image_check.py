from __future__ import annotations

import io
import pickle
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from recordmill.pipelines.image_check import BadImage, CheckedImage, Limits, check_image
from recordmill.pipelines.near_duplicates import NearDuplicates, find_groups
from recordmill.schemas.errors import RecipeError
from recordmill.transforms.images import decode
from recordmill.transforms.orientation import jpeg_orientation

DATA = Path(__file__).parents[3] / "shared" / "data"
READ = "expected JPEG, PNG, GIF, BMP, TIFF, WebP, AVIF, JPEG 2000 or PPM, got "


def _scene(width: int = 200, height: int = 150) -> Image.Image:
    """A picture with something in it, of which no turn looks like another."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    red = 127 + 120 * np.sin(9 * x + 4 * y * y)
    green = 255 * x * y
    blue = np.where((x - 0.3) ** 2 + (y - 0.2) ** 2 < 0.03, 250, 60 + 90 * y)
    return Image.fromarray(np.stack([red, green, blue], -1).astype(np.uint8))


def _file(image: Image.Image, format: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def _check(data: bytes) -> CheckedImage:
    return check_image(data, limits=Limits())


def _bad(data: bytes, limits: Limits | None = None) -> tuple[str, str]:
    with pytest.raises(BadImage) as error:
        check_image(data, limits=limits or Limits())
    assert str(error.value) == error.value.message
    return error.value.reason, error.value.message


def _pixels(data: bytes) -> Any:
    return decode(data).numpy()


JPEG = _file(_scene())
PROGRESSIVE = _file(_scene(), progressive=True)
PNG = _file(_scene(), "PNG")


def test_a_good_jpeg_goes_on_as_it_is() -> None:
    checked = _check(JPEG)
    red, green, blue = np.asarray(_scene()).mean(axis=(0, 1))
    assert checked.encoded is JPEG
    assert (checked.format, checked.converted, checked.orientation) == ("JPEG", False, 1)
    assert (checked.width, checked.height) == (200, 150)
    assert checked.mean_red == pytest.approx(red, abs=1)
    assert checked.mean_green == pytest.approx(green, abs=1)
    assert checked.mean_blue == pytest.approx(blue, abs=1)
    assert checked.brightness == pytest.approx(0.299 * red + 0.587 * green + 0.114 * blue, abs=1)
    assert checked.contrast == pytest.approx(np.asarray(_scene().convert("L")).std(), abs=2)


@pytest.mark.parametrize("data", [JPEG, PROGRESSIVE], ids=["baseline", "progressive"])
def test_a_jpeg_cut_anywhere(data: bytes) -> None:
    """Case 26: at half, without its end marker, and at places all over."""
    whole = len(data)
    cuts = [3, 4, 20, 100, 300, 600, 700, *range(800, whole, 397)]
    for cut in [*cuts, whole // 2, whole - 100, whole - 10, *range(whole - 5, whole)]:
        assert _bad(data[:cut]) == (
            "truncated",
            f"expected a whole JPEG, got one that stops before its end, after {cut:,} bytes; "
            "copy or download the file again",
        )


@pytest.mark.parametrize("format", ["PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_other_files_cut_at_half(format: str) -> None:
    data = _file(_scene(), format)
    reason, message = _bad(data[: len(data) // 2])
    assert (reason, f" {format}" in message) == ("truncated", True)


def test_what_stands_behind_the_end_marker_does_no_harm() -> None:
    assert _check(JPEG + b"\0" * 100).width == 200
    assert _check(JPEG + b"and more").width == 200


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
            "a Git LFS pointer, not the file it stands for",
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
    assert _bad(data) == (reason, message)


def _large(format: str, width: int, height: int) -> bytes:
    if format == "PNG":
        return _file(Image.new("1", (width, height)), "PNG")
    small = _file(Image.new("L", (1, 1)), "GIF")
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
        found = _bad(data)
    assert found == (
        "too_many_pixels",
        f"expected at most 50,000,000 pixels, got {pixels} ({width} x {height}); "
        "raise max_pixels if this is meant",
    )


def test_limits() -> None:
    exact = Limits(max_bytes=len(JPEG), max_pixels=200 * 150)
    assert check_image(JPEG, limits=exact).width == 200
    assert _bad(JPEG, Limits(max_bytes=len(JPEG) - 1)) == (
        "too_many_bytes",
        f"expected at most {len(JPEG) - 1:,} bytes, got {len(JPEG):,}; "
        "raise max_bytes if this is meant",
    )
    assert _bad(JPEG, Limits(max_pixels=200 * 150 - 1))[0] == "too_many_pixels"
    with pytest.raises(RecipeError) as error:
        Limits(max_pixels=0)
    assert str(error.value) == "expected max_pixels of at least 1, got 0"


@pytest.mark.parametrize("format", ["PNG", "TIFF", "PPM"])
def test_16_bits_keep_the_high_byte(format: str) -> None:
    """Case 29."""
    wide = (np.arange(200 * 160, dtype=np.uint16) * 2).reshape(160, 200)
    checked = _check(_file(Image.fromarray(wide), format))
    assert checked.converted == (format != "PNG")
    assert (_pixels(checked.encoded) == (wide >> 8)[..., np.newaxis]).all()
    assert checked.mean_red == pytest.approx((wide >> 8).mean(), abs=0.5)


def _transparent(image: Image.Image) -> Image.Image:
    alpha = Image.new("L", image.size, 255)
    alpha.paste(0, (0, 0, image.width // 2, image.height))
    image.putalpha(alpha)
    return image


def _with_palette() -> Image.Image:
    image = _scene().quantize(16)
    image.paste(3, (0, 0, 100, 150))
    return image


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_transparency_is_laid_on_white(format: str, mode: str) -> None:
    """Case 30."""
    image = _transparent(_scene().convert(mode))
    options = {"lossless": True} if format == "WEBP" else {}
    checked = _check(_file(image, format, **options))
    pixels = _pixels(checked.encoded)
    assert checked.converted == (format != "PNG")
    assert (pixels[:, :100] == 255).all()
    assert (pixels[:, 100:] == np.asarray(image.convert("RGB"))[:, 100:]).all()


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_a_palette_becomes_its_colours(format: str) -> None:
    image = _with_palette()
    opaque = _check(_file(image, format))
    clear = _check(_file(image, format, transparency=3))
    colours = np.asarray(image.convert("RGB"))
    assert (_pixels(opaque.encoded) == colours).all()
    ground = 255 if format == "PNG" else 0
    expected = np.where((np.asarray(image) == 3)[..., np.newaxis], ground, colours)
    assert (_pixels(clear.encoded) == expected).all()


@pytest.mark.parametrize("mode", ["1", "L"])
@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP", "GIF"])
def test_grey_is_replicated(mode: str, format: str) -> None:
    image = _scene().convert(mode)
    checked = _check(_file(image, format))
    assert (_pixels(checked.encoded) == np.asarray(image.convert("RGB"))).all()


def test_grey_jpeg() -> None:
    checked = _check(_file(_scene().convert("L")))
    assert not checked.converted
    assert checked.mean_red == checked.mean_green == checked.mean_blue
    assert checked.mean_red == pytest.approx(checked.brightness)


@pytest.mark.parametrize("format", ["TIFF", "BMP", "WEBP", "AVIF", "JPEG2000", "PPM"])
def test_what_tensorflow_does_not_decode_becomes_a_png(format: str) -> None:
    """Case 32."""
    options = {"lossless": True} if format == "WEBP" else {}
    data = _file(_scene(), format, **options)
    checked = _check(data)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGB"))
    assert (checked.format, checked.converted, checked.orientation) == (format, True, 1)
    assert checked.encoded.startswith(b"\x89PNG")
    assert (_pixels(checked.encoded) == expected).all()


def test_a_cmyk_jpeg_becomes_a_png() -> None:
    checked = _check(_file(_scene().convert("CMYK"), quality=95))
    assert (checked.format, checked.converted) == ("JPEG", True)
    difference = _pixels(checked.encoded).astype(int) - np.asarray(_scene())
    assert np.abs(difference).mean() < 3


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_bmp_is_what_it_would_be_if_served(mode: str) -> None:
    data = _file(_scene().convert(mode), "BMP")
    assert (_pixels(_check(data).encoded) == _pixels(data)).all()


def _gifs() -> Iterator[tuple[str, bytes]]:
    image, other = _with_palette(), _with_palette().transpose(Image.Transpose.ROTATE_180)
    yield "plain", _file(image, "GIF")
    yield "transparent", _file(image, "GIF", transparency=3)
    yield "animated", _file(image, "GIF", save_all=True, append_images=[other])


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in _gifs()])
def test_a_gif_is_what_it_would_be_if_served(data: bytes) -> None:
    checked = _check(data)
    assert (checked.format, checked.converted) == ("GIF", True)
    assert (_pixels(checked.encoded) == _pixels(data)).all()


def test_a_file_with_more_pictures_is_the_first() -> None:
    image, other = _scene(), _scene().transpose(Image.Transpose.ROTATE_180)
    tiff = _check(_file(image, "TIFF", save_all=True, append_images=[other]))
    assert (_pixels(tiff.encoded) == np.asarray(image)).all()
    jpeg = _check(_file(image, "MPO", save_all=True, append_images=[other]))
    assert (jpeg.format, jpeg.converted) == ("JPEG", False)
    assert jpeg.dhash == _check(JPEG).dhash


def test_samples_of_32_bits_have_no_rule() -> None:
    data = _file(Image.fromarray(np.ones((9, 9), np.float32)), "TIFF")
    assert _bad(data) == (
        "unsupported_format",
        "expected 8 or 16 bits a sample, got a TIFF with 32, whose range is not known; "
        "convert it to PNG",
    )


BACK = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a camera that writes this orientation stores an upright picture."""


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation(orientation: int, format: str) -> None:
    """Case 31: 203 x 150 at 1/8 is not a whole number, and must be cut on the right side."""
    image = _scene(203, 150)
    back = BACK[orientation]
    stored = image if back is None else image.transpose(back)
    options: dict[str, Any] = {"lossless": True} if format == "WEBP" else {}
    checked = _check(_file(stored, format, exif=_exif(orientation), **options))
    plain = _check(_file(image, "PNG"))
    assert (checked.width, checked.height) == (203, 150)
    assert checked.orientation == orientation
    assert checked.converted == (
        format in ("TIFF", "WEBP") or (format == "PNG" and back is not None)
    )
    assert checked.dhash is not None and plain.dhash is not None
    assert (checked.dhash ^ plain.dhash).bit_count() <= 1
    pixels = _pixels(checked.encoded)
    assert pixels.shape == (150, 203, 3)
    if format != "JPEG":
        assert (pixels == np.asarray(image)).all()


def _segment(exif: bytes) -> bytes:
    body = b"Exif\0\0" + exif
    return JPEG[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + JPEG[2:]


ENTRIES = st.builds(
    lambda order, tag, kind, count, value: b"".join(
        number.to_bytes(size, order)  # type: ignore[arg-type]
        for number, size in ((tag, 2), (kind, 2), (count, 4), (value, 2), (0, 2))
    ),
    st.sampled_from(["little", "big"]),
    st.sampled_from([0x0112, 0x0112, 0x0110]),
    st.sampled_from([3, 3, 3, 4, 1]),
    st.sampled_from([1, 1, 1, 0, 2]),
    st.integers(0, 10),
)
HEADS = st.sampled_from([b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II*\0\xff\xff\0\0", b"??*\0"])


GRAPH = tf.function(jpeg_orientation, input_signature=[tf.TensorSpec([], tf.string)])


@settings(deadline=None)
@given(HEADS, st.integers(0, 3), st.lists(ENTRIES, max_size=3), st.sampled_from([b"", b"\0" * 9]))
def test_the_orientation_is_the_one_the_graph_finds(
    head: bytes, count: int, entries: list[bytes], rest: bytes
) -> None:
    order = "little" if head.startswith(b"II") else "big"
    data = _segment(head + count.to_bytes(2, order) + b"".join(entries) + rest)  # type: ignore[arg-type]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert _check(data).orientation == int(GRAPH(data))


@pytest.mark.parametrize("size", [(1, 1), (20, 10), (10, 20), (8, 9), (1, 900), (33, 47)])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP"])
def test_small_and_narrow_pictures(size: tuple[int, int], format: str) -> None:
    checked = _check(_file(Image.new("RGB", size, (250, 100, 0)), format, **{"quality": 95}))
    assert (checked.width, checked.height) == size
    assert checked.mean_red == pytest.approx(250, abs=3)
    assert checked.contrast == pytest.approx(0, abs=1)
    assert checked.dhash is None


def _copies() -> Iterator[tuple[str, bytes]]:
    image = _scene(500, 375)
    yield "quality 40", _file(image, quality=40)
    yield "progressive", _file(image, progressive=True)
    yield "half", _file(image.resize((250, 188), Image.Resampling.LANCZOS))
    yield "third", _file(image.resize((167, 125), Image.Resampling.BICUBIC), quality=60)
    yield "stretched", _file(image.resize((256, 256)))
    yield "double", _file(image.resize((1000, 750)))
    yield "PNG", _file(image.resize((401, 301)), "PNG")
    yield "WebP", _file(image, "WEBP", quality=50)
    yield "grey", _file(image.convert("L"))


@pytest.mark.parametrize("copy", [pytest.param(data, id=name) for name, data in _copies()])
def test_copies_look_alike(copy: bytes) -> None:
    original, other = _check(_file(_scene(500, 375))).dhash, _check(copy).dhash
    assert original is not None and other is not None
    assert (original ^ other).bit_count() <= 4


def test_turned_pictures_do_not_look_alike() -> None:
    turned = _file(_scene().transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    original, other = _check(JPEG).dhash, _check(turned).dhash
    assert original is not None and other is not None
    assert (original ^ other).bit_count() > 16


def test_damage_that_is_no_cut() -> None:
    tables = JPEG.index(b"\xff\xc4")
    reason, message = _bad(JPEG[: tables + 4] + b"\xff" * 30 + JPEG[tables + 34 :])
    assert reason == "undecodable"
    assert message == (
        f"expected a JPEG that can be decoded, got {len(JPEG):,} bytes with this fault: "
        "jpeg::Uncompress failed. Invalid JPEG data or crop window.; restore or remove the file"
    )


def test_a_bad_image_pickles() -> None:
    bad = pickle.loads(pickle.dumps(BadImage("truncated", "expected more")))
    assert (bad.reason, bad.message, str(bad)) == ("truncated", "expected more", "expected more")


def test_threads_find_the_same() -> None:
    files = [JPEG, PNG, _file(_scene(), "WEBP"), _file(_scene(), exif=_exif(6)), PROGRESSIVE]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(_check, files * 8)) == [_check(data) for data in files] * 8


def _good_or_bad(data: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            checked = _check(data)
        except BadImage:
            return
    assert _pixels(checked.encoded).shape == (checked.height, checked.width, 3)
    if checked.format == "JPEG" and not checked.converted:
        tf.io.decode_jpeg(data, channels=3)


BEGINNINGS = st.sampled_from(
    [
        *(b"", b"\xff\xd8\xff", PNG[:33], b"GIF89a", b"BM", b"II*\0", b"P6 "),
        *(b"RIFF\x09\0\0\0WEBPVP8 ", b"\0\0\0\x18ftypavif", b"\xff\x4f\xff\x51"),
    ]
)


@settings(deadline=None)
@given(BEGINNINGS, st.binary(max_size=200))
@example(b"P6 ", b"1 1 65535\n")
def test_any_bytes_are_an_image_or_bad(beginning: bytes, rest: bytes) -> None:
    _good_or_bad(beginning + rest)


@settings(deadline=None)
@given(
    st.sampled_from(
        [JPEG, PROGRESSIVE, PNG, *(data for _, data in _gifs())]
        + [_file(_scene(40, 30), name) for name in ("BMP", "TIFF", "WEBP", "AVIF")]
    ),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=4),
    st.floats(0, 1) | st.just(1.0),
)
def test_damaged_files_are_images_or_bad(
    data: bytes, changes: list[tuple[float, int]], cut: float
) -> None:
    damaged = bytearray(data)
    for place, value in changes:
        damaged[int(place * len(damaged))] = value
    _good_or_bad(bytes(damaged[: round(cut * len(damaged))]))


@pytest.mark.skipif(not DATA.exists(), reason="the real images are not here")
def test_real_images() -> None:
    """All are good, and the copies among them are those that people see."""
    paths = sorted([*(DATA / "hotdog").rglob("*.jpg"), *(DATA / "raccoon").rglob("*.jpg")])
    checked = [_check(path.read_bytes()) for path in paths]
    assert len(checked) == 520
    assert not any(one.converted or one.dhash is None for one in checked)
    groups = find_groups(np.array([one.dhash for one in checked], np.uint64))
    names = [path.name for path in paths]
    assert [[names[place] for place in group] for group in groups] == [
        ["imagenet_chili-dog_8396.jpg", "imagenet_chili-dog_8396.jpg"],
        ["raccoon-11.jpg", "raccoon-116.jpg"],
        ["raccoon-120.jpg", "raccoon-83.jpg"],
        ["raccoon-21.jpg", "raccoon-45.jpg"],
        ["raccoon-50.jpg", "raccoon-52.jpg", "raccoon-74.jpg"],
        ["raccoon-65.jpg", "raccoon-98.jpg"],
    ]
    splits = [path.relative_to(DATA).parts[1] for path in paths]
    found = NearDuplicates.of(groups, names=[str(path) for path in paths], splits=splits)
    assert (found.groups, found.images, found.straddling) == (6, 13, 1)
