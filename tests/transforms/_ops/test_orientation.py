from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from helpers.real_data import DATA
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageOps

from recordmill.transforms._ops.orientation import jpeg_orientation, upright, upright_boxes

orientation_of = tf.function(jpeg_orientation, input_signature=[tf.TensorSpec([], tf.string)])

HOTDOG = DATA / "hotdog"
PICTURE = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
ORIENTED = list(range(1, 9))


def jpeg(exif: Image.Exif | bytes | None = None) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PICTURE).save(file, "JPEG", **({} if exif is None else {"exif": exif}))
    return file.getvalue()


def pillow_exif(order: str, value: int) -> Image.Exif:
    exif = Image.Exif()
    exif.endian = order
    exif[ExifTags.Base.Make] = "a camera"
    exif[ExifTags.Base.Orientation] = value
    exif[ExifTags.Base.Software] = "a program"
    return exif


def tiff(
    *entries: tuple[int, int, int, int],
    order: str = ">",
    magic: int = 42,
    offset: int = 8,
    count: int | None = None,
) -> bytes:
    """Return a TIFF structure; an entry is (tag, type, count, value of type SHORT)."""
    head = {">": b"MM", "<": b"II"}[order] + struct.pack(f"{order}HL", magic, offset)
    directory = struct.pack(f"{order}H", len(entries) if count is None else count)
    directory += b"".join(struct.pack(f"{order}HHLHH", *entry, 0) for entry in entries)
    return head + b"\0" * (min(offset, 30_000) - 8) + directory


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">HH", marker, len(data) + 2) + data


def with_exif(data: bytes, *, before: bytes = b"") -> bytes:
    return b"\xff\xd8" + before + segment(0xFFE1, b"Exif\0\0" + data) + b"\xff\xdb"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("value", ORIENTED)
def test_as_pillow_writes_it(order: str, value: int) -> None:
    data = jpeg(pillow_exif(order, value))
    assert Image.open(io.BytesIO(data)).getexif()[ExifTags.Base.Orientation] == value
    assert int(jpeg_orientation(data)) == value
    assert int(orientation_of(data)) == value


TURNED = (0x0112, 3, 1, 6)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (with_exif(tiff(TURNED)), 6),
        (with_exif(tiff(TURNED, order="<")), 6),
        (with_exif(tiff(TURNED, offset=1000)), 6),
        (with_exif(tiff((0x0112, 3, 1, 3), TURNED)), 6),
        (with_exif(tiff(TURNED, (0x0112, 4, 1, 3))), 6),
        (with_exif(tiff(TURNED, count=60_000)), 6),
        (with_exif(tiff(TURNED), before=segment(0xFFE0, b"JFIF\0") + segment(0xFFFE, b"hi")), 6),
        (with_exif(tiff(TURNED), before=segment(0xFFE1, b"http://ns.adobe.com/xap/1.0/\0")), 6),
        (with_exif(tiff(TURNED), before=segment(0xFFED, b"\xff" * 65_533)), 6),
        (with_exif(tiff(TURNED), before=segment(0xFFE2, b"") * 31), 6),
        (with_exif(tiff(TURNED), before=segment(0xFFE2, b"") * 32), 1),
        (with_exif(tiff(TURNED), before=segment(0xFFDB, b"\0" * 65)), 1),
        (with_exif(tiff(TURNED), before=b"\xff\xe2\0\0"), 1),
        (with_exif(tiff((0x0112, 3, 1, 0))), 1),
        (with_exif(tiff((0x0112, 3, 1, 9))), 1),
        (with_exif(tiff((0x0112, 3, 1, 65_535))), 1),
        (with_exif(tiff((0x0112, 4, 1, 6))), 1),
        (with_exif(tiff((0x0112, 3, 2, 6))), 1),
        (with_exif(tiff(TURNED, magic=43)), 1),
        (with_exif(tiff(TURNED, offset=2**32 - 1)), 1),
        (with_exif(tiff(TURNED, offset=2**31 + 8)), 1),
        (with_exif(tiff(TURNED, offset=65_000)), 1),
        (with_exif(tiff(TURNED, count=0)), 1),
        (with_exif(tiff()), 1),
        (with_exif(b"XX" + tiff(TURNED)[2:]), 1),
        (with_exif(b""), 1),
        (jpeg(), 1),
        (b"\x89PNG" + with_exif(tiff(TURNED))[4:], 1),
        (b"\xff\xd8", 1),
        (b"\xff", 1),
        (b"", 1),
    ],
)
def test_segments_and_directories(data: bytes, expected: int) -> None:
    assert int(orientation_of(data)) == expected


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_cut_header_is_never_an_error(order: str) -> None:
    data = with_exif(tiff((0x010F, 3, 1, 0), TURNED, order=order))
    orientations = [int(orientation_of(data[:end])) for end in range(len(data) + 1)]
    end_of_entry = orientations.index(6)
    assert orientations == [1] * end_of_entry + [6] * (len(orientations) - end_of_entry)


@given(st.binary(max_size=80), st.sampled_from([b"", b"\xff\xd8", b"\xff\xd8\xff\xe1"]))
def test_random_bytes(data: bytes, start: bytes) -> None:
    assert 1 <= int(orientation_of(start + data)) <= 8


@given(st.sampled_from("<>"), st.binary(max_size=60), st.integers(0, 2**32 - 1))
def test_random_directories(order: str, data: bytes, offset: int) -> None:
    head = tiff(TURNED, order=order)
    assert 1 <= int(orientation_of(with_exif(head[:8] + data))) <= 8
    far = head[:4] + struct.pack(f"{order}L", offset) + head[8:]
    assert int(orientation_of(with_exif(far))) in (1, 6)


def test_real_files() -> None:
    if not HOTDOG.is_dir():
        pytest.skip(f"the real images are not at {HOTDOG}")
    files = sorted(HOTDOG.glob("*/*/*.jpg"))
    assert len(files) == 320
    for file in files:
        with Image.open(file) as image:
            stored = image.getexif().get(ExifTags.Base.Orientation, 1)
        expected = stored if stored in ORIENTED else 1
        assert (file, int(orientation_of(file.read_bytes()))) == (file, expected)


def exif_transposed(orientation: int) -> np.ndarray:
    image = Image.fromarray(PICTURE)
    image.getexif()[ExifTags.Base.Orientation] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


@pytest.mark.parametrize("wrap", [lambda f: f, tf.function])
@pytest.mark.parametrize("orientation", ORIENTED)
def test_upright_is_what_pillow_does(
    wrap: Callable[[Callable[..., tf.Tensor]], Callable[..., tf.Tensor]], orientation: int
) -> None:
    expected = exif_transposed(orientation)
    result = wrap(upright)(tf.constant(PICTURE), tf.constant(orientation))
    assert result.dtype == tf.uint8
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(upright(PICTURE, orientation), expected)


@pytest.mark.parametrize("orientation", ORIENTED)
def test_boxes_stay_on_what_they_show(orientation: int) -> None:
    picture = np.zeros([8, 4, 1], np.uint8)
    picture[1:3, 2:4] = 1
    boxes = upright_boxes(np.float32([[1 / 8, 2 / 4, 3 / 8, 4 / 4]]), orientation)
    turned = upright(picture, orientation).numpy()
    height, width, _ = turned.shape
    (box,) = (boxes.numpy() * [height, width, height, width]).astype(int).tolist()
    rows, columns, _ = np.nonzero(turned)
    assert box == [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]


def test_no_boxes() -> None:
    assert upright_boxes(tf.zeros([0, 4]), 5).shape == (0, 4)
