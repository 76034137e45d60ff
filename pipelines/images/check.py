"""Check image files, and convert those that the transform graph does not decode by our rule.

No image is decoded before its header has passed the limits, and none is stored that was not decoded
without an error. There are two entry points:

    open_image     reads the header only, for a caller that decodes the image itself and calls
                   `check_image` for the reason where that fails
    check_image    decodes the image to its last byte, for a caller that stores it as it is

So a bad file is one reject, and never an error of its batch.

Only a grey or three-colour JPEG, and a PNG without an EXIF orientation, go to the graph unchanged:
for them TensorFlow alone follows the rule for pixels. All others become an upright PNG in RGB by
the same rule: grey is replicated; a palette becomes its colours; transparency is blended with
white, but of a GIF with black; 16-bit samples keep their high byte; the first frame counts.

No global state is changed. The classes of Pillow are called directly, which bypasses its own limit
(`Image.MAX_IMAGE_PIXELS`, a warning and then an error). TensorFlow and Pillow decode outside the
GIL; both entry points may be called from many threads.
"""

from __future__ import annotations

import io
import re
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf
from PIL import ExifTags, Image, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from ...schemas.errors import DataError
from ...transforms._ops.jpeg import ends_in_grey
from ...transforms._ops.orientation import jpeg_orientation
from ...transforms.images import decode
from ..config.image_limits import ImageLimits
from .appearance import (
    Appearance,
    Pixels,
    appearances,
    compute_appearance,
    downscale,
    orient,
    reduction,
)
from .jpeg import with_end_marker
from .other_files import describe_bytes

__all__ = [
    "BadImage",
    "CheckedImage",
    "OpenedImage",
    "check_bytes",
    "check_image",
    "open_image",
    "read_header",
]

