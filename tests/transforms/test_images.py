from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import ExifTags, Image, ImageOps

from recordmill.schemas.errors import RecipeError
from recordmill.transforms.images import (
    class_ids,
    decode,
    decoded,
    resize,
    resized,
    resized_with_boxes,
)

decode_in_graph = tf.function(decode, input_signature=[tf.TensorSpec([], tf.string)])
GREY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
RGB = np.stack([GREY, 255 - GREY, GREY // 2], axis=-1)
ALPHA = np.array([0, 1, 127, 128, 254, 255] * 8, np.uint8).reshape(6, 8)


def encoded(pixels: np.ndarray | Image.Image, format: str = "PNG", **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def png(kind: int, depth: int, rows: list[bytes], *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG of four pixels in a row, of a kind that Pillow does not write."""
    header = struct.pack(">LLBBBBB", 4, len(rows), depth, kind, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">L", len(body)) + name + body + struct.pack(">L", zlib.crc32(name + body))
        for name, body in [(b"IHDR", header), *chunks, (b"IDAT", data), (b"IEND", b"")]
    )


def oriented(pixels: np.ndarray, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return encoded(pixels, "JPEG", exif=exif, quality=95)


def on_white(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., np.newaxis] / 255
    return np.floor(colours * share + 255 * (1 - share) + 0.5).astype(np.uint8)


def grey3(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., np.newaxis], 3, axis=-1)


PALETTE = Image.fromarray(GREY % 7).convert("P")
PALETTE.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90, 1, 2, 3, 4, 5, 6, 7, 8, 9, 255, 0, 255])
COLOURS = np.array(PALETTE.getpalette()).reshape(-1, 3)[GREY % 7].astype(np.uint8)
PALETTE_ALPHA = np.array([0, 50, 100, 150, 200, 250, 255], np.uint8)


@pytest.mark.parametrize(
    ("data", "pixels"),
    [
        pytest.param(encoded(RGB), RGB, id="RGB"),
        pytest.param(encoded(GREY), grey3(GREY), id="grey"),
        pytest.param(
            encoded(Image.fromarray(GREY > 100)), grey3((GREY > 100) * np.uint8(255)), id="1 bit"
        ),
        pytest.param(
            encoded(GREY.astype(np.uint16) * 256 + 255), grey3(GREY), id="16 bits, not saturated"
        ),
        pytest.param(encoded(np.dstack([RGB, ALPHA])), on_white(RGB, ALPHA), id="RGB and alpha"),
        pytest.param(encoded(np.dstack([RGB, ALPHA | 255])), RGB, id="RGB and an opaque alpha"),
        pytest.param(
            encoded(np.dstack([GREY, ALPHA])), on_white(grey3(GREY), ALPHA), id="grey and alpha"
        ),
        pytest.param(encoded(PALETTE), COLOURS, id="palette"),
        pytest.param(encoded(PALETTE, bits=4), COLOURS, id="palette of 4 bits"),
        pytest.param(
            encoded(PALETTE, transparency=bytes(PALETTE_ALPHA)),
            on_white(COLOURS, PALETTE_ALPHA[GREY % 7]),
            id="palette with transparency",
        ),
        pytest.param(
            encoded(GREY, transparency=100),
            grey3(np.where(GREY == 100, np.uint8(255), GREY)),
            id="grey with a transparent value",
        ),
        pytest.param(
            encoded(RGB, transparency=tuple(RGB[2, 3].tolist())),
            np.where((RGB[2, 3] == RGB).all(axis=-1, keepdims=True), np.uint8(255), RGB),
            id="RGB with a transparent colour",
        ),
        pytest.param(encoded(RGB[:1, :1]), RGB[:1, :1], id="1x1"),
        pytest.param(encoded(RGB, "BMP"), RGB, id="BMP"),
        pytest.param(
            encoded(Image.fromarray(np.dstack([RGB, ALPHA])), "BMP"), RGB, id="BMP of 32 bits"
        ),
        pytest.param(encoded(PALETTE, "GIF"), COLOURS, id="GIF"),
    ],
)
def test_pixels(data: bytes, pixels: np.ndarray) -> None:
    result = decode_in_graph(data)
    assert result.dtype == tf.uint8
    np.testing.assert_array_equal(result, pixels)
    np.testing.assert_array_equal(decode(data), pixels)


@pytest.mark.parametrize(
    ("depth", "row", "grey", "transparent"),
    [
        (1, b"\x40", [0, 255, 0, 0], 1),
        (2, b"\x1b", [0, 85, 170, 255], 2),
        (4, b"\x0f\x37", [0, 255, 51, 119], 15),
        (16, b"\0\0\x55\x11\xaa\x22\xff\xff", [0, 85, 170, 255], 0x5511),
    ],
)
def test_grey_of_any_depth(depth: int, row: bytes, grey: list[int], transparent: int) -> None:
    opaque = decode_in_graph(png(0, depth, [row])).numpy()
    assert opaque[0].tolist() == [[value] * 3 for value in grey]
    laid = decode_in_graph(png(0, depth, [row], (b"tRNS", struct.pack(">H", transparent))))
    hole = {1: 1, 2: 2, 4: 1, 16: 1}[depth]
    assert laid.numpy()[0, :, 0].tolist() == [*grey[:hole], 255, *grey[hole + 1 :]]


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.fromarray(np.full([4, 4], value, np.uint8)) for value in (9, 200)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert set(decode(data).numpy().ravel().tolist()) == {9}


@pytest.mark.parametrize("pixels", [GREY, RGB, np.kron(RGB, np.ones([9, 7, 1], np.uint8))])
@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"progressive": True}])
def test_jpeg_gives_the_pixels_that_pillow_gives(
    pixels: np.ndarray, options: dict[str, Any]
) -> None:
    data = encoded(pixels, "JPEG", **options)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(decode(data), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_jpeg_is_upright(orientation: int) -> None:
    data = oriented(RGB, orientation)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(decode_in_graph(data), np.asarray(expected))


@pytest.mark.parametrize(
    ("at_least", "orientation", "shape"),
    [
        ((100, 150), 1, (100, 150)),
        ((51, 75), 1, (100, 150)),
        ((50, 75), 1, (50, 75)),
        ((26, 1), 1, (50, 75)),
        ((25, 38), 1, (25, 38)),
        ((13, 19), 1, (13, 19)),
        ((1, 1), 1, (13, 19)),
        ((500, 500), 1, (100, 150)),
        ((75, 50), 6, (75, 50)),
        ((50, 75), 6, (150, 100)),
        ((13, 19), 8, (38, 25)),
    ],
)
def test_a_large_jpeg_is_decoded_smaller(
    at_least: tuple[int, int], orientation: int, shape: tuple[int, int]
) -> None:
    rows, columns = np.indices([100, 150])
    smooth = np.stack([rows * 2, columns, (rows + columns) // 2], axis=-1).astype(np.uint8)
    data = oriented(smooth, orientation)
    result = tf.function(lambda x: decode(x, at_least=at_least))(tf.constant(data))
    assert result.shape == (*shape, 3)
    full = resize(decode(data), shape)
    assert np.abs(result.numpy().astype(int) - full.numpy()).max() <= 8


def test_only_jpeg_is_decoded_smaller() -> None:
    assert decode(encoded(RGB), at_least=(1, 1)).shape == (6, 8, 3)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"<html></html>",
        b"\xff\xd8\xff\xe0",
        b"\x89PNG\r\n\x1a\n",
        b"BM",
        b"GIF89a",
        encoded(RGB)[:-20],
        encoded(np.kron(RGB, np.ones([20, 20, 1], np.uint8)), "JPEG")[:900],
        encoded(RGB, "TIFF"),
    ],
)
def test_what_is_no_whole_image_is_an_error(data: bytes) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode_in_graph(data)


@pytest.mark.parametrize("data", [encoded(PALETTE, "BMP"), encoded(RGB, "WEBP")])
def test_what_only_some_versions_decode_right_is_an_error(data: bytes) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected a JPEG, PNG or GIF, or a"):
        decode_in_graph(data)


PHOTO = encoded(np.kron(RGB, np.ones([40, 40, 1], np.uint8)), "JPEG")
PICTURES = [encoded(RGB), PHOTO, oriented(RGB, 6), encoded(RGB[:, :1]), encoded(GREY, "GIF")]


def by_hand(data: bytes, crop: str, size: tuple[int, int]) -> np.ndarray:
    image = decode(data, at_least=size).numpy()
    height, width, _ = image.shape
    high, wide = size
    if crop == "centre":
        cut_height = max(1, round(min(height, width * high / wide)))
        cut_width = max(1, round(min(width, height * wide / high)))
        top, left = (height - cut_height) // 2, (width - cut_width) // 2
        image = image[top : top + cut_height, left : left + cut_width]
    border = np.zeros([*size, 3], np.uint8)
    inner = size
    if crop == "pad":
        factor = min(high / height, wide / width)
        inner = (max(1, round(height * factor)), max(1, round(width * factor)))
    top, left = (high - inner[0]) // 2, (wide - inner[1]) // 2
    smaller = np.rint(tf.image.resize(image, inner, antialias=True))
    border[top : top + inner[0], left : left + inner[1]] = smaller
    return border


@pytest.mark.parametrize("crop", ["centre", "pad", "stretch"])
def test_resized(crop: Any) -> None:
    function = tf.function(
        lambda x: resized(x, (16, 20), crop), input_signature=[tf.TensorSpec([None], tf.string)]
    )
    batch = function(PICTURES)
    assert (batch.dtype, batch.shape) == (tf.uint8, (5, 16, 20, 3))
    assert function.get_concrete_function().output_shapes.as_list() == [None, 16, 20, 3]
    for pixels, data in zip(batch.numpy(), PICTURES, strict=True):
        np.testing.assert_array_equal(pixels, by_hand(data, crop, (16, 20)))
    assert function(tf.constant([], tf.string)).shape == (0, 16, 20, 3)


def test_decoded() -> None:
    function = tf.function(decoded, input_signature=[tf.TensorSpec([None], tf.string)])
    batch = function(PICTURES)
    assert (batch.dtype, batch.shape.as_list()) == (tf.uint8, [5, None, None, 3])
    for pixels, data in zip(batch, PICTURES, strict=True):
        np.testing.assert_array_equal(pixels.to_tensor(), decode(data))
    empty = function(tf.constant([], tf.string))
    assert (empty.shape.as_list(), empty.flat_values.shape) == ([0, None, None, 3], [0, 3])


BOXES = tf.ragged.constant(
    [
        [[0.0, 0.0, 1.0, 0.125], [0.0, 0.25, 0.5, 0.5], [0.5, 0.0, 1.0, 0.25]],
        [],
        [[0.25, 0.5, 0.75, 1.0]],
    ],
    ragged_rank=1,
    inner_shape=(4,),
    dtype=tf.float32,
)
WIDE, SQUARE = encoded(RGB[:4]), encoded(RGB[:4, :4])


@pytest.mark.parametrize(
    ("crop", "boxes", "indices"),
    [
        (
            "centre",
            [[[0.0, 0.0, 0.5, 0.5]], [], [[0.25, 0.5, 0.75, 1.0]]],
            [[1], [], [0]],
        ),
        (
            "pad",
            [
                [[0.25, 0.0, 0.75, 0.125], [0.25, 0.25, 0.5, 0.5], [0.5, 0.0, 0.75, 0.25]],
                [],
                [[0.25, 0.5, 0.75, 1.0]],
            ],
            [[0, 1, 2], [], [0]],
        ),
        ("stretch", BOXES.to_list(), [[0, 1, 2], [], [0]]),
    ],
)
def test_resized_with_boxes(crop: Any, boxes: list[Any], indices: list[list[int]]) -> None:
    function = tf.function(
        lambda x, y: resized_with_boxes(x, y, (8, 8), crop),
        input_signature=[
            tf.TensorSpec([None], tf.string),
            tf.RaggedTensorSpec([None, None, 4], tf.float32, ragged_rank=1),
        ],
    )
    batch = tf.constant([WIDE, WIDE, SQUARE])
    pixels, moved, places = function(batch, BOXES)
    np.testing.assert_array_equal(pixels, resized(batch, (8, 8), crop))
    assert (moved.to_list(), places.to_list()) == (boxes, indices)
    assert (moved.dtype, places.dtype) == (tf.float32, tf.int64)
    assert moved.shape.as_list() == [3, None, 4]
    labels = tf.ragged.constant([[7, 8, 9], [], [5]])
    gathered = tf.gather(labels, places, batch_dims=1).to_list()
    assert gathered == [[[7, 8, 9][index] for index in indices[0]], [], [5]]

    nothing, none, _ = function(tf.constant([], tf.string), BOXES[:0])
    assert (nothing.shape, none.shape.as_list()) == ((0, 8, 8, 3), [0, None, 4])


def test_boxes_cut_by_the_crop_stay_by_their_visible_share() -> None:
    boxes = tf.RaggedTensor.from_row_lengths(tf.constant([[0.0, 0.125, 1.0, 0.5]]), [1])
    for min_visible, expected in [(0.6, [[[0.0, 0.0, 1.0, 0.5]]]), (0.7, [[]])]:
        _, moved, _ = resized_with_boxes(
            tf.constant([WIDE]), boxes, (8, 8), min_visible=min_visible
        )
        assert moved.to_list() == expected


def test_in_a_dataset() -> None:
    dataset = tf.data.Dataset.from_tensor_slices(PICTURES).map(lambda x: decode(x))
    assert dataset.element_spec.shape.as_list() == [None, None, 3]
    assert [image.shape for image in dataset] == [decode(data).shape for data in PICTURES]


@pytest.mark.slow
def test_in_a_saved_model(tmp_path: Path) -> None:
    def served(image: tf.Tensor) -> dict[str, Any]:
        return {"image": resized(image, (8, 8)), "pixels": decoded(image)}

    module = tf.Module()
    module.served = tf.function(served, input_signature=[tf.TensorSpec([None], tf.string)])
    tf.saved_model.save(module, str(tmp_path))
    outputs = tf.saved_model.load(str(tmp_path)).served(tf.constant(PICTURES))
    np.testing.assert_array_equal(outputs["image"], resized(tf.constant(PICTURES), (8, 8)))
    assert outputs["pixels"].to_list() == decoded(tf.constant(PICTURES)).to_list()


@pytest.mark.parametrize("wrap", [lambda f: f, tf.function])
def test_class_ids(wrap: Callable[..., Any]) -> None:
    @wrap
    def ids(labels: Any) -> Any:
        return class_ids(labels, ["plane", "ship"], first=1)

    dense = ids(tf.constant([["ship"], ["plane"], ["Ship"]]))
    assert (dense.dtype, dense.numpy().tolist()) == (tf.int64, [[2], [1], [-1]])
    ragged = ids(tf.ragged.constant([["ship", ""], [], ["plane"]]))
    assert (ragged.dtype, ragged.to_list()) == (tf.int64, [[2, -1], [], [1]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x: resized(x, (8, 8), "center"),
            'expected a crop of centre, pad, stretch, got "center"',
        ),
        (
            lambda x: resized(x, (0, 8)),
            "expected a size of (height, width), each at least 1, got (0, 8)",
        ),
        (
            lambda x: resized(x, (8,)),
            "expected a size of (height, width), each at least 1, got (8,)",
        ),
        (lambda x: class_ids(x, []), "expected distinct classes, got []"),
        (lambda x: class_ids(x, ["a", "a"]), "expected distinct classes, got ['a', 'a']"),
    ],
)
def test_wrong_arguments(call: Callable[[tf.Tensor], Any], message: str) -> None:
    with pytest.raises(RecipeError) as error:
        call(tf.constant(["x"]))
    assert str(error.value) == message
