"""Encoded images to pixels, as TensorFlow operations: the same in training and in serving.

Pixels are uint8 RGB [height, width, 3], upright, by these rules:

    grey                 the same value in all three channels
    palette              its colours
    transparency         blended with white
    16 bits a sample     the high byte
    GIF                  the first frame, with black where it is transparent
    Exif orientation     applied, for a JPEG

A JPEG is decoded with the accurate inverse DCT, which yields the same pixels as Pillow. All but
JPEG, PNG, GIF and plain BMP files is an error, and so are damaged bytes: to skip bad images, check
them before.

Functions of one image take a scalar string, for `tf.data`; functions of a batch take [batch], for
a `preprocessing_fn`. No function learns from the data: there is nothing to analyze.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import tensorflow as tf

from ..schemas.errors import RecipeError
from . import boxes as box_ops
from ._ops.jpeg import refuse_cut
from ._ops.lookup_table import class_table
from ._ops.orientation import jpeg_orientation, upright
from ._ops.resize import (
    central_crop,
    central_window,
    crop_box,
    crop_window,
    pad,
    random_resized_crop,
    relative_window,
    resize,
)

__all__ = [
    "Crop",
    "central_crop",
    "class_ids",
    "crop_box",
    "decode",
    "decoded",
    "pad",
    "random_resized_crop",
    "resize",
    "resized",
    "resized_with_boxes",
]

Crop = Literal["centre", "pad", "stretch"]
"""Ways to fit an image of another aspect ratio to a size.

    centre     the largest window of that aspect ratio in its middle
    pad        the whole image at its own aspect ratio, centred on black
    stretch    the whole image at the new aspect ratio
"""

_Fit = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""Function from an image to pixels of one size and the window of the image in them."""

_RATIOS = (1, 2, 4, 8)
_PNG_GREY, _PNG_RGB, _PNG_PALETTE = b"\x00", b"\x02", b"\x03"
_BMP_PLAIN = (b"\x18\x00\x00\x00\x00\x00", b"\x20\x00\x00\x00\x00\x00")
"""24 or 32 bits a pixel (16 bits), compression 0 (32 bits)."""
_PARALLEL = 4
"""Number of decoded images of a batch in memory at a time."""


def decode(encoded: tf.Tensor, *, at_least: tuple[int, int] | None = None) -> tf.Tensor:
    """Decode an image to upright pixels.

    Args:
      encoded: The bytes of a JPEG, PNG, GIF or BMP file; a scalar string.
      at_least: The least (height, width) in pixels that the caller needs; None for full size. A
        large JPEG is then decoded at a half, a quarter or an eighth of its size, the least that
        is no smaller than this in either direction, which saves most of the time. Its sides are
        rounded up, so that its last row and column can extend beyond the picture, and relative
        boxes are off by less than one of its pixels.

    Returns:
      uint8 [height, width, 3].

    Raises:
      tf.errors.InvalidArgumentError: The bytes are damaged, or of another format.
    """
    encoded = tf.convert_to_tensor(encoded)
    image = tf.cond(
        _begins(encoded, b"\xff\xd8\xff"),
        lambda: _decode_jpeg(encoded, at_least),
        lambda: tf.cond(
            _begins(encoded, b"\x89PNG\r\n\x1a\n"),
            lambda: _decode_png(encoded),
            lambda: _decode_other(encoded),
        ),
    )
    image.set_shape([None, None, 3])
    return image


def decoded(encoded: tf.Tensor) -> tf.RaggedTensor:
    """Decode a batch of images to upright pixels, each in its own size.

    Args:
      encoded: The bytes of image files; string [batch].

    Returns:
      uint8 [batch, (height), (width), 3], ragged in height and width.

    Raises:
      tf.errors.InvalidArgumentError: As in `decode`, for any of the images.
    """

    def mapped() -> tf.RaggedTensor:
        return tf.map_fn(
            lambda image: tf.RaggedTensor.from_tensor(decode(image)),
            encoded,
            fn_output_signature=tf.RaggedTensorSpec([None, None, 3], tf.uint8, ragged_rank=1),
            parallel_iterations=_PARALLEL,
        )

    def empty() -> tf.RaggedTensor:
        splits = tf.zeros([1], tf.int64)
        return tf.RaggedTensor.from_nested_row_splits(tf.zeros([0, 3], tf.uint8), [splits, splits])

    # The result of map_fn over an empty batch has no dimension of 3 channels.
    return tf.cond(tf.size(encoded) > 0, mapped, empty)


