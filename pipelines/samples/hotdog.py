"""Small drawn hot dog dataset: a folder for each class, pictures of many sizes, some with EXIF.

Every picture shows a plate on a table with a hot dog, or with one of six other dishes, in varied
colours, rotations and sizes.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable, Mapping

from PIL import Image, ImageDraw

from .drawing import Brush, Colour, Point, add_uneven_light, shade

__all__ = ["TEST_IMAGES", "TRAIN_IMAGES", "write_hotdog_sample"]

TRAIN_IMAGES, TEST_IMAGES = 60, 20
"""Number of pictures of each class."""

_OVERSAMPLING = 2
"""Factor by which pictures are drawn larger, and then reduced to smooth edges."""

_EXIF_INTERVAL = 10
_ORIENTATION_TAG = 0x0112
_TRANSPOSITIONS = {
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
    3: Image.Transpose.ROTATE_180,
}
"""Transposition of a picture before it is stored, by EXIF orientation."""

_TABLES = (
    (120, 78, 48),
    (60, 82, 110),
    (150, 40, 45),
    (90, 110, 80),
    (205, 195, 180),
    (45, 45, 50),
)
_PLATES = ((245, 245, 240), (215, 225, 235), (235, 220, 190), (90, 105, 125), (250, 250, 250))
_BUNS = ((214, 160, 90), (226, 178, 112), (196, 138, 72), (232, 194, 136))
_SAUSAGES = ((176, 70, 48), (150, 56, 40), (196, 96, 64), (122, 52, 36))
_MUSTARD, _KETCHUP, _ONION = (240, 200, 40), (190, 24, 28), (244, 236, 222)
_LEAVES = ((70, 140, 50), (110, 170, 60), (50, 110, 45), (150, 190, 90))
_TOMATO, _CHEESE, _MEAT = (208, 50, 38), (248, 196, 60), (98, 58, 38)
_ICINGS = ((240, 150, 180), (110, 66, 44), (250, 240, 230), (150, 210, 220))


def write_hotdog_sample(directory: str) -> tuple[str, str]:
    """Write `{train,test}/{hot_dog,not_hot_dog}/*.jpg`, always the same pictures.

    There are 60 training and 20 test pictures of each class, with sides of 120 to 320 pixels. Every
    tenth is stored rotated, with the EXIF orientation that rotates it back.

    Args:
      directory: Folder to write; created if it does not exist.

    Returns:
      The paths of the training and the test folder.
    """
    draw = random.Random(2017)
    train, test = (os.path.join(directory, name) for name in ("train", "test"))
    for folder, count in ((train, TRAIN_IMAGES), (test, TEST_IMAGES)):
        for label, dishes in _DISHES.items():
            os.makedirs(os.path.join(folder, label), exist_ok=True)
            for index in range(count):
                picture = _picture(draw, dishes[index % len(dishes)])
                _save(picture, os.path.join(folder, label, f"{label}-{index:02}.jpg"), index)
    return train, test


def _picture(draw: random.Random, dish: Callable[[Brush, random.Random], None]) -> Image.Image:
    width, height = (draw.randrange(120, 321) for _ in "ab")
    width, height = max(width, height // 2), max(height, width // 2)
    canvas_size = (width * _OVERSAMPLING, height * _OVERSAMPLING)
    image = Image.new("RGB", canvas_size, shade(draw.choice(_TABLES), draw.uniform(0.8, 1.2)))
    canvas = ImageDraw.Draw(image)
    size = min(canvas_size) / 2
    centre = (
        canvas_size[0] * draw.uniform(0.44, 0.56),
        canvas_size[1] * draw.uniform(0.44, 0.56),
    )
    plate, reach = draw.choice(_PLATES), draw.uniform(0.85, 1.05)
    table = Brush(canvas, centre, size)
    for radius, light in ((reach, 0.85), (reach - 0.04, 1.0), (reach * 0.72, 0.95)):
        table.ellipse((0, 0), (radius, radius * 0.94), shade(plate, light))
    dish(Brush(canvas, centre, size * draw.uniform(0.68, 0.85), draw.uniform(0, math.tau)), draw)
    return add_uneven_light(
        image.reduce(_OVERSAMPLING), draw, grain=24, strength=draw.uniform(0.05, 0.18)
    )


def _save(picture: Image.Image, path: str, index: int) -> None:
    exif = Image.Exif()
    if index % _EXIF_INTERVAL == _EXIF_INTERVAL - 1:
        orientation = list(_TRANSPOSITIONS)[index // _EXIF_INTERVAL % len(_TRANSPOSITIONS)]
        picture = picture.transpose(_TRANSPOSITIONS[orientation])
        exif[_ORIENTATION_TAG] = orientation
    picture.save(path, "JPEG", quality=88, exif=exif)


def _hot_dog(brush: Brush, draw: random.Random) -> None:
    bun, sausage = draw.choice(_BUNS), draw.choice(_SAUSAGES)
    half = draw.uniform(0.6, 0.8)
    reach = half + draw.uniform(0.08, 0.2)
    brush.capsule((-half, 0.04), (half, 0.04), 0.37, shade(bun, 0.55))
    brush.capsule((-half, 0), (half, 0), 0.34, bun)
    brush.capsule((-half, -0.2), (half, -0.2), 0.07, shade(bun, 1.12))
    brush.capsule((-half, 0), (half, 0), 0.19, shade(bun, 0.6))
    brush.capsule((-reach, 0), (reach, 0), 0.16, sausage)
    brush.capsule((-reach, -0.08), (reach, -0.08), 0.03, shade(sausage, 1.4))
    for sauce in draw.choice(([_MUSTARD], [_MUSTARD], [_KETCHUP, _MUSTARD], [_KETCHUP], [])):
        brush.line(_zigzag(draw, reach * 0.92), 0.06, sauce)
    if draw.random() < 0.25:
        _scatter(brush, draw, 14, (reach * 0.8, 0.1), 0.035, [_ONION])


def _zigzag(draw: random.Random, reach: float) -> list[Point]:
    turns, height = draw.randrange(7, 13), draw.uniform(0.06, 0.11)
    return [(reach * (2 * i / turns - 1), height * (-1) ** i) for i in range(turns + 1)]


def _scatter(
    brush: Brush,
    draw: random.Random,
    count: int,
    within: Point,
    radius: float,
    colours: list[Colour],
) -> None:
    """Draw small discs at random positions in an ellipse."""
    for _ in range(count):
        angle, distance = draw.uniform(0, math.tau), math.sqrt(draw.random())
        centre = (within[0] * distance * math.cos(angle), within[1] * distance * math.sin(angle))
        brush.ellipse(centre, (radius, radius), draw.choice(colours))


def _hamburger(brush: Brush, draw: random.Random) -> None:
    bun = draw.choice(_BUNS)
    brush.capsule((-0.6, 0.5), (0.6, 0.5), 0.18, shade(bun, 0.9))
    brush.capsule((-0.68, 0.26), (0.68, 0.26), 0.14, _MEAT)
    brush.polygon([(-0.78, 0.1), (0.78, 0.1), (0.3, 0.36), (-0.2, 0.12)], _CHEESE)
    brush.capsule((-0.6, 0.06), (0.6, 0.06), 0.09, _TOMATO)
    leaf = draw.choice(_LEAVES)
    brush.line([(-0.8 + i * 0.1, 0.02 - 0.07 * (i % 2)) for i in range(17)], 0.1, leaf)
    brush.ellipse((0, -0.2), (0.8, 0.5), bun)
    brush.polygon([(-0.85, 0.0), (0.85, 0.0), (0.78, 0.1), (-0.78, 0.1)], leaf)
    for _ in range(12):
        centre = (draw.uniform(-0.5, 0.5), draw.uniform(-0.55, -0.25))
        brush.ellipse(centre, (0.05, 0.03), shade(bun, 1.3))


def _pizza(brush: Brush, draw: random.Random) -> None:
    for radius, colour in ((0.95, (200, 140, 76)), (0.86, _TOMATO), (0.82, _CHEESE)):
        brush.ellipse((0, 0), (radius, radius), colour)
    _scatter(brush, draw, 9, (0.62, 0.62), 0.15, [(170, 44, 36), (186, 58, 44)])
    _scatter(brush, draw, 8, (0.7, 0.7), 0.06, list(_LEAVES))
    for turn in range(4):
        edge = (0.95 * math.cos(turn * math.pi / 4), 0.95 * math.sin(turn * math.pi / 4))
        brush.line([(-edge[0], -edge[1]), edge], 0.02, (150, 96, 48))


def _salad(brush: Brush, draw: random.Random) -> None:
    brush.ellipse((0, 0), (0.95, 0.95), (236, 232, 222))
    brush.ellipse((0, 0), (0.86, 0.86), shade(_LEAVES[2], 0.7))
    _scatter(brush, draw, 34, (0.66, 0.66), 0.19, list(_LEAVES))
    _scatter(brush, draw, 7, (0.6, 0.6), 0.14, [_TOMATO, (224, 84, 60)])
    _scatter(brush, draw, 5, (0.6, 0.6), 0.12, [(200, 224, 160)])


def _fried_egg(brush: Brush, draw: random.Random) -> None:
    for _ in range(7):
        centre = (draw.uniform(-0.35, 0.35), draw.uniform(-0.35, 0.35))
        brush.ellipse(centre, (draw.uniform(0.4, 0.55), draw.uniform(0.35, 0.5)), (252, 250, 244))
    brush.ellipse((0, 0), (0.3, 0.3), (246, 178, 36))
    brush.ellipse((-0.1, -0.1), (0.07, 0.05), (255, 226, 140))


def _doughnut(brush: Brush, draw: random.Random) -> None:
    icing = draw.choice(_ICINGS)
    for radius, colour in ((0.9, (206, 150, 84)), (0.8, icing), (0.3, (206, 150, 84))):
        brush.ellipse((0, 0), (radius, radius), colour)
    for _ in range(30):
        angle, distance = draw.uniform(0, math.tau), draw.uniform(0.4, 0.7)
        x, y = distance * math.cos(angle), distance * math.sin(angle)
        tip = (x + draw.uniform(-0.08, 0.08), y + 0.08)
        brush.line([(x, y), tip], 0.04, draw.choice((_TOMATO, _MUSTARD, _LEAVES[1], _ONION)))
    brush.ellipse((0, 0), (0.2, 0.2), (225, 225, 225))


def _chips(brush: Brush, draw: random.Random) -> None:
    for _ in range(22):
        foot, lean = draw.uniform(-0.4, 0.4), draw.uniform(-0.25, 0.25)
        yellow = shade(draw.choice(((240, 200, 90), (228, 178, 70))), draw.uniform(0.9, 1.1))
        brush.line([(foot, 0.2), (foot + lean, draw.uniform(-0.9, -0.4))], 0.1, yellow)
    packet = draw.choice((_KETCHUP, (40, 90, 160), (240, 240, 235)))
    brush.polygon([(-0.58, -0.15), (0.58, -0.15), (0.45, 0.8), (-0.45, 0.8)], packet)
    brush.polygon([(-0.1, 0.1), (0.1, 0.1), (0.1, 0.5), (-0.1, 0.5)], _MUSTARD)


_DISHES: Mapping[str, tuple[Callable[[Brush, random.Random], None], ...]] = {
    "hot_dog": (_hot_dog,),
    "not_hot_dog": (_hamburger, _pizza, _salad, _fried_egg, _doughnut, _chips),
}
