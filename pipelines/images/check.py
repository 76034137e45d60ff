"""The bytes of an image file into facts and bytes that the transform graph decodes, or why not.

The idea: nothing is decoded before its header has passed our limits, and nothing is stored that
was not decoded without an error. There are two ways:

    open_image     asks the header alone, for whoever decodes the image next and asks `check_image`
                   what is wrong where that fails
    check_image    decodes the image to its last byte, for whoever passes it on as it is

So a bad file is one reject, and never an error of the batch it would have stood in.

Only a grey or three-colour JPEG, and a PNG without an EXIF orientation, go to the graph as they
are: there TensorFlow alone follows the one rule for pixels. All else is brought to an upright PNG
in RGB by the same rule: grey is replicated; a palette becomes its colours; transparency is laid
on white, but of a GIF on black; of 16-bit samples the high byte is kept; the first frame counts.

Nothing global is set, of Pillow neither: its classes are called directly, so that its own limit
(`Image.MAX_IMAGE_PIXELS`, a warning and then an error) is never asked. Decoding is done by
TensorFlow and Pillow outside the GIL; both ways may be called from many threads.
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
    reduced,
    scale_of,
    turned,
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
"""What a file begins with, from which byte on, and what reads it."""

_READ = "JPEG, PNG, GIF, BMP, TIFF, WebP, AVIF, JPEG 2000 or PPM"

_UNREAD = (
    ((b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1"), 4, "HEIC"),
    ((b"\xff\x0a", b"\0\0\0\x0cJXL "), 0, "JPEG XL"),
    ((b"8BPS",), 0, "Photoshop"),
    ((b"%!PS",), 0, "PostScript"),
)
"""The same of images that are not read, and their names."""

_TURNED = re.compile(rb"\x12\x01\x03\0\x01\0\0\0[\x02-\x08]|\x01\x12\0\x03\0\0\0\x01\0[\x02-\x08]")
"""An EXIF entry, in either byte order: tag 0x0112, type SHORT, one value, above 1."""


class BadImage(DataError):
    """A file that is no image we can use.

    Attributes:
      reason: A short slug that the ledger counts by: "empty_file", "not_an_image",
        "too_many_bytes", "too_many_pixels", "truncated", "undecodable" or "unsupported_format".
      message: What was expected, what was got, and what to do.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class OpenedImage:
    """What the header of an image says, and the bytes for the graph.

    Attributes:
      encoded: The bytes for the graph: those of the file, with an end marker put on where a JPEG
        lacks nothing else; or of a PNG in RGB, upright.
      format: Of the file, as Pillow calls it, such as "JPEG".
      converted: Whether `encoded` is not the file's own bytes.
      width: Of the upright picture, in pixels; `height` likewise.
      height: See `width`.
      orientation: EXIF's, 1 to 8, as in the file; 1 where there is none.
      lacks_end_marker: Whether the file is a JPEG without its end marker, and whole otherwise.
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
    """An image that TensorFlow decodes, and what was found of it."""


def open_image(data: bytes, *, limits: ImageLimits) -> OpenedImage:
    """Check the header of an image file, and convert what TensorFlow does not decode by our rule.

    Nothing else is decoded, but of a JPEG without an end marker, or of several scans.

    Args:
      data: The whole file.
      limits: What is too large.

    Raises:
      BadImage: The file is not an image that can be used. The pixels of those that are not
        converted can still be damaged.
    """
    image, orientation = _header(data, limits)
    if not _goes_on_as_it_is(image, orientation):
        return _converted(image, orientation, data)[0]
    if image.format == "PNG" and _is_cut(data, image.format):
        check_image(data, limits=limits)
    return _unchanged(image, orientation, data)


def check_image(data: bytes, *, limits: ImageLimits, thorough: bool = False) -> CheckedImage:
    """Check the bytes of an image file, and convert what TensorFlow does not decode by our rule.

    In this order: the size of the file; its header; the number of pixels; all of the compressed
    pixels. A whole JPEG with wrong bits in its pixels can pass: the format has no checksum.

    Args:
      data: The whole file.
      limits: What is too large.
      thorough: Whether a JPEG is decoded twice more, to find data missing in its last block.

    Returns:
      The facts, and what the graph gets.

    Raises:
      BadImage: The file is not an image that can be used. Nothing else is raised, whatever the
        bytes are.
    """
    image, orientation = _header(data, limits)
    if not _goes_on_as_it_is(image, orientation):
        opened, pixels = _converted(image, orientation, data)
        (look,) = compute_appearance([pixels])
        return CheckedImage(**vars(opened), **vars(look))
    opened = _unchanged(image, orientation, data)
    try:
        small = _small(opened.encoded, image)
    except tf.errors.OpError as error:
        raise _broken(data, image.format, error) from error
    if thorough or (image.format == "JPEG" and _ends_in_grey(small, scale_of(image.size))):
        _ended(image, data, thorough=True)
    (look,) = appearances(small[np.newaxis], image.size, orientation)
    return CheckedImage(**vars(opened), **vars(look))


def read_header(data: bytes, *, limits: ImageLimits) -> tuple[tuple[int, int], int]:
    """Return the (width, height) of the upright picture, and EXIF's orientation, 1 to 8.

    Of a JPEG, `data` can end where its pixels begin. Raises BadImage as `open_image` does.
    """
    image, orientation = _header(data, limits)
    is_upright = orientation < 5 or image.format == "TIFF"  # which Pillow has turned already
    return (image.size if is_upright else image.size[::-1]), orientation


def _header(data: bytes, limits: ImageLimits) -> tuple[ImageFile.ImageFile, int]:
    """A file whose header is good and within the limits, and its orientation."""
    check_bytes(len(data), limits)
    image = _opened(data)
    _check_pixels(image, limits)
    return image, _orientation(image, data)


def _goes_on_as_it_is(image: Image.Image, orientation: int) -> bool:
    if image.format == "JPEG":
        return image.mode != "CMYK"
    return image.format == "PNG" and orientation == 1


def _unchanged(image: Image.Image, orientation: int, data: bytes) -> OpenedImage:
    encoded = _ended(image, data)
    size = image.size if orientation < 5 else image.size[::-1]
    ended = encoded is not data
    return OpenedImage(encoded, image.format or "", False, *size, orientation, ended)


def _ended(image: Image.Image, data: bytes, *, thorough: bool = False) -> bytes:
    """The bytes of a file, of a JPEG with an end marker; BadImage where data is missing."""
    if image.format != "JPEG":
        return data
    ended = with_end_marker(data, thorough=thorough)
    if ended is None:
        raise _cut(data, "JPEG")
    return ended


def _converted(
    image: ImageFile.ImageFile, orientation: int, data: bytes
) -> tuple[OpenedImage, Pixels]:
    """An image as a PNG, and its pixels; Pillow has turned a TIFF already."""
    file = _ended(image, data, thorough=True)
    try:
        pixels = np.asarray(decode(data) if image.format == "PNG" else _rgb(_opened(file), data))
    except tf.errors.OpError as error:
        raise _broken(data, image.format, error) from error
    pixels = pixels if image.format == "TIFF" else turned(pixels, orientation)
    encoded = tf.io.encode_png(pixels, compression=1).numpy()
    height, width, _ = pixels.shape
    format, ended = image.format or "", file is not data
    return OpenedImage(encoded, format, True, width, height, orientation, ended), pixels


def check_bytes(size: int, limits: ImageLimits) -> None:
    """Raise BadImage where a file of that size is not to be read."""
    if not size:
        raise BadImage("empty_file", "expected an image, got an empty file; restore or remove it")
    if size > limits.max_bytes:
        raise BadImage(
            "too_many_bytes",
            f"expected at most {limits.max_bytes:,} bytes, got {size:,}; "
            "raise max_bytes if this is meant",
        )


def _check_pixels(image: Image.Image, limits: ImageLimits) -> None:
    pixels = image.width * image.height
    if pixels > limits.max_pixels:
        raise BadImage(
            "too_many_pixels",
            f"expected at most {limits.max_pixels:,} pixels, got {pixels:,} "
            f"({image.width} x {image.height}); raise max_pixels if this is meant",
        )


def _opened(data: bytes) -> ImageFile.ImageFile:
    """The header of an image; nothing is decoded."""
    for beginnings, start, reader in _READERS:
        if data.startswith(beginnings, start):
            try:
                return reader(io.BytesIO(data))
            except Exception as error:
                raise _broken(data, reader.format, error) from error
    for beginnings, start, name in _UNREAD:
        if data.startswith(beginnings, start):
            raise BadImage(
                "unsupported_format", f"expected {_READ}, got {name}; convert it to one of these"
            )
    raise BadImage(
        "not_an_image", f"expected {_READ}, got {describe_bytes(data)}; restore or remove the file"
    )


_graph_orientation = tf.function(
    jpeg_orientation, input_signature=[tf.TensorSpec([], tf.string)], autograph=False
)
_SMALL_SPECS = [tf.TensorSpec([None, None, 3], tf.uint8), tf.TensorSpec([], tf.int32)]
_ends_in_grey = tf.function(ends_in_grey, input_signature=_SMALL_SPECS, autograph=False)


def _orientation(image: ImageFile.ImageFile, data: bytes) -> int:
    """EXIF's orientation, 1 to 8; 1 where there is none, or none that can be read.

    Of a JPEG it is what the graph will find, which is asked only where it can matter. In a PNG it
    can stand behind the pixels, so that Pillow decodes them to find it.
    """
    if image.format == "JPEG":
        turned = _TURNED.search(image.info.get("exif", b""))
        return int(_graph_orientation(data)) if turned else 1
    value = 1
    if image.format != "PNG" or b"eXIf" in data:
        with suppress(Exception):
            value = image.getexif().get(ExifTags.Base.Orientation, 1)
    return value if value in range(1, 9) else 1


def _small(data: bytes, image: Image.Image) -> Pixels:
    """The pixels at a reduced scale, not upright; all of the compressed stream is read for them.

    A tensor, and a float where one is expected, spare TensorFlow's slow way to an operation.
    """
    if image.format == "PNG":
        return reduced(np.asarray(decode(data)))
    file, scale = tf.constant(data), scale_of(image.size)
    return np.asarray(tf.io.decode_jpeg(file, channels=3, ratio=scale, acceptable_fraction=1.0))


def _rgb(image: ImageFile.ImageFile, data: bytes) -> Pixels:
    """The pixels that Pillow decodes, in RGB."""
    try:
        image.load()
        return np.asarray(_opaque(image))
    except BadImage:
        raise
    except Exception as error:
        raise _broken(data, image.format, error) from error


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or (image.mode, image.format) == ("I", "PPM"):
        # convert() would make 255 of all that is above 255
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise BadImage(
            "unsupported_format",
            f"expected 8 or 16 bits a sample, got a {image.format} with 32, whose range is not "
            "known; convert it to PNG",
        )
    if not image.has_transparency_data:
        return image.convert("RGB")
    # Served as it is, a GIF comes out of TensorFlow with black where it is transparent.
    ground = Image.new("RGBA", image.size, "black" if image.format == "GIF" else "white")
    return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")


def _broken(data: bytes, format: str | None, error: Exception) -> BadImage:
    """What is wrong with an image that does not decode."""
    fault = str(getattr(error, "message", error)) or type(error).__name__
    if _is_cut(data, format) or "truncated" in fault.lower():
        return _cut(data, format)
    told = fault.rpartition("}} ")[2].partition(" [Op:")[0]
    return BadImage(
        "undecodable",
        f"expected a {format} that can be decoded, got {len(data):,} bytes with this fault: "
        f"{told}; restore or remove the file",
    )


def _cut(data: bytes, format: str | None) -> BadImage:
    return BadImage(
        "truncated",
        f"expected a whole {format}, got one that stops before its end, after {len(data):,} bytes; "
        "copy or download the file again",
    )


def _is_cut(data: bytes, format: str | None) -> bool:
    """Whether the end of a file is missing, where the format tells."""
    if format == "JPEG":
        return not data.rstrip(b"\0\r\n").endswith(b"\xff\xd9")
    if format == "PNG":
        return b"IEND" not in data
    if format == "WEBP":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    return False
