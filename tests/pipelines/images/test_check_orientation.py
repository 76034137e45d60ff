"""A picture stored turned is checked upright, as the graph turns it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers.small_scenes import JPEG, check, exif_of, file_of, pixels_of, scene
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from recordmill.transforms._ops.orientation import jpeg_orientation

BACK = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a camera that writes this orientation stores an upright picture."""


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation(orientation: int, format: str) -> None:
    """Case 31: 203 x 150 at 1/8 is not a whole number, and must be cut on the right side."""
    image = scene(203, 150)
    back = BACK[orientation]
    stored = image if back is None else image.transpose(back)
    options: dict[str, Any] = {"lossless": True} if format == "WEBP" else {}
    checked = check(file_of(stored, format, exif=exif_of(orientation), **options))
    plain = check(file_of(image, "PNG"))
    assert (checked.width, checked.height) == (203, 150)
    assert checked.orientation == orientation
    assert checked.converted == (
        format in ("TIFF", "WEBP") or (format == "PNG" and back is not None)
    )
    assert checked.dhash is not None and plain.dhash is not None
    assert (checked.dhash ^ plain.dhash).bit_count() <= 1
    pixels = pixels_of(checked.encoded)
    assert pixels.shape == (150, 203, 3)
    if format != "JPEG":
        assert (pixels == np.asarray(image)).all()


def _segment(exif: bytes) -> bytes:
    body = b"Exif\0\0" + exif
    return JPEG[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + JPEG[2:]


ENTRIES = st.builds(
    lambda order, tag, kind, count, value: b"".join(
        number.to_bytes(size, order)  # type: ignore[arg-type]
        for number, size in ((tag, 2), (kind, 2), (count, 4), (value, 2), (0, 2))
    ),
    st.sampled_from(["little", "big"]),
    st.sampled_from([0x0112, 0x0112, 0x0110]),
    st.sampled_from([3, 3, 3, 4, 1]),
    st.sampled_from([1, 1, 1, 0, 2]),
    st.integers(0, 10),
)


HEADS = st.sampled_from([b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II*\0\xff\xff\0\0", b"??*\0"])


GRAPH = tf.function(jpeg_orientation, input_signature=[tf.TensorSpec([], tf.string)])


@given(HEADS, st.integers(0, 3), st.lists(ENTRIES, max_size=3), st.sampled_from([b"", b"\0" * 9]))
def test_the_orientation_is_the_one_the_graph_finds(
    head: bytes, count: int, entries: list[bytes], rest: bytes
) -> None:
    order = "little" if head.startswith(b"II") else "big"
    data = _segment(head + count.to_bytes(2, order) + b"".join(entries) + rest)  # type: ignore[arg-type]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert check(data).orientation == int(GRAPH(data))
