"""Settings of image datasets, and their ranges."""

from __future__ import annotations

from typing import Any

import pytest

from recordmill.pipelines.config.images import Images
from recordmill.schemas.errors import RecipeError
from recordmill.transforms.augment import Augmentation, RandomFlip
from recordmill.transforms.tiles import Tiling


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"near_duplicates": "merge"},
            'images: near_duplicates: expected "count" or "drop", got "merge"',
        ),
        ({"min_visible": 0}, "images: min_visible: expected (0, 1], got 0"),
        ({"min_visible": 1.01}, "images: min_visible: expected (0, 1], got 1.01"),
        ({"min_visible": float("nan")}, "images: min_visible: expected (0, 1], got nan"),
        ({"empty_tiles": -0.1}, "images: empty_tiles: expected [0, 1], got -0.1"),
        ({"empty_tiles": 2}, "images: empty_tiles: expected [0, 1], got 2"),
        ({"storage": "webp"}, 'images: storage: expected png, jpeg, raw, got "webp"'),
        ({"quality": 0}, "images: quality: expected [1, 100], got 0"),
        ({"quality": 101}, "images: quality: expected [1, 100], got 101"),
        ({"max_clipped_ratio": 5}, "images: max_clipped_ratio: expected [0, 1], got 5"),
        ({"max_tiny_ratio": -0.1}, "images: max_tiny_ratio: expected [0, 1], got -0.1"),
        (
            {"quality": 0, "min_visible": 0},
            "images: min_visible: expected (0, 1], got 0",
        ),
    ],
)
def test_what_is_out_of_range_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as error:
        Images(**options)
    assert str(error.value) == message


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"near_duplicates": "drop"},
        {"min_visible": 1},
        {"min_visible": 1e-9},
        {"empty_tiles": 0},
        {"empty_tiles": 1},
        {"storage": "jpeg", "quality": 1},
        {"storage": "raw", "quality": 100},
        {"max_clipped_ratio": 0, "max_tiny_ratio": 1, "allow_no_boxes": True},
    ],
)
def test_the_ends_of_the_ranges_are_good(options: dict[str, Any]) -> None:
    images = Images(**options)
    assert {name: getattr(images, name) for name in options} == options


def test_options_are_named() -> None:
    with pytest.raises(TypeError, match="positional"):
        Images("png")  # type: ignore[misc]


def test_what_makes_further_records_of_an_image() -> None:
    assert not Images().expands
    assert Images(tiling=Tiling(size=4, stride=2)).expands
    assert Images(augmentation=Augmentation((RandomFlip(),))).expands
