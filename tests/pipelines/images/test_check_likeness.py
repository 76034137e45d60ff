"""Copies of a picture have nearly the same difference hash; other pictures do not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from helpers.small_scenes import JPEG, check, file_of, scene
from PIL import Image


def _copies() -> Iterator[tuple[str, bytes]]:
    image = scene(500, 375)
    yield "quality 40", file_of(image, quality=40)
    yield "progressive", file_of(image, progressive=True)
    yield "half", file_of(image.resize((250, 188), Image.Resampling.LANCZOS))
    yield "third", file_of(image.resize((167, 125), Image.Resampling.BICUBIC), quality=60)
    yield "stretched", file_of(image.resize((256, 256)))
    yield "double", file_of(image.resize((1000, 750)))
    yield "PNG", file_of(image.resize((401, 301)), "PNG")
    yield "WebP", file_of(image, "WEBP", quality=50)
    yield "grey", file_of(image.convert("L"))


@pytest.mark.parametrize("copy", [pytest.param(data, id=name) for name, data in _copies()])
def test_copies_look_alike(copy: bytes) -> None:
    original, other = check(file_of(scene(500, 375))).dhash, check(copy).dhash
    assert original is not None and other is not None
    assert (original ^ other).bit_count() <= 4


def test_turned_pictures_do_not_look_alike() -> None:
    turned = file_of(scene().transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    original, other = check(JPEG).dhash, check(turned).dhash
    assert original is not None and other is not None
    assert (original ^ other).bit_count() > 16
