"""Finds JPEGs that lack data of their pixels, and those that lack nothing but their end marker.

The graph refuses the first kind where it costs next to nothing: in files of one scan that have an
end marker. This module tells of all others, by the same test: a whole picture does not depend on
what stands between its data and its end marker. Pillow decodes for it, since TensorFlow would
write libjpeg's warnings to standard error.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL.JpegImagePlugin import JpegImageFile

from ...transforms._ops.jpeg import END, FILLING

__all__ = ["has_scan", "with_end_marker"]

_SOS = 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})


@dataclass(frozen=True)
class _Scan:
    """The first scan of a JPEG.

    Attributes:
      start: Where it begins.
      is_all: Whether no other scan follows.
      components: The ids of the components of the picture.
    """

    start: int
    is_all: bool
    components: bytes


def with_end_marker(data: bytes, *, thorough: bool = False) -> bytes | None:
    """A JPEG that is whole as far as it is tested, or None where data of its pixels is missing.

    Args:
      data: The whole file; its header is good.
      thorough: Whether a file of one scan with an end marker is tested, too, which otherwise is
        left to the graph.

    Returns:
      `data`, where it has an end marker. Otherwise its data and an end marker; zeros behind the
      data, as an interrupted download leaves them, are left out.
    """
    scan = _first_scan(data)
    if scan is None or (scan.is_all and not thorough and data.endswith(END)):
        return data
    end = data.find(END, scan.start)
    if end >= 0:
        is_tested = thorough or not scan.is_all
        return None if is_tested and _lacks(data[:end]) else data
    if not _has_all_scans(data, scan):
        return None
    whole = (body for body in _bodies(data, scan) if _lacks(body) is False)
    return next((body + END for body in whole), None)


def has_scan(head: bytes) -> bool:
    """Whether the beginning of a file is that of a JPEG, and reaches to its pixels."""
    return head.startswith(b"\xff\xd8\xff") and _first_scan(head) is not None


def _has_all_scans(data: bytes, scan: _Scan) -> bool:
    """Whether the scans give all bits of all coefficients; a cut between two leaves out some."""
    missing_bits: dict[tuple[int, int], int] = {}
    place = scan.start
    while place >= 0:
        count = data[place + 4] if place + 4 < len(data) else 0
        header = data[place + 5 : place + 8 + 2 * count]
        if len(header) == 3 + 2 * count:
            first, last, bits = header[-3:]
            coefficients = range(first, last + 1)
            of_scan = header[: 2 * count : 2]
            missing_bits |= {(one, k): bits & 15 for one in of_scan for k in coefficients}
        place = data.find(bytes([0xFF, _SOS]), place + 2)
    return all(missing_bits.get((one, k)) == 0 for one in scan.components for k in range(64))


def _bodies(data: bytes, scan: _Scan) -> Iterator[bytes]:
    """The data of a JPEG without an end marker: without the zeros behind it, then with the first.

    A byte 0xFF at the end is half of an end marker, unless it has its zero behind it. In one of
    several scans, a zero can stand for all that is missing of it.
    """
    body = data.rstrip(b"\0")
    yield body.rstrip(END[:1])
    if len(body) < len(data) and (scan.is_all or body.endswith(END[:1])):
        yield body + b"\0"


def _lacks(body: bytes) -> bool | None:
    """Whether the pixels of a JPEG without its end marker depend on what stands before it.

    None where it cannot be decoded at all.
    """
    body = body.rstrip(END[:1])  # bytes 0xFF may stand before a marker
    try:
        pixels = _pixels(body + END)
    except Exception:
        return None
    try:
        return not np.array_equal(pixels, _pixels(body + FILLING + END))
    except Exception:
        return True


def _pixels(data: bytes) -> npt.NDArray[np.uint8]:
    return np.asarray(JpegImageFile(io.BytesIO(data)))


def _first_scan(data: bytes) -> _Scan | None:
    """The first scan, behind the segments; None where there is none."""
    place, components, is_progressive = 2, b"", False
    while place + 5 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # bytes 0xFF may stand before a marker
            place += 1
            continue
        if marker == _SOS:
            is_all = not is_progressive and data[place + 4] == len(components)
            return _Scan(place, is_all, components)
        if marker in _FRAMES:
            count = int.from_bytes(data[place + 9 : place + 10], "big")
            components = data[place + 10 : place + 10 + 3 * count : 3]
            is_progressive = marker in _PROGRESSIVE
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return None
