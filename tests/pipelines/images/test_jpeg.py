"""JPEGs that lack data, and those that lack nothing but their end marker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from helpers.small_scenes import PROGRESSIVE, file_of, scene

from recordmill.pipelines.images.jpeg import with_end_marker
from recordmill.transforms._ops.jpeg import END
from recordmill.transforms.images import decode

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_blocks": 5},
    "optimized": {"optimize": True},
    "grey": {"quality": 30},
}
FILES = {name: file_of(scene(), **options) for name, options in KINDS.items()}
FILES["grey"] = file_of(scene().convert("L"))
FILES["CMYK"] = file_of(scene().convert("CMYK"))

SOS = b"\xff\xda"

kinds = pytest.mark.parametrize("data", FILES.values(), ids=FILES)


def part(data: bytes, share: float) -> bytes:
    start = data.index(b"\xff\xda")
    return data[: start + int((len(data) - start) * share)]


@kinds
def test_a_whole_one_stays_as_it_is(data: bytes) -> None:
    for behind in (b"", b"\0\0", b"\r\n", b"and more", data):
        file = data + behind
        assert with_end_marker(file) is file
        assert with_end_marker(file, thorough=True) is file


@kinds
def test_an_end_marker_is_put_on_where_nothing_else_is_missing(data: bytes) -> None:
    for behind in (b"", b"\xff", b"\xff\xff", b"\0" * 500, b"\xff" + b"\0" * 500):
        assert with_end_marker(data[:-2] + behind) == data


def test_zeros_of_the_data_stay() -> None:
    """A byte 0xFF has one behind it, and some encoders fill up the last byte with them."""
    files = [file_of(scene(width, 33), quality=60) for width in range(40, 400)]
    others = (file_of(scene(width, 33), progressive=True) for width in range(40, 400))
    stuffed = [data for data in others if data.endswith(b"\xff\x00" + END)]
    filled = [data[:-3] + b"\0" + END for data in files if data[-3] in (0x01, 0x03, 0x07, 0x0F)]
    assert stuffed and filled
    for data in stuffed + filled:
        assert with_end_marker(data, thorough=True) is data
        for zeros in (0, 1, 500):
            assert with_end_marker(data[:-2] + bytes(zeros)) == data


@kinds
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_one_that_lacks_data_is_none(data: bytes, share: float) -> None:
    assert with_end_marker(part(data, share)) is None
    assert with_end_marker(part(data, share) + bytes(5_000)) is None
    assert with_end_marker(part(data, share) + END, thorough=True) is None


def test_a_progressive_one_cut_between_two_scans_is_none() -> None:
    starts = [
        position for position in range(len(PROGRESSIVE)) if PROGRESSIVE[position:].startswith(SOS)
    ]
    assert len(starts) == 10
    for start in starts[1:]:
        assert with_end_marker(PROGRESSIVE[:start]) is None


def test_scans_left_out_before_an_end_marker_are_not_missing() -> None:
    second = PROGRESSIVE.index(SOS, PROGRESSIVE.index(SOS) + 2)
    coarse = PROGRESSIVE[:second] + END
    assert with_end_marker(coarse, thorough=True) is coarse


def test_one_scan_with_an_end_marker_is_left_to_the_graph() -> None:
    half = part(FILES["plain"], 0.5) + END
    assert with_end_marker(half) is half
    assert with_end_marker(part(PROGRESSIVE, 0.6) + END) is None


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"\xff\xd8\xff\xda\0", bytes(99)])
def test_what_has_no_scan_is_left_to_the_decoder(data: bytes) -> None:
    assert with_end_marker(data) is data


def test_a_header_alone_lacks_data() -> None:
    data = FILES["plain"]
    assert with_end_marker(data[: data.index(b"\xff\xda") + 14]) is None


@pytest.mark.slow
def test_real_photos(hotdog: Path, raccoon: Path) -> None:
    """All are whole, and with the end marker cut off, too; a sample at half is not."""
    paths = sorted([*hotdog.rglob("*.jpg"), *raccoon.rglob("*.jpg")])
    assert len(paths) == 520
    for index, path in enumerate(paths):
        data = path.read_bytes()
        end = data.index(END, data.rindex(b"\xff\xda"))
        assert with_end_marker(data) is data
        assert with_end_marker(data[:end]) == data[: end + 2]
        if index % 10 == 0:
            assert with_end_marker(data, thorough=True) is data
            assert with_end_marker(part(data, 0.5)) is None
            half = part(data, 0.5) + END
            assert with_end_marker(half, thorough=True) is None
            assert decode(data).shape[-1] == 3
            with pytest.raises(tf.errors.InvalidArgumentError, match="expected a whole JPEG"):
                decode(half)