def resized(encoded: tf.Tensor, size: tuple[int, int], crop: Crop = "centre") -> tf.Tensor:
    """Decode a batch of images to upright pixels of one size.

    Args:
      encoded: The bytes of image files; string [batch].
      size: (height, width) in pixels, each at least 1.
      crop: The treatment of images of another aspect ratio; see `Crop`.

    Returns:
      uint8 [batch, *size, 3].

    Raises:
      RecipeError: `size` is not positive, or `crop` is none of the three.
      tf.errors.InvalidArgumentError: As in `decode`, for any of the images.
    """
    fit = _fit(size, crop)
    return tf.map_fn(
        lambda image: fit(decode(image, at_least=size))[0],
        encoded,
        fn_output_signature=_pixels_spec(size),
        parallel_iterations=_PARALLEL,
    )


def resized_with_boxes(
    encoded: tf.Tensor,
    boxes: tf.RaggedTensor,
    size: tuple[int, int],
    crop: Crop = "centre",
    *,
    min_visible: float = 0.5,
) -> tuple[tf.Tensor, tf.RaggedTensor, tf.RaggedTensor]:
    """Decode a batch of images to upright pixels of one size, and convert their boxes.

    Args:
      encoded: The bytes of image files; string [batch].
      boxes: float32 [batch, (n), 4]: ymin, xmin, ymax, xmax, relative to the upright images.
      size: (height, width) in pixels, each at least 1.
      crop: The treatment of images of another aspect ratio; see `Crop`.
      min_visible: The least share of the area of a box in the result for the box to stay.

    Returns:
      The pixels, uint8 [batch, *size, 3]; the boxes that stay, float32 [batch, (m), 4], relative
      to the pixels and clipped to them; and their indices among the boxes of their image, int64
      [batch, (m)], for `tf.gather(…, batch_dims=1)` of their classes.

    Raises:
      RecipeError: `size` is not positive, or `crop` is none of the three.
      tf.errors.InvalidArgumentError: As in `decode`, for any of the images.
    """
    fit = _fit(size, crop)
    pixels, windows = tf.map_fn(
        lambda image: fit(decode(image, at_least=size)),
        encoded,
        fn_output_signature=(_pixels_spec(size), tf.TensorSpec([4], tf.float32)),
        parallel_iterations=_PARALLEL,
    )
    windows = tf.gather(windows, boxes.value_rowids())
    visible = box_ops.is_visible(boxes.values, windows, min_visible=min_visible)
    moved = box_ops.clip(box_ops.relative_to(boxes.values, windows))
    indices = tf.ragged.range(boxes.row_lengths())
    mask = boxes.with_values(visible)
    return (
        pixels,
        tf.ragged.boolean_mask(boxes.with_values(moved), mask),
        tf.ragged.boolean_mask(indices, mask),
    )


def class_ids(
    labels: tf.Tensor | tf.RaggedTensor, classes: Sequence[str], *, first: int = 0
) -> tf.Tensor | tf.RaggedTensor:
    """Return the id of each label: its index among the classes, counted from `first`.

    Args:
      labels: A string tensor of any shape, dense or ragged.
      classes: The classes, in the order of their ids; each once.
      first: The id of the first class; 1 in a label map of the TF Object Detection API.

    Returns:
      An int64 tensor of the shape of `labels`; -1 for a label that is no class, such as the empty
      one of a served request.

    Raises:
      RecipeError: `classes` is empty, or contains duplicates.
    """
    return tf.ragged.map_flat_values(class_table(classes, first=first).lookup, labels)


def _begins(encoded: tf.Tensor, magic: bytes) -> tf.Tensor:
    return _part(encoded, 0, len(magic)) == magic


def _part(encoded: tf.Tensor, start: int, count: int) -> tf.Tensor:
    """Return `count` bytes from `start` on, or fewer at the end of the file.

    `tf.strings.substr` fails where `start` is beyond the end, and its message quotes the string,
    which is not UTF-8, so that the error itself cannot be raised.
    """
    return tf.strings.substr(encoded, tf.minimum(start, tf.strings.length(encoded)), count)


