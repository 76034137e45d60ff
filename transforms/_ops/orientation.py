"""Exif orientation of JPEGs, as TensorFlow operations on their bytes.

Cameras store pictures in sensor orientation, and how to rotate them in the Exif segment of the
file. TensorFlow decodes a picture without rotating it. The eight values of the Exif tag
Orientation (0x0112) and their meaning:

    1  nothing                      5  transpose
    2  flip left to right           6  rotate 90 degrees clockwise
    3  rotate 180 degrees           7  transpose, then rotate 180 degrees
    4  flip upside down             8  rotate 90 degrees counter-clockwise

Sources: JPEG (ITU-T T.81, annex B) for the segments; Exif (CIPA DC-008) for the tag; TIFF 6.0 for
its directory.
"""

from __future__ import annotations

import tensorflow as tf

from .. import boxes as box_ops

__all__ = ["jpeg_orientation", "upright", "upright_boxes"]

_START_OF_IMAGE, _COMMENT = 0xFFD8, 0xFFFE
_APP0, _APP1, _APP15 = 0xFFE0, 0xFFE1, 0xFFEF
_EXIF = (0x4578, 0x6966, 0x0000)
_MAX_SEGMENTS = 32
_LITTLE_ENDIAN, _BIG_ENDIAN, _TIFF = 0x4949, 0x4D4D, 42
_ORIENTATION, _SHORT = 0x0112, 3
_ENTRY_WORDS = 6
_TURNED = (
    r"\x12\x01\x03\x00\x01\x00\x00\x00[\x02-\x08]",
    r"\x01\x12\x00\x03\x00\x00\x00\x01\x00[\x02-\x08]",
)
"""Patterns of a directory entry in both byte orders: tag, type SHORT, one value, above 1."""


def jpeg_orientation(encoded: tf.Tensor) -> tf.Tensor:
    """Read the Exif orientation of a JPEG.

    The Exif segment is searched among the first 32 application and comment segments at the head
    of the file. Only a single value of the type SHORT counts; of several tags in the first
    directory, the last.

    Args:
      encoded: The bytes of a file; a scalar string.

    Returns:
      int32 scalar in 1 to 8. 1 for a JPEG without an orientation, for a damaged or truncated Exif
      segment, for another number, and for bytes that are no JPEG: never an error.

    >>> int(jpeg_orientation(b"no JPEG"))
    1
    """
    encoded = tf.convert_to_tensor(encoded)
    # Most pictures are upright, and a walk through the segments of a file takes much longer.
    return tf.cond(_has_entry(encoded), lambda: _orientation(encoded), lambda: tf.constant(1))


