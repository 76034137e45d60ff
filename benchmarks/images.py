"""The images: the hotdog files or drawn ones, and any number of different files made of them.

copies    the same pixels, each file with a comment of its own
large     pictures of the size that cameras make, each of many of the small ones side by side
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

from PIL import Image, ImageOps

__all__ = ["copies", "hotdog", "large", "with_comment"]

_LARGE = (4000, 3000)
_TILES = 8
"""A large picture has as many small ones in each row, and as many rows."""

_DIFFERENT = 12
_CAMERA_QUALITY = 90

_START_OF_IMAGE = b"\xff\xd8"
_COMMENT = b"\xff\xfe"


def hotdog(folder: Path, sample: Path) -> tuple[Path, bool]:
    """The training images, a folder a class.

    Args:
      folder: Where the real ones are looked for: `hot_dog/*.jpg` and `not_hot_dog/*.jpg`.
      sample: A folder of drawn ones.

    Returns:
      The folder of the two, and whether it is that of the real ones.
    """
    real = all(any((folder / label).glob("*.jpg")) for label in ("hot_dog", "not_hot_dog"))
    return (folder, True) if real else (sample, False)


def copies(folder: Path, count: int, scratch: Path) -> Path:
    """A folder of as many files as wanted, no two of them of the same bytes.

    Args:
      folder: JPEG files, a folder a class; taken again and again, in the order of their names.
      count: How many to write.
      scratch: Where the folder is made.

    Returns:
      The folder made, of the same classes.
    """
    made = scratch / f"{folder.name}-{count}"
    originals = sorted(folder.glob("*/*.jpg"))
    for original in originals:
        (made / original.parent.name).mkdir(parents=True, exist_ok=True)
    for place, original in enumerate(islice(cycle(originals), count)):
        copy = made / original.parent.name / f"{original.stem}-{place:05}.jpg"
        copy.write_bytes(with_comment(original.read_bytes(), f"copy {place}".encode()))
    return made


def large(folder: Path, count: int, scratch: Path) -> Path:
    """A folder of files of 4,000 x 3,000 pixels, no two of them of the same bytes.

    There are 12 pictures, in turn of one class and of the other. Each is made of 64 small ones, so
    that it has as much detail, and is as large a file, as the photo of a phone.

    Args:
      folder: JPEG files, a folder a class.
      count: How many to write.
      scratch: Where the folder is made.

    Returns:
      The folder made, of the same classes.
    """
    originals = sorted(folder.glob("*/*.jpg"))
    labels = cycle(sorted({original.parent.name for original in originals}))
    small = cycle(originals)
    made = scratch / f"{folder.name}-large"
    for place, label in enumerate(islice(labels, _DIFFERENT)):
        (made / label).mkdir(parents=True, exist_ok=True)
        picture = _mosaic(list(islice(small, _TILES**2)))
        picture.save(made / label / f"{place:02}.jpg", quality=_CAMERA_QUALITY)
    return copies(made, count, scratch)


def _mosaic(paths: Sequence[Path]) -> Image.Image:
    """A large picture of small ones."""
    whole = Image.new("RGB", _LARGE)
    width, height = (side // _TILES for side in _LARGE)
    for place, path in enumerate(paths):
        with Image.open(path) as one:
            tile = ImageOps.fit(one.convert("RGB"), (width, height))
        whole.paste(tile, (place % _TILES * width, place // _TILES * height))
    return whole


def with_comment(jpeg: bytes, text: bytes) -> bytes:
    """A JPEG file of the same pixels and metadata, and a comment: ISO/IEC 10918-1, B.2.4.5.

    Raises:
      ValueError: The bytes do not begin as a JPEG file does.
    """
    if not jpeg.startswith(_START_OF_IMAGE):
        raise ValueError(f"expected a JPEG file, got one that begins with {jpeg[:8]!r}")
    segment = _COMMENT + struct.pack(">H", 2 + len(text)) + text
    return _START_OF_IMAGE + segment + jpeg[len(_START_OF_IMAGE) :]
