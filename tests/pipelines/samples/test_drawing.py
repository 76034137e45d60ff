from __future__ import annotations

import math
import random

import numpy as np
import pytest
from PIL import Image, ImageDraw

from recordmill.pipelines.samples.drawing import Brush, add_uneven_light, shade

RED = (255, 0, 0)


def box_of(image: Image.Image) -> tuple[int, int, int, int] | None:
    return image.getchannel("R").getbbox()


def canvas() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (100, 100))
    return image, ImageDraw.Draw(image)


def test_a_turn_is_clockwise() -> None:
    image, draw = canvas()
    Brush(draw, (50, 50), 40, math.pi / 2).polygon([(0, -1), (0.1, -0.9), (-0.1, -0.9)], RED)
    assert box_of(image) == (86, 46, 91, 55)


@pytest.mark.parametrize("turn", [0, 0.5, 1.0])
def test_a_capsule_covers_points_within_its_radius(turn: float) -> None:
    image, draw = canvas()
    Brush(draw, (50, 50), 40, turn).capsule((-0.5, 0), (0.5, 0), 0.25, RED)
    y, x = np.mgrid[:100, :100] - 50
    along = np.clip(x * math.cos(turn) + y * math.sin(turn), -20, 20)
    distance = np.hypot(x - along * math.cos(turn), y - along * math.sin(turn))
    covered = np.asarray(image)[..., 0] > 0
    assert covered[distance < 9].all()
    assert not covered[distance > 12].any()


def test_a_mirrored_shape_is_even() -> None:
    image, draw = canvas()
    Brush(draw, (50, 50), 40).mirrored([(0.5, 0), (1, 0), (1, 0.5)], RED)
    covered = np.asarray(image)[:, 1:, 0]
    assert covered.any()
    np.testing.assert_array_equal(covered, covered[:, ::-1])


def test_an_ellipse_and_a_line() -> None:
    image, draw = canvas()
    Brush(draw, (50, 50), 40).ellipse((0, 0), (1, 0.5), RED)
    assert box_of(image) == (10, 30, 91, 71)
    image, draw = canvas()
    Brush(draw, (50, 50), 40).line([(-1, 0), (1, 0)], 0.1, RED)
    assert box_of(image) == (10, 49, 91, 53)


def test_a_colour_stays_in_its_range() -> None:
    assert shade((200, 100, 10), 0.5) == (100, 50, 5)
    assert shade((200, 100, 10), 3) == (255, 255, 30)


def test_uneven_light() -> None:
    plain = Image.new("RGB", (40, 30), (100, 100, 100))
    lit = add_uneven_light(plain, random.Random(1), grain=8, strength=0.2)
    assert lit.size == plain.size
    low, high = lit.getextrema()[0]
    assert 80 <= low < high <= 131
    assert (
        add_uneven_light(plain, random.Random(1), grain=8, strength=0.2).tobytes() == lit.tobytes()
    )
    assert (
        add_uneven_light(plain, random.Random(2), grain=8, strength=0.0).tobytes()
        == plain.tobytes()
    )
