"""Truncated JPEGs are refused at each scale of decoding, and complete ones are not."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers.small_scenes import JPEG, exif_of, file_of, scene
from PIL import Image

from recordmill.transforms import images
from recordmill.transforms._ops.jpeg import END, ends_in_grey

CUTS = (0.3, 0.5, 0.9, 0.99)

decode = tf.function(images.decode, input_signature=[tf.TensorSpec([], tf.string)])


def small(size: tuple[int, int]) -> Any:
    return tf.function(
        lambda encoded: images.decode(encoded, at_least=size),
        input_signature=[tf.TensorSpec([], tf.string)],
    )


DECODERS = {"full": decode, "half": small((75, 100)), "eighth": small((8, 8))}


def cut(data: bytes, share: float) -> bytes:
    """Return the first part of the compressed pixels, and an end marker."""
    start = data.rindex(b"\xff\xda")
    return data[: start + int((len(data) - start) * share)] + END


def grey(width: int = 200, height: int = 150) -> Image.Image:
    """Return a picture whose lower half is mid-grey."""
    image = scene(width, height)
    image.paste((128, 128, 128), (0, height // 2, width, height))
    return image


@pytest.mark.parametrize("decoder", DECODERS.values(), ids=DECODERS)
@pytest.mark.parametrize("share", CUTS)
@pytest.mark.parametrize(
    "options",
    [{}, {"restart_marker_blocks": 7}, {"subsampling": 0}, {"exif": exif_of(6)}],
    ids=["plain", "restarts", "4:4:4", "turned"],
)
def test_a_jpeg_cut_and_ended_is_refused(
    options: dict[str, Any], share: float, decoder: Any
) -> None:
    data = file_of(scene(), quality=90, **options)
    assert decoder(data).shape[-1] == 3
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected a whole JPEG"):
        decoder(cut(data, share))


def test_a_grey_one_too() -> None:
    data = file_of(scene().convert("L"))
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected a whole JPEG"):
        decode(cut(data, 0.5))


@pytest.mark.parametrize("decoder", DECODERS.values(), ids=DECODERS)
@pytest.mark.parametrize("size", [(200, 150), (17, 33), (1, 1)])
@pytest.mark.parametrize("options", [{}, {"restart_marker_blocks": 1}, {"progressive": True}])
def test_pictures_that_end_in_grey_are_whole(
    options: dict[str, Any], size: tuple[int, int], decoder: Any
) -> None:
    data = file_of(grey(*size), **options)
    assert bool(ends_in_grey(tf.io.decode_jpeg(data, channels=3), 1))
    np.testing.assert_array_equal(
        decode(data), tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")
    )
    assert decoder(data).shape[-1] == 3


def test_a_thumbnail_and_what_stands_behind_the_end_marker_are_passed_over() -> None:
    thumbnail = b"Exif\0\0" + file_of(grey(40, 30))
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    for behind in (b"", b"\0" * 9, b"and more", JPEG):
        data = file_of(grey())
        complete = data[:2] + segment + b"\xff\xff" + data[3:] + behind
        np.testing.assert_array_equal(decode(complete), decode(data))
        part = cut(file_of(scene()), 0.5)
        with pytest.raises(tf.errors.InvalidArgumentError, match="expected a whole JPEG"):
            decode(part[:2] + segment + part[2:] + behind)


def test_a_cut_between_the_two_bytes_of_data_is_seen() -> None:
    data = JPEG[: JPEG.index(b"\xff\x00", JPEG.index(b"\xff\xda") + 100) + 1] + END
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected a whole JPEG"):
        decode(data)


def test_pixels_are_those_of_pillow() -> None:
    image = Image.open(io.BytesIO(JPEG))
    np.testing.assert_array_equal(decode(JPEG), np.asarray(image))
