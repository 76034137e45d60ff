"""Refuses JPEGs that end before the data of their last pixels, as TensorFlow operations.

From a file that was truncated and then ended by an end marker, libjpeg decodes the available data,
fills the rest with mid-grey, and warns; TensorFlow drops the warning. But a complete picture does
not depend on bytes between its data and its end marker, while a decoder that lacks data reads on:
with `FILLING` in that position it decodes other pixels. That second decoding is needed only where
the last block of the picture is mid-grey, as libjpeg leaves it.

Source: JPEG (ITU-T T.81, annexes B and F); libjpeg-turbo, jdhuff.c (`insufficient_data`).
"""

from __future__ import annotations

import tensorflow as tf

__all__ = ["END", "FILLING", "GUARD", "ends_in_grey", "refuse_cut"]

END = b"\xff\xd9"
"""End marker."""

FILLING = b"".join(
    bytes((index * 167 + marker * 13) % 251 + 1 for index in range(32)) + bytes([0xFF, marker])
    for marker in range(0xD0, 0xD8)
)
"""Bytes like compressed pixels, and all eight restart markers, since the next one is unknown."""

GUARD = "refuse_cut_jpeg"
"""Name scope of the operations of `refuse_cut` in a graph."""

_BLOCK = 8
_GREY, _GREY_RANGE = 128.0, 1.5
_LUMA = (0.299, 0.587, 0.114)
_MARKER, _START_OF_SCAN = 0xFF, 0xDA


def refuse_cut(image: tf.Tensor, encoded: tf.Tensor, ratio: tf.Tensor | int) -> tf.Tensor:
    """Return the image, or fail where the file lacks the data of its last pixels.

    Not detected are truncations inside the last block, and those of files of several scans, such
    as progressive ones, which lose detail and no part of the picture.

    Args:
      image: uint8 [height, width, 3]: the pixels of the file, before any rotation.
      encoded: The bytes of a JPEG that TensorFlow decodes; a scalar string.
      ratio: The ratio that the image was decoded with: 1, 2, 4 or 8.

    Returns:
      `image`.

    Raises:
      tf.errors.InvalidArgumentError: Data is missing.
    """
    with tf.name_scope(GUARD):
        complete = tf.cond(
            ends_in_grey(image, ratio), lambda: _is_complete(encoded), lambda: tf.constant(True)
        )
        message = "expected a whole JPEG, got one without its last pixels, of this many bytes:"
        check = tf.debugging.Assert(complete, [message, tf.strings.length(encoded)])
        with tf.control_dependencies([check]):
            return tf.identity(image)


def ends_in_grey(image: tf.Tensor, ratio: tf.Tensor | int) -> tf.Tensor:
    """Return whether the last block of a picture is mid-grey, as libjpeg leaves it without data.

    All of its luma must be mid-grey, and the last pixel without colour. At full size the colour of
    neighbours bleeds into the first row and column of a block, so for a last pixel in these only
    the luma is checked.

    Args:
      image: As in `refuse_cut`.
      ratio: As in `refuse_cut`.

    Returns:
      A bool scalar.
    """
    block = _BLOCK // ratio
    start = (tf.shape(image)[:2] - 1) // block * block
    last = image[start[0] :, start[1] :]
    luma = tf.tensordot(tf.cast(last, tf.float32), _LUMA, 1)
    bleeds = (block == _BLOCK) & tf.reduce_any(tf.shape(last)[:2] == 1)
    is_grey = tf.reduce_all(last[-1, -1] == int(_GREY)) | bleeds
    return tf.reduce_all(tf.abs(luma - _GREY) <= _GREY_RANGE) & is_grey


def _is_complete(encoded: tf.Tensor) -> tf.Tensor:
    """Return whether the pixels do not depend on filling bytes before the end marker."""
    data = tf.cast(tf.io.decode_raw(encoded, tf.uint8), tf.int32)
    scan = _scan(data)
    ends = tf.where((data[scan:-1] == END[0]) & (data[scan + 1 :] == END[1]))[:, 0]
    end = tf.concat([tf.cast(ends, tf.int32) + scan, [tf.size(data)]], axis=0)[0]
    # A cut between the two bytes of data 0xFF leaves the first, which would make a marker.
    end -= tf.cast(data[end - 1] == _MARKER, tf.int32)
    filled = tf.strings.join([tf.strings.substr(encoded, 0, end), FILLING, END])
    pixels = [tf.io.decode_jpeg(file, channels=3) for file in (encoded, filled)]
    return tf.reduce_all(pixels[0] == pixels[1])


def _scan(data: tf.Tensor) -> tf.Tensor:
    """Return the start of the first scan, behind the segments, which can embed another JPEG."""
    padded = tf.concat([data, [_MARKER, _START_OF_SCAN, 0, 0]], axis=0)

    def goes_on(start: tf.Tensor) -> tf.Tensor:
        return padded[start + 1] != _START_OF_SCAN

    def following(start: tf.Tensor) -> tuple[tf.Tensor]:
        # Any number of bytes 0xFF can precede a marker.
        length = 2 + 256 * padded[start + 2] + padded[start + 3]
        step = tf.where(padded[start + 1] == _MARKER, 1, length)
        return (tf.minimum(start + step, tf.size(data)),)

    return tf.while_loop(goes_on, following, (tf.constant(2),))[0]
