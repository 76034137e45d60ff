"""Find JPEGs that lack pixel data, and complete those that lack only their end marker.

The transform graph tests files of one scan that have an end marker, where that costs next to
nothing. This module tests all others in the same way: bytes inserted between the pixel data and the
end marker do not change the pixels of a complete picture, but fill in for missing data. Pillow
decodes here, since TensorFlow would write libjpeg's warnings to standard error.
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
# Markers of frame headers (SOF0 to SOF15 without DHT, JPG and DAC), ITU-T T.81, table B.1.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})


@dataclass(frozen=True)
class _Scan:
    """First scan of a JPEG.

    Attributes:
      start: Offset of its marker, in bytes.
      is_only: Whether it contains all components of a sequential picture, so that no other scan
        follows.
      components: Ids of the components of the picture.
    """

    start: int
    is_only: bool
    components: bytes


def with_end_marker(data: bytes, *, thorough: bool = False) -> bytes | None:
    """Return a JPEG with an end marker, or None where pixel data is missing.

    A progressive file that has an end marker and lacks only complete scans passes: encoders may
    leave out scans that refine the picture, and its end marker says that it did.

    Args:
      data: Bytes of the file, with a good header.
      thorough: Whether to test also files of one scan with an end marker, which the graph tests.

    Returns:
      `data` itself where it has an end marker. Else its pixel data and an end marker, without the
      zeros that an interrupted download leaves at the end.
    """
    scan = _first_scan(data)
    if scan is None or (scan.is_only and not thorough and data.endswith(END)):
        return data
    end = data.find(END, scan.start)  # which pixel data cannot contain: its 0xFF precedes a zero
    if end >= 0:
        is_tested = thorough or not scan.is_only
        return None if is_tested and _lacks_data(data[:end]) else data
    if not _has_all_scans(data, scan):
        return None
    complete = (body for body in _bodies(data, scan) if _lacks_data(body) is False)
    return next((body + END for body in complete), None)


def has_scan(head: bytes) -> bool:
    """Return whether the beginning of a file contains all headers of a JPEG."""
    return head.startswith(b"\xff\xd8\xff") and _first_scan(head) is not None


def _has_all_scans(data: bytes, scan: _Scan) -> bool:
    """Return whether the scans give all bits of all coefficients.

    A progressive file that is cut between two scans decodes without an error, to a coarser picture.
    Each scan header lists its components, a range of the 64 coefficients, and in the low half of
    its last byte the number of low bits that later scans refine.
    """
    missing_bits: dict[tuple[int, int], int] = {}
    position = scan.start
    while position >= 0:
        count = data[position + 4] if position + 4 < len(data) else 0
        header = data[position + 5 : position + 8 + 2 * count]
        if len(header) == 3 + 2 * count:
            first, last, bits = header[-3:]
            coefficients = range(first, last + 1)
            components = header[: 2 * count : 2]
            missing_bits |= {(id_, k): bits & 15 for id_ in components for k in coefficients}
        position = data.find(bytes([0xFF, _SOS]), position + 2)
    return all(missing_bits.get((id_, k)) == 0 for id_ in scan.components for k in range(64))


def _bodies(data: bytes, scan: _Scan) -> Iterator[bytes]:
    """Yield the pixel data without the zeros after it, then with the first of these zeros.

    A byte 0xFF at the end is half of an end marker, unless the zero that follows it in pixel data
    was taken for one after them. Where there are several scans, other zeros are not tried: they
    could fill in for missing data.
    """
    body = data.rstrip(b"\0")
    yield body.rstrip(END[:1])
    if len(body) < len(data) and (scan.is_only or body.endswith(END[:1])):
        yield body + b"\0"


def _lacks_data(body: bytes) -> bool | None:
    """Return whether filling before the end marker changes the pixels: then data is missing.

    Args:
      body: JPEG without its end marker.

    Returns:
      None where the JPEG cannot be decoded at all.
    """
    body = body.rstrip(END[:1])  # a marker may be preceded by bytes 0xFF
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
    """Return the first scan, found from segment to segment; None where there is none."""
    position, components, is_progressive = 2, b"", False
    while position + 5 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # a marker may be preceded by bytes 0xFF
            position += 1
            continue
        if marker == _SOS:
            is_only = not is_progressive and data[position + 4] == len(components)
            return _Scan(position, is_only, components)
        if marker in _FRAMES:
            count = int.from_bytes(data[position + 9 : position + 10], "big")
            components = data[position + 10 : position + 10 + 3 * count : 3]
            is_progressive = marker in _PROGRESSIVE
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return None