def _decode_jpeg(encoded: tf.Tensor, at_least: tuple[int, int] | None) -> tf.Tensor:
    orientation = jpeg_orientation(encoded)
    if at_least is None:
        return upright(refuse_cut(_jpeg(encoded, 1), encoded, 1), orientation)
    # Orientations from 5 on exchange rows and columns of the stored picture.
    needed = tf.where(orientation >= 5, at_least[::-1], at_least)
    size = tf.io.extract_jpeg_shape(encoded)[:2]
    fits = [tf.reduce_all(-(-size // ratio) >= needed) for ratio in _RATIOS[1:]]
    index = tf.reduce_sum(tf.cast(tf.stack(fits), tf.int32))
    branches = [lambda ratio=ratio: _jpeg(encoded, ratio) for ratio in _RATIOS]
    image = refuse_cut(tf.switch_case(index, branches), encoded, tf.gather(_RATIOS, index))
    return upright(image, orientation)


def _jpeg(encoded: tf.Tensor, ratio: int) -> tf.Tensor:
    return tf.io.decode_jpeg(encoded, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")


def _decode_png(encoded: tf.Tensor) -> tf.Tensor:
    """Decode a PNG, its transparency blended with white.

    With `channels=4`, TensorFlow decodes opaque grey of 1, 2 or 4 bits with an alpha of 1, 3 or
    15, and possibly palettes too, so a palette is decoded with its own number of channels. A file
    without an alpha channel can name one transparent colour, where alpha is 0; every other alpha
    of such a file is set to 255.
    """
    kind = _part(encoded, 25, 1)
    image = tf.cond(
        kind == _PNG_PALETTE,
        lambda: tf.io.decode_png(encoded),
        lambda: tf.io.decode_png(encoded, channels=4),
    )
    colours, alpha = image[..., :3], image[..., 3:]
    no_channel = tf.reduce_any(kind == [_PNG_GREY, _PNG_RGB])
    alpha = tf.where(tf.logical_and(no_channel, alpha > 0), tf.constant(255, tf.uint8), alpha)
    opaque = tf.reduce_all(alpha == 255)
    return tf.cond(opaque, lambda: colours, lambda: _on_white(colours, alpha))


def _on_white(colours: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
    """Return (colours * alpha + 255 * (255 - alpha)) / 255, rounded to the nearest; all uint8."""
    colours, alpha = tf.cast(colours, tf.uint16), tf.cast(alpha, tf.uint16)
    return tf.cast((colours * alpha + 255 * (255 - alpha) + 127) // 255, tf.uint8)


def _decode_other(encoded: tf.Tensor) -> tf.Tensor:
    return tf.cond(
        _begins(encoded, b"GIF8"),
        lambda: tf.io.decode_image(encoded, channels=3, expand_animations=False),
        lambda: _decode_bmp(encoded),
    )


def _decode_bmp(encoded: tf.Tensor) -> tf.Tensor:
    """Decode a BMP without palette; TensorFlow would take the indices of a palette for grey.

    The check of the first bytes also refuses WebP and JPEG XL, which `decode_bmp` of a recent
    TensorFlow decodes and that of earlier ones does not.
    """
    plain = tf.reduce_any(_part(encoded, 28, 6) == _BMP_PLAIN)
    check = tf.debugging.Assert(
        tf.logical_and(_begins(encoded, b"BM"), plain),
        [
            "expected a JPEG, PNG or GIF, or a BMP of 24 or 32 bits a pixel, uncompressed; got "
            "something else, of this many bytes:",
            tf.strings.length(encoded),
        ],
    )
    with tf.control_dependencies([check]):
        return tf.io.decode_bmp(encoded, channels=3)


def _fit(size: tuple[int, int], crop: Crop) -> _Fit:
    if crop not in get_args(Crop):
        raise RecipeError(f'expected a crop of {", ".join(get_args(Crop))}, got "{crop}"')
    if len(size) != 2 or min(size) < 1:
        raise RecipeError(f"expected a size of (height, width), each at least 1, got {size}")
    fits: dict[Crop, _Fit] = {
        "centre": lambda image: _centre(image, size),
        "pad": lambda image: pad(image, size),
        "stretch": lambda image: (resize(image, size), tf.constant([0.0, 0.0, 1.0, 1.0])),
    }
    return fits[crop]


def _centre(image: tf.Tensor, size: tuple[int, int]) -> tuple[tf.Tensor, tf.Tensor]:
    shape = tf.shape(image)[:2]
    window = central_window(shape, size[0] / size[1])
    pixels = resize(crop_window(image, window), size)
    return pixels, relative_window(shape, window[:2], window[2:])


def _pixels_spec(size: tuple[int, int]) -> tf.TensorSpec:
    return tf.TensorSpec([*size, 3], tf.uint8)