def upright(image: tf.Tensor, orientation: tf.Tensor | int) -> tf.Tensor:
    """Rotate and flip an image by its orientation.

    Args:
      image: Pixels of any dtype, [height, width, channels], as stored.
      orientation: A scalar in 1 to 8.

    Returns:
      Pixels of the same dtype: [width, height, channels] for an orientation of 5 or more, else
      [height, width, channels].

    >>> upright(tf.constant([[[1], [2], [3]]], tf.uint8), 6)[..., 0].numpy().tolist()
    [[1], [2], [3]]
    """
    image = tf.convert_to_tensor(image)
    orientation = tf.convert_to_tensor(orientation)

    def turned() -> tf.Tensor:
        exchanged = tf.cond(orientation >= 5, lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
        dims = tf.stack([*_mirrored(orientation), tf.constant(False)])
        return tf.raw_ops.Reverse(tensor=exchanged, dims=dims)

    return tf.cond(orientation == 1, lambda: image, turned)


def upright_boxes(boxes: tf.Tensor, orientation: tf.Tensor | int) -> tf.Tensor:
    """Convert boxes of the stored image to boxes of the upright image.

    Args:
      boxes: float32 [..., 4]: ymin, xmin, ymax, xmax, relative to the stored image.
      orientation: A scalar in 1 to 8.

    Returns:
      float32 [..., 4], relative to the upright image.

    >>> upright_boxes([[0.0, 0.25, 0.5, 0.75]], 6).numpy().tolist()
    [[0.25, 0.5, 0.75, 1.0]]
    """
    boxes = tf.convert_to_tensor(boxes, tf.float32)
    orientation = tf.convert_to_tensor(orientation)
    boxes = tf.where(orientation >= 5, tf.gather(boxes, [1, 0, 3, 2], axis=-1), boxes)
    rows, columns = _mirrored(orientation)
    boxes = tf.where(rows, box_ops.flip_vertically(boxes), boxes)
    return tf.where(columns, box_ops.flip_horizontally(boxes), boxes)


def _mirrored(orientation: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return whether to reverse the rows, and the columns, after transposition."""
    rows = tf.reduce_any(orientation == tf.constant([3, 4, 7, 8], orientation.dtype))
    columns = tf.reduce_any(orientation == tf.constant([2, 3, 6, 7], orientation.dtype))
    return rows, columns


def _has_entry(encoded: tf.Tensor) -> tf.Tensor:
    """Return whether the bytes contain an entry of an orientation above 1, in either byte order."""
    entries = [
        tf.strings.regex_replace(encoded, entry, "", replace_global=False) for entry in _TURNED
    ]
    lengths = tf.stack([tf.strings.length(without) for without in entries])
    return tf.reduce_any(lengths < tf.strings.length(encoded))


def _orientation(encoded: tf.Tensor) -> tf.Tensor:
    """Return the orientation in the segments of a file, else 1."""
    is_jpeg = _words(encoded, 0, 1)[0] == _START_OF_IMAGE
    first = _segment(encoded, tf.where(is_jpeg, 2, tf.strings.length(encoded)))
    start, words = tf.while_loop(
        lambda _, words: tf.logical_and(_is_skippable(words), tf.logical_not(_is_exif(words))),
        lambda start, words: _next_segment(encoded, start, words),
        first,
        maximum_iterations=_MAX_SEGMENTS - 1,
    )
    return tf.cond(
        _is_exif(words),
        lambda: _tiff_orientation(encoded, start + 10, start + 2 + words[1]),
        lambda: tf.constant(1),
    )


def _segment(encoded: tf.Tensor, start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the start of a segment, and its marker, its length and three words of its data."""
    return start, _words(encoded, start, 5)


def _next_segment(
    encoded: tf.Tensor, start: tf.Tensor, words: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    return _segment(encoded, start + 2 + words[1])


def _is_skippable(words: tf.Tensor) -> tf.Tensor:
    """Return whether a segment can precede the Exif one: of an application, or a comment."""
    application = tf.logical_and(words[0] >= _APP0, words[0] <= _APP15)
    return tf.logical_or(application, words[0] == _COMMENT)


def _is_exif(words: tf.Tensor) -> tf.Tensor:
    return tf.logical_and(words[0] == _APP1, tf.reduce_all(words[2:] == _EXIF))


def _tiff_orientation(encoded: tf.Tensor, start: tf.Tensor, end: tf.Tensor) -> tf.Tensor:
    """Return the orientation in the first directory of the TIFF structure at [start, end), else 1.

    Words are read high byte first, and swapped where the structure is little-endian. No offset or
    count of the file is trusted: all are limited to the bytes before `end`.
    """
    words = _words(encoded, start, 4)
    little = words[0] == _LITTLE_ENDIAN
    _, magic, *offset = tf.unstack(_in_order(words, little))
    near, far = tf.unstack(tf.where(little, offset, offset[::-1]))
    directory = start + near
    ordered = tf.logical_or(little, words[0] == _BIG_ENDIAN)
    good = tf.reduce_all([ordered, magic == _TIFF, far == 0])
    announced = _in_order(_words(encoded, directory, 1), little)[0]
    room = (end - directory - 2) // (2 * _ENTRY_WORDS)
    count = tf.where(good, tf.maximum(tf.minimum(announced, room), 0), 0)
    numbers = _in_order(_words(encoded, directory + 2, _ENTRY_WORDS * tf.maximum(count, 1)), little)
    entries = tf.reshape(numbers, [-1, _ENTRY_WORDS])[:count]
    wanted = tf.where(little, [_ORIENTATION, _SHORT, 1, 0], [_ORIENTATION, _SHORT, 0, 1])
    matches = tf.reduce_all(entries[:, :4] == wanted, axis=1)
    last = tf.concat([[1], tf.boolean_mask(entries[:, 4], matches)], axis=0)[-1]
    return tf.where(tf.logical_and(last >= 1, last <= 8), last, 1)


def _in_order(words: tf.Tensor, little: tf.Tensor) -> tf.Tensor:
    """Swap the bytes of 16-bit numbers, read high byte first, of a little-endian structure."""
    return tf.where(little, words % 256 * 256 + words // 256, words)


def _words(encoded: tf.Tensor, start: tf.Tensor | int, count: tf.Tensor | int) -> tf.Tensor:
    """Read 16-bit numbers from a byte on, high byte first; int32 [count], 0 past the end."""
    start = tf.minimum(start, tf.strings.length(encoded))
    data = tf.strings.substr(encoded, start, 2 * count)
    words = tf.io.decode_raw(data, tf.uint16, little_endian=False, fixed_length=2 * count)
    return tf.cast(words, tf.int32)