_READERS: tuple[tuple[tuple[bytes, ...], int, type[ImageFile.ImageFile]], ...] = (
    ((b"\xff\xd8\xff",), 0, JpegImageFile),
    ((b"\x89PNG\r\n\x1a\n",), 0, PngImageFile),
    ((b"GIF87a", b"GIF89a"), 0, GifImageFile),
    ((b"BM",), 0, BmpImageFile),
    ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), 0, TiffImageFile),
    ((b"WEBP",), 8, WebPImageFile),
    ((b"ftypavif", b"ftypavis"), 4, AvifImageFile),
    ((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n"), 0, Jpeg2KImageFile),
    ((b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"), 0, PpmImageFile),
)
"""First bytes of each format, their offset, and the class that reads it."""

_FORMATS = "JPEG, PNG, GIF, BMP, TIFF, WebP, AVIF, JPEG 2000 or PPM"

_UNSUPPORTED = (
    ((b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1"), 4, "HEIC"),
    ((b"\xff\x0a", b"\0\0\0\x0cJXL "), 0, "JPEG XL"),
    ((b"8BPS",), 0, "Photoshop"),
    ((b"%!PS",), 0, "PostScript"),
)
"""First bytes of formats that are not supported, their offset, and their names."""

_TURNED_EXIF = re.compile(
    rb"\x12\x01\x03\0\x01\0\0\0[\x02-\x08]|\x01\x12\0\x03\0\0\0\x01\0[\x02-\x08]"
)
"""EXIF entry of an orientation above 1, in either byte order: tag 0x0112, SHORT, one value."""


class BadImage(DataError):
    """Raised for a file that is not a usable image.

    Attributes:
      reason: Slug that the ledger counts by: "empty_file", "not_an_image", "too_many_bytes",
        "too_many_pixels", "truncated", "undecodable" or "unsupported_format".
      message: Expected and actual content, and a cure.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class OpenedImage:
    """Image whose header is good, and its bytes for the graph.

    Attributes:
      encoded: Bytes for the graph: those of the file, with an end marker appended where a JPEG
        lacks nothing else; or those of an upright PNG in RGB.
      format: Format of the file, by Pillow's name, such as "JPEG".
      converted: Whether the image was converted to PNG.
      width: Width of the upright picture, in pixels.
      height: Height of the upright picture, in pixels.
      orientation: EXIF orientation in the file, 1 to 8; 1 where there is none.
      lacks_end_marker: Whether the file is a JPEG that lacks its end marker and nothing else.
    """

    encoded: bytes = field(repr=False)
    format: str
    converted: bool
    width: int
    height: int
    orientation: int
    lacks_end_marker: bool = False


@dataclass(frozen=True)
class CheckedImage(OpenedImage, Appearance):
    """Image that TensorFlow decodes, and its appearance."""


def open_image(data: bytes, *, limits: ImageLimits) -> OpenedImage:
    """Check the header of an image file, and convert what TensorFlow does not decode by our rule.

    No other image is decoded, except a JPEG without an end marker or of several scans.

    Args:
      data: Bytes of the file.
      limits: Limits of size.

    Raises:
      BadImage: The file is not a usable image. The pixels of an image that is not converted may
        still be damaged.
    """
    image, orientation = _header(data, limits)
    if not _is_decoded_by_graph(image, orientation):
        return _convert(image, orientation, data)[0]
    if image.format == "PNG" and _is_cut(data, image.format):
        check_image(data, limits=limits)
    return _unchanged(image, orientation, data)


def check_image(data: bytes, *, limits: ImageLimits, thorough: bool = False) -> CheckedImage:
    """Check the bytes of an image file, and convert what TensorFlow does not decode by our rule.

    The checks are, in order: the size of the file, its header, the number of pixels, all of the
    compressed pixels. A complete JPEG with wrong bits may pass: the format has no checksum.

    Args:
      data: Bytes of the file.
      limits: Limits of size.
      thorough: Whether to decode a JPEG twice more, to find data missing in its last block.

    Raises:
      BadImage: The file is not a usable image. Nothing else is raised, whatever the bytes.
    """
    image, orientation = _header(data, limits)
    if not _is_decoded_by_graph(image, orientation):
        opened, pixels = _convert(image, orientation, data)
        (appearance,) = compute_appearance([pixels])
        return CheckedImage(**vars(opened), **vars(appearance))
    opened = _unchanged(image, orientation, data)
    try:
        small = _small(opened.encoded, image)
    except tf.errors.OpError as error:
        raise _decoding_error(data, image.format, error) from error
    # libjpeg fills missing data with grey, so only such an end needs the slow test.
    if thorough or (image.format == "JPEG" and _ends_in_grey(small, reduction(image.size))):
        _with_end(image, data, thorough=True)
    (appearance,) = appearances(small[np.newaxis], image.size, orientation)
    return CheckedImage(**vars(opened), **vars(appearance))


def read_header(data: bytes, *, limits: ImageLimits) -> tuple[tuple[int, int], int]:
    """Return the (width, height) of the upright picture, and the EXIF orientation, 1 to 8.

    Of a JPEG, the bytes before its pixels are enough. Raises BadImage as `open_image` does.
    """
    image, orientation = _header(data, limits)
    is_upright = orientation < 5 or image.format == "TIFF"  # Pillow turns TIFF itself
    return (image.size if is_upright else image.size[::-1]), orientation


def _header(data: bytes, limits: ImageLimits) -> tuple[ImageFile.ImageFile, int]:
    """Open a file, and check its header against the limits; return it with its orientation."""
    check_bytes(len(data), limits)
    image = _opened(data)
    _check_pixels(image, limits)
    return image, _orientation(image, data)


def _is_decoded_by_graph(image: Image.Image, orientation: int) -> bool:
    """Return whether TensorFlow decodes an image by our rule for pixels."""
    if image.format == "JPEG":
        return image.mode != "CMYK"
    return image.format == "PNG" and orientation == 1


def _unchanged(image: Image.Image, orientation: int, data: bytes) -> OpenedImage:
    encoded = _with_end(image, data)
    size = image.size if orientation < 5 else image.size[::-1]
    lacks_end = encoded is not data
    return OpenedImage(encoded, image.format or "", False, *size, orientation, lacks_end)


def _with_end(image: Image.Image, data: bytes, *, thorough: bool = False) -> bytes:
    """Return the bytes of a file, of a JPEG with an end marker; BadImage where data is missing."""
    if image.format != "JPEG":
        return data
    complete = with_end_marker(data, thorough=thorough)
    if complete is None:
        raise _truncated(data, "JPEG")
    return complete


def _convert(
    image: ImageFile.ImageFile, orientation: int, data: bytes
) -> tuple[OpenedImage, Pixels]:
    """Convert an image to an upright PNG in RGB; return it and its pixels."""
    file = _with_end(image, data, thorough=True)
    try:
        pixels = np.asarray(decode(data) if image.format == "PNG" else _rgb(_opened(file), data))
    except tf.errors.OpError as error:
        raise _decoding_error(data, image.format, error) from error
    # Pillow turns TIFF itself.
    pixels = pixels if image.format == "TIFF" else orient(pixels, orientation)
    encoded = tf.io.encode_png(pixels, compression=1).numpy()
    height, width, _ = pixels.shape
    format, lacks_end = image.format or "", file is not data
    return OpenedImage(encoded, format, True, width, height, orientation, lacks_end), pixels


def check_bytes(size: int, limits: ImageLimits) -> None:
    """Raise BadImage for the size of a file that is empty or too large to read."""
    if not size:
        raise BadImage("empty_file", "expected an image, got an empty file; restore or remove it")
    if size > limits.max_bytes:
        raise BadImage(
            "too_many_bytes",
            f"expected at most {limits.max_bytes:,} bytes, got {size:,}; "
            "raise max_bytes if this is intended",
        )


def _check_pixels(image: Image.Image, limits: ImageLimits) -> None:
    pixels = image.width * image.height
    if pixels > limits.max_pixels:
        raise BadImage(
            "too_many_pixels",
            f"expected at most {limits.max_pixels:,} pixels, got {pixels:,} "
            f"({image.width} x {image.height}); raise max_pixels if this is intended",
        )


def _opened(data: bytes) -> ImageFile.ImageFile:
    """Read the header of an image, without decoding it."""
    for beginnings, start, reader in _READERS:
        if data.startswith(beginnings, start):
            try:
                return reader(io.BytesIO(data))
            except Exception as error:
                raise _decoding_error(data, reader.format, error) from error
    for beginnings, start, name in _UNSUPPORTED:
        if data.startswith(beginnings, start):
            raise BadImage(
                "unsupported_format", f"expected {_FORMATS}, got {name}; convert it to one of these"
            )
    raise BadImage(
        "not_an_image",
        f"expected {_FORMATS}, got {describe_bytes(data)}; restore or remove the file",
    )


_graph_orientation = tf.function(
    jpeg_orientation, input_signature=[tf.TensorSpec([], tf.string)], autograph=False
)
_SMALL_SPECS = [tf.TensorSpec([None, None, 3], tf.uint8), tf.TensorSpec([], tf.int32)]
_ends_in_grey = tf.function(ends_in_grey, input_signature=_SMALL_SPECS, autograph=False)


def _orientation(image: ImageFile.ImageFile, data: bytes) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where there is none, or none that can be read.

    Of a JPEG it is that of the graph, which is slow and called only where EXIF may turn the image.
    In a PNG it may be after the pixels, and then Pillow decodes them to find it.
    """
    if image.format == "JPEG":
        may_turn = _TURNED_EXIF.search(image.info.get("exif", b""))
        return int(_graph_orientation(data)) if may_turn else 1
    value = 1
    if image.format != "PNG" or b"eXIf" in data:
        with suppress(Exception):
            value = image.getexif().get(ExifTags.Base.Orientation, 1)
    return value if value in range(1, 9) else 1


def _small(data: bytes, image: Image.Image) -> Pixels:
    """Decode stored pixels at a reduced scale, not upright; this reads all of the compressed data.

    Arguments of the very types of the operation, a tensor and a float, take TensorFlow's fast path.
    """
    if image.format == "PNG":
        return downscale(np.asarray(decode(data)))
    file, scale = tf.constant(data), reduction(image.size)
    return np.asarray(tf.io.decode_jpeg(file, channels=3, ratio=scale, acceptable_fraction=1.0))


def _rgb(image: ImageFile.ImageFile, data: bytes) -> Pixels:
    """Decode an image with Pillow, in RGB."""
    try:
        image.load()
        return np.asarray(_opaque(image))
    except BadImage:
        raise
    except Exception as error:
        raise _decoding_error(data, image.format, error) from error


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or (image.mode, image.format) == ("I", "PPM"):
        # convert() would clip samples to 255
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise BadImage(
            "unsupported_format",
            f"expected 8 or 16 bits a sample, got a {image.format} with 32, whose range is "
            "unknown; convert it to PNG",
        )
    if not image.has_transparency_data:
        return image.convert("RGB")
    # In a request, TensorFlow decodes the transparent parts of a GIF to black.
    ground = Image.new("RGBA", image.size, "black" if image.format == "GIF" else "white")
    return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")


def _decoding_error(data: bytes, format: str | None, error: Exception) -> BadImage:
    """Return the error of an image that cannot be decoded, with the reason of the decoder."""
    fault = str(getattr(error, "message", error)) or type(error).__name__
    if _is_cut(data, format) or "truncated" in fault.lower():
        return _truncated(data, format)
    reason = fault.rpartition("}} ")[2].partition(" [Op:")[0]  # without TensorFlow's decoration
    return BadImage(
        "undecodable",
        f"expected a {format} that can be decoded, got {len(data):,} bytes with this fault: "
        f"{reason}; restore or remove the file",
    )


def _truncated(data: bytes, format: str | None) -> BadImage:
    return BadImage(
        "truncated",
        f"expected a complete {format}, got one that ends too soon, after {len(data):,} bytes; "
        "copy or download the file again",
    )


def _is_cut(data: bytes, format: str | None) -> bool:
    """Return whether the end of a file is missing, for formats that mark it."""
    if format == "JPEG":
        return not data.rstrip(b"\0\r\n").endswith(b"\xff\xd9")
    if format == "PNG":
        return b"IEND" not in data
    if format == "WEBP":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    return False
