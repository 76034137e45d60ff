"""Input images: the hotdog files or drawn ones, and any number of different files made of them.

copies    the same pixels, each file with a different comment
large     pictures of the size of a camera's, each made of many small ones side by side
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
"""Number of small pictures in each row of a large one, and number of rows."""

_DIFFERENT = 12
_CAMERA_QUALITY = 90

_START_OF_IMAGE = b"\xff\xd8"
_COMMENT = b"\xff\xfe"


def hotdog(folder: Path, sample: Path) -> tuple[Path, bool]:
    """Return the folder of the training images, with a folder for each class.

    Args:
      folder: Folder that may contain photos: `hot_dog/*.jpg` and `not_hot_dog/*.jpg`.
      sample: Folder of drawn pictures.

    Returns:
      One of the folders, and whether it contains photos.
    """
    real = all(any((folder / label).glob("*.jpg")) for label in ("hot_dog", "not_hot_dog"))
    return (folder, True) if real else (sample, False)


def copies(folder: Path, count: int, scratch: Path) -> Path:
    """Write copies of images, no two of them with the same bytes.

    Args:
      folder: JPEG files in a folder for each class; copied in turn, in the order of their names.
      count: Number of files to write.
      scratch: Folder in which to make the new folder.

    Returns:
      The new folder, with the same classes.
    """
    new_folder = scratch / f"{folder.name}-{count}"
    originals = sorted(folder.glob("*/*.jpg"))
    for original in originals:
        (new_folder / original.parent.name).mkdir(parents=True, exist_ok=True)
    for index, original in enumerate(islice(cycle(originals), count)):
        copy = new_folder / original.parent.name / f"{original.stem}-{index:05}.jpg"
        copy.write_bytes(with_comment(original.read_bytes(), f"copy {index}".encode()))
    return new_folder


def large(folder: Path, count: int, scratch: Path) -> Path:
    """Write files of 4,000 x 3,000 pixels, no two of them with the same bytes.

    There are 12 pictures, alternately of the two classes. Each is made of 64 small ones, so that
    detail and file size are those of a photo of a phone.

    Args:
      folder: JPEG files in a folder for each class.
      count: Number of files to write.
      scratch: Folder in which to make the new folder.

    Returns:
      The new folder, with the same classes.
    """
    originals = sorted(folder.glob("*/*.jpg"))
    labels = cycle(sorted({original.parent.name for original in originals}))
    small = cycle(originals)
    new_folder = scratch / f"{folder.name}-large"
    for index, label in enumerate(islice(labels, _DIFFERENT)):
        (new_folder / label).mkdir(parents=True, exist_ok=True)
        picture = _mosaic(list(islice(small, _TILES**2)))
        picture.save(new_folder / label / f"{index:02}.jpg", quality=_CAMERA_QUALITY)
    return copies(new_folder, count, scratch)


def _mosaic(paths: Sequence[Path]) -> Image.Image:
    """Compose a large picture of small ones."""
    mosaic = Image.new("RGB", _LARGE)
    width, height = (side // _TILES for side in _LARGE)
    for index, path in enumerate(paths):
        with Image.open(path) as picture:
            tile = ImageOps.fit(picture.convert("RGB"), (width, height))
        mosaic.paste(tile, (index % _TILES * width, index // _TILES * height))
    return mosaic


def with_comment(jpeg: bytes, text: bytes) -> bytes:
    """Return a JPEG file with a comment added, as ISO/IEC 10918-1, B.2.4.5 defines it.

    Raises:
      ValueError: The bytes are not a JPEG file.
    """
    if not jpeg.startswith(_START_OF_IMAGE):
        raise ValueError(f"expected a JPEG file, got one that begins with {jpeg[:8]!r}")
    segment = _COMMENT + struct.pack(">H", 2 + len(text)) + text
    return _START_OF_IMAGE + segment + jpeg[len(_START_OF_IMAGE) :]
