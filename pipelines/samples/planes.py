"""Small drawn planes dataset: aerial pictures of airfields, with a box for every aeroplane.

Boxes are exact: an aeroplane is drawn on its own layer, and its box encloses the pixels of the
picture of which it covers at least half. Its shadow is not part of the box.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Iterator
from xml.etree import ElementTree

from PIL import Image, ImageDraw, ImageFilter

from .drawing import Brush, Colour, Point, add_uneven_light, shade

__all__ = ["EVAL_IMAGES", "PLANE", "TRAIN_IMAGES", "draw_plane", "write_planes_sample"]

TRAIN_IMAGES, EVAL_IMAGES = 12, 4
PLANE = "plane"
"""Name of the only class."""

_SIZES = ((800, 600), (800, 640), (760, 600), (840, 560))
_EMPTY_INDEX = 7
"""Index of the training picture that shows no aeroplane."""

_OVERSAMPLING = 2
"""Factor by which aeroplanes are drawn larger, and then reduced to smooth edges."""

_REACH = 1.2
"""Largest distance of an aeroplane and its shadow from its middle, in units of its scale."""

_SCALES, _JET_SCALE = (18, 62), 34
"""Range of half the span of an aeroplane, and the size above which it is a jet, in pixels."""

_FIELDS = ((122, 140, 84), (150, 156, 96), (96, 122, 70), (172, 158, 110), (138, 118, 84))
_ROOFS = ((150, 84, 66), (120, 66, 56), (128, 128, 130), (170, 120, 90))
_LIVERIES = ((30, 60, 130), (180, 36, 40), (30, 110, 90), (70, 70, 76), (230, 150, 40))
_BODIES = ((244, 246, 248), (222, 226, 230), (250, 244, 228), (190, 196, 204))
_TARMAC, _CONCRETE, _PAINT, _GLASS = (84, 86, 90), (150, 150, 146), (226, 226, 220), (40, 50, 64)
_SHADE = (58, 62, 50)

Box = tuple[int, int, int, int]
"""(left, top, right, bottom) in pixels; the right column and the bottom row are outside."""


def write_planes_sample(directory: str) -> tuple[str, str]:
    """Write `{train,eval}/images/*.jpg` and `{train,eval}/annotations/*.xml`, always the same.

    There are 12 training and 4 evaluation pictures of about 800x600 pixels, with 3 to 10 aeroplanes
    each, some cut by the edge; one training picture has none. Each picture, also the empty one, has
    an annotation in Pascal VOC: `xmin` and `ymin` are the first column and row of a box, `xmax` and
    `ymax` the first ones after it.

    Args:
      directory: Folder to write; created if it does not exist.

    Returns:
      The paths of the training and the evaluation folder.
    """
    draw = random.Random(1903)
    train, evaluation = (os.path.join(directory, name) for name in ("train", "eval"))
    for folder, count in ((train, TRAIN_IMAGES), (evaluation, EVAL_IMAGES)):
        images, annotations = (os.path.join(folder, name) for name in ("images", "annotations"))
        os.makedirs(images, exist_ok=True)
        os.makedirs(annotations, exist_ok=True)
        for index in range(count):
            is_empty = folder == train and index == _EMPTY_INDEX
            picture, boxes = _picture(draw, 0 if is_empty else draw.randrange(3, 11))
            name = f"airfield-{index:02}"
            picture.save(os.path.join(images, f"{name}.jpg"), "JPEG", quality=88)
            with open(os.path.join(annotations, f"{name}.xml"), "wb") as file:
                file.write(_annotation(f"{name}.jpg", picture.size, boxes))
    return train, evaluation


def _picture(draw: random.Random, planes: int) -> tuple[Image.Image, list[Box]]:
    picture = _airfield(draw, draw.choice(_SIZES))
    boxes: list[Box] = []
    while len(boxes) < planes:
        scale, turn = draw.uniform(*_SCALES), draw.uniform(0, math.tau)
        centre = (draw.uniform(0, picture.width), draw.uniform(0, picture.height))
        if all(_is_clear(centre, scale, box) for box in boxes):
            colours = draw.choice(_BODIES), draw.choice(_LIVERIES)
            jet = scale > _JET_SCALE
            box = draw_plane(picture, centre, scale=scale, turn=turn, colours=colours, jet=jet)
            boxes.append(box)
    return add_uneven_light(picture, draw, grain=90, strength=0.12), boxes


def _is_clear(centre: Point, scale: float, box: Box) -> bool:
    """Return whether an aeroplane of any rotation, and its shadow, cannot overlap a box."""
    x_distance = max(box[0] - centre[0], centre[0] - box[2])
    y_distance = max(box[1] - centre[1], centre[1] - box[3])
    return max(x_distance, y_distance) > _REACH * scale


def draw_plane(
    picture: Image.Image,
    centre: Point,
    *,
    scale: float,
    turn: float,
    colours: tuple[Colour, Colour],
    jet: bool,
) -> Box:
    """Draw an aeroplane and its shadow, seen from above.

    Args:
      picture: RGB picture to change.
      centre: Middle of the aeroplane, in pixels, inside the picture.
      scale: Half of its length, and of its span, in pixels.
      turn: Clockwise rotation from flying up, in radians.
      colours: Colour of its body, and of its tail and stripe.
      jet: Whether to draw swept wings with engines, instead of straight wings.

    Returns:
      The box of the pixels of which it covers at least half, without its shadow.

    Raises:
      ValueError: No part of it is in the picture.
    """
    reach = math.ceil(scale * _REACH)
    layer = Image.new("RGBA", (2 * reach * _OVERSAMPLING,) * 2)
    canvas = ImageDraw.Draw(layer)
    brush = Brush(canvas, (reach * _OVERSAMPLING,) * 2, scale * _OVERSAMPLING, turn)
    _draw_wings(brush, *colours, jet=jet)
    _draw_body(brush, *colours)
    layer = layer.reduce(_OVERSAMPLING)
    left, top = (round(part) - reach for part in centre)
    offset = max(2, round(scale / 9))
    shadow = layer.getchannel("A").point([alpha * 2 // 5 for alpha in range(256)])
    picture.paste((0, 0, 0), (left + offset, top + offset), shadow)
    picture.paste(layer, (left, top), layer)
    mask = Image.new("L", picture.size)
    mask.paste(layer.getchannel("A"), (left, top))
    box = mask.point([255 * (alpha >= 128) for alpha in range(256)]).getbbox()
    if box is None:
        raise ValueError(f"expected a centre in the picture of {picture.size}, got {centre}")
    return box


def _draw_wings(brush: Brush, body: Colour, livery: Colour, *, jet: bool) -> None:
    if jet:
        brush.mirrored([(0.05, -0.3), (1.0, 0.3), (1.0, 0.42), (0.3, 0.2), (0.05, 0.24)], body)
        for x in (-0.4, 0.4):
            brush.capsule((x, -0.16), (x, 0.02), 0.07, shade(body, 0.75))
        brush.mirrored([(0.05, 0.66), (0.4, 0.92), (0.4, 1.0), (0.05, 0.92)], body)
    else:
        brush.mirrored([(0.05, -0.42), (1.0, -0.36), (1.0, -0.12), (0.05, -0.04)], body)
        brush.mirrored([(0.86, -0.37), (1.0, -0.36), (1.0, -0.12), (0.86, -0.1)], livery)
        brush.mirrored([(0.02, 0.72), (0.4, 0.76), (0.4, 0.96), (0.02, 0.94)], body)


def _draw_body(brush: Brush, body: Colour, livery: Colour) -> None:
    brush.capsule((0, -0.86), (0, 0.5), 0.13, shade(body, 0.9))
    brush.mirrored([(0, 0.4), (0.13, 0.45), (0.04, 1.0), (0, 1.0)], shade(body, 0.9))
    brush.capsule((-0.02, -0.84), (-0.02, 0.55), 0.06, body)
    brush.polygon([(-0.09, -0.74), (0.09, -0.74), (0.07, -0.84), (-0.07, -0.84)], _GLASS)
    brush.capsule((0, 0.68), (0, 0.94), 0.035, livery)


def _airfield(draw: random.Random, size: tuple[int, int]) -> Image.Image:
    """Draw fields, a runway with an apron beside it, and houses at a road."""
    image = Image.new("RGB", size, draw.choice(_FIELDS))
    canvas = ImageDraw.Draw(image)
    middle, length = (size[0] / 2, size[1] / 2), math.hypot(*size) / 2
    turn = draw.uniform(-0.5, 0.5)
    _draw_fields(Brush(canvas, middle, length, turn + draw.uniform(-0.4, 0.4)), draw)
    ground = Brush(canvas, middle, length, turn)
    runway, side = draw.uniform(-0.3, 0.3), draw.choice((-1, 1))
    _draw_rectangle(ground, (-1.2, runway + side * 0.06), (1.2, runway + side * 0.2), _CONCRETE)
    _draw_rectangle(ground, (-1.2, runway - 0.08), (1.2, runway + 0.08), _TARMAC)
    for x in _steps(-1.2, 1.2, 0.12):
        _draw_rectangle(ground, (x, runway - 0.005), (x + 0.06, runway + 0.005), _PAINT)
    for edge in (-0.07, 0.07):
        ground.line([(-1.2, runway + edge), (1.2, runway + edge)], 0.005, _PAINT)
    _draw_village(ground, draw, runway - side * draw.uniform(0.26, 0.36))
    return add_uneven_light(
        image.filter(ImageFilter.GaussianBlur(0.8)), draw, grain=3, strength=0.06
    )


def _draw_fields(brush: Brush, draw: random.Random) -> None:
    for x in _steps(-1.3, 1.3, 0.45):
        for y in _steps(-1.3, 1.3, 0.34):
            colour = shade(draw.choice(_FIELDS), draw.uniform(0.9, 1.1))
            _draw_rectangle(brush, (x, y), (x + 0.45, y + 0.34), colour)
            for furrow in _steps(y, y + 0.34, draw.choice((0.02, 0.03, 1.0))):
                brush.line([(x, furrow), (x + 0.45, furrow)], 0.005, shade(colour, 0.94))


def _draw_village(brush: Brush, draw: random.Random, road: float) -> None:
    _draw_rectangle(brush, (-1.3, road - 0.014), (1.3, road + 0.014), _CONCRETE)
    for x in _steps(-1.1, 1.1, 0.11):
        if draw.random() < 0.6:
            width, depth = draw.uniform(0.05, 0.09), draw.uniform(0.04, 0.06)
            y = road + draw.choice((0.03, -0.03 - depth))
            roof = draw.choice(_ROOFS)
            _draw_rectangle(
                brush, (x + 0.01, y + 0.01), (x + width + 0.01, y + depth + 0.01), _SHADE
            )
            _draw_rectangle(brush, (x, y), (x + width, y + depth), roof)
            _draw_rectangle(brush, (x, y), (x + width, y + depth / 2), shade(roof, 1.2))


def _draw_rectangle(brush: Brush, first: Point, last: Point, colour: Colour) -> None:
    brush.polygon([first, (last[0], first[1]), last, (first[0], last[1])], colour)


def _steps(first: float, last: float, step: float) -> Iterator[float]:
    return (first + step * index for index in range(math.ceil((last - first) / step)))


def _annotation(filename: str, size: tuple[int, int], boxes: list[Box]) -> bytes:
    root = ElementTree.Element("annotation")
    _add(root, folder="images", filename=filename)
    _add(ElementTree.SubElement(root, "size"), width=size[0], height=size[1], depth=3)
    for xmin, ymin, xmax, ymax in boxes:
        plane = ElementTree.SubElement(root, "object")
        is_cut = xmin == 0 or ymin == 0 or xmax == size[0] or ymax == size[1]
        _add(plane, name=PLANE, truncated=int(is_cut), difficult=0)
        box = ElementTree.SubElement(plane, "bndbox")
        _add(box, xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8")
    return text + b"\n"


def _add(parent: ElementTree.Element, **texts: object) -> None:
    for name, text in texts.items():
        ElementTree.SubElement(parent, name).text = str(text)
