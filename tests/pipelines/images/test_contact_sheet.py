from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers.image_dataset import noise
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from recordmill.pipelines.images.contact_sheet import Picture, draw_sheet, thumbnail

RED, BLUE, WHITE, BED = (230, 25, 75), (0, 103, 197), (255, 255, 255), (238, 238, 238)
GREY = (100, 100, 100)
LEFT, TOP = 14, 40
"""Where the first cell begins."""


def picture(height: int, width: int, *boxes: tuple[float, ...], **fields: Any) -> Picture:
    """A grey picture, or one of other `pixels`, with boxes of the classes 0, 1, …"""
    numbers = tuple(range(len(boxes)))
    pixels = fields.pop("pixels", np.full((height, width, 3), 100, np.uint8))
    defaults = {
        "thumbnail": thumbnail(pixels),
        "filename": "a.png",
        "labels": tuple(f"class {number}" for number in numbers),
        "colours": numbers,
        "boxes": np.array(boxes, np.float32).reshape(-1, 4),
    }
    return Picture(**(defaults | fields))


def pixel(sheet: Image.Image, x: int, y: int) -> Any:
    """A pixel of the first cell."""
    return sheet.getpixel((LEFT + x, TOP + y))


class TestDraw:
    @pytest.mark.parametrize(
        ("count", "size"),
        [
            (0, (14 + 3 * 194, 40)),
            (1, (14 + 3 * 194, 40 + 230)),
            (9, (14 + 3 * 194, 40 + 3 * 230)),
            (10, (14 + 4 * 194, 40 + 3 * 230)),
            (70, (14 + 8 * 194, 40 + 9 * 230)),
        ],
    )
    def test_size(self, count: int, size: tuple[int, int]) -> None:
        assert draw_sheet([picture(2, 2)] * count, title="pets").size == size

    def test_a_box_has_its_colour_around_it(self) -> None:
        sheet = draw_sheet([picture(360, 720, (0.25, 0.5, 0.75, 0.75))], title="")
        # The picture is 180 x 90, 45 below the top of the cell; the box is 90-135 x 67-112 there.
        assert pixel(sheet, 5, 44) == BED
        assert pixel(sheet, 5, 45) == GREY
        middle = [pixel(sheet, x, 90) for x in range(86, 92)]
        assert middle == [GREY, WHITE, RED, RED, GREY, GREY]
        assert [pixel(sheet, x, 90) for x in range(134, 139)] == [GREY, RED, RED, WHITE, GREY]
        across = [pixel(sheet, 100, y) for y in range(63, 70)]
        assert across == [GREY, WHITE, RED, RED, GREY, GREY, GREY]

    def test_small_boxes_are_drawn_over_large_ones(self) -> None:
        boxes = ((0.4, 0.4, 0.6, 0.6), (0.0, 0.0, 1.0, 1.0), (0.5, 0.5, 0.5, 0.5))
        sheet = draw_sheet([picture(180, 180, *boxes)], title="")
        assert pixel(sheet, -1, -1) == BLUE
        assert pixel(sheet, 71, 100) == RED
        assert pixel(sheet, 89, 89) == (0, 138, 60)

    def test_a_small_picture_is_magnified_by_a_whole_number(self) -> None:
        pixels = noise(1, 100)
        sheet = draw_sheet([picture(1, 100, pixels=pixels)], title="")
        assert pixel(sheet, 40, 89) == tuple(pixels[0, 0])
        assert pixel(sheet, 139, 89) == tuple(pixels[0, 99])
        small = draw_sheet([picture(2, 2, pixels=noise(2, 2))], title="")
        for x, y in ((0, 0), (1, 0), (0, 1), (1, 1)):
            places = [(90 * x, 90 * y), (90 * x + 89, 90 * y + 89)]
            assert [pixel(small, *position) for position in places] == [
                tuple(noise(2, 2)[y, x])
            ] * 2

    def test_a_large_picture_is_averaged(self) -> None:
        stripes = np.zeros((1800, 1800, 3), np.uint8)
        stripes[:, ::2] = 200
        sheet = draw_sheet([picture(1, 1, pixels=stripes)], title="")
        cell = np.asarray(sheet)[TOP : TOP + 180, LEFT : LEFT + 180].astype(int)
        assert np.abs(cell - 100).max() <= 3

    def test_swatches(self) -> None:
        boxes = ((0.0, 0.0, 0.1, 0.1),) * 3
        fields: dict[str, Any] = {"labels": ("cat", "dog", "cat"), "colours": (0, 1, 0)}
        sheet = draw_sheet([picture(9, 9, *boxes, **fields)], title="")
        line = [pixel(sheet, x, 185) for x in range(180)]
        assert (line.count(RED), line.count(BLUE), line[0]) == (9, 9, RED)

    @pytest.mark.parametrize(
        "labels",
        [("a" * 500,), ("a rather long name of a class", "another") * 9, ("",), (), ("日本é",) * 3],
    )
    def test_text_stays_in_its_cell(self, labels: tuple[str, ...]) -> None:
        colours = tuple(range(len(labels)))
        record = picture(180, 180, labels=labels, colours=colours, filename="folder/" * 90)
        sheet = np.asarray(draw_sheet([record], title="t" * 999))
        assert (sheet[TOP + 180 :, LEFT + 182 :] == 255).all()
        assert (sheet[:TOP, -14:] == 255).all()
        assert (sheet[TOP + 180 : TOP + 216, LEFT : LEFT + 180] < 200).any()

    def test_is_the_same_each_time(self) -> None:
        pictures = [picture(30, 40, (0.1, 0.1, 0.5, 0.9), pixels=noise(30, 40))] * 2
        sheets = [draw_sheet(pictures, title="pets").tobytes() for _ in range(2)]
        assert sheets[0] == sheets[1]


@given(st.integers(1, 5000), st.integers(1, 5000))
@settings(max_examples=50, deadline=None)
def test_thumbnail_fits_its_cell(height: int, width: int) -> None:
    image = thumbnail(np.zeros((height, width, 3), np.uint8))
    assert 91 <= max(image.size) <= 180
    assert min(image.size) >= 1
    if max(height, width) <= 180:
        assert image.width * height == image.height * width
