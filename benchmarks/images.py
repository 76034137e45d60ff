"""The images: the hotdog files or drawn ones, and any number of different files made of them."""

from __future__ import annotations

import struct
from itertools import cycle, islice
from pathlib import Path

__all__ = ["copies", "hotdog", "with_comment"]

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


def with_comment(jpeg: bytes, text: bytes) -> bytes:
    """A JPEG file of the same pixels and metadata, and a comment: ISO/IEC 10918-1, B.2.4.5.

    Raises:
      ValueError: The bytes do not begin as a JPEG file does.
    """
    if not jpeg.startswith(_START_OF_IMAGE):
        raise ValueError(f"expected a JPEG file, got one that begins with {jpeg[:8]!r}")
    segment = _COMMENT + struct.pack(">H", 2 + len(text)) + text
    return _START_OF_IMAGE + segment + jpeg[len(_START_OF_IMAGE) :]
