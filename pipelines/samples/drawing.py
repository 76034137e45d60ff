"""What the drawn samples share: shapes at any place, size and turn, and light over a picture."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image, ImageDraw

__all__ = ["Brush", "Colour", "Point", "mottled", "shade"]

Point = tuple[float, float]
Colour = tuple[int, int, int]

_ROUND = 40
"""The corners of a polygon that looks round."""


@dataclass(frozen=True)
class Brush:
    """Draws shapes that are given around (0, 0), in units of about half a thing, y downwards.

    Attributes:
      canvas: Where to draw.
      centre: Where (0, 0) lies, in pixels.
      scale: The length of 1, in pixels.
      turn: By how much things are turned clockwise, in radians.
    """

    canvas: ImageDraw.ImageDraw
    centre: Point
    scale: float
    turn: float = 0.0

    def polygon(self, points: Iterable[Point], colour: Colour) -> None:
        """Fill what the points enclose."""
        self.canvas.polygon([self._place(point) for point in points], fill=colour)

    def mirrored(self, points: Iterable[Point], colour: Colour) -> None:
        """Fill a shape and its mirror image beyond the y axis."""
        right = list(points)
        self.polygon(right, colour)
        self.polygon([(-x, y) for x, y in right], colour)

    def line(self, points: Iterable[Point], width: float, colour: Colour) -> None:
        """Draws a line through the points, with round corners."""
        placed = [self._place(point) for point in points]
        self.canvas.line(placed, fill=colour, width=round(width * self.scale), joint="curve")

    def ellipse(self, centre: Point, radii: Point, colour: Colour) -> None:
        """Fill an ellipse, its radii along x and y."""
        self.polygon(_arc(centre, radii, 0, 2 * math.pi), colour)

    def capsule(self, start: Point, end: Point, radius: float, colour: Colour) -> None:
        """Fill all that lies within a radius of the line between two different points."""
        along = math.atan2(end[1] - start[1], end[0] - start[0])
        radii, quarter = (radius, radius), math.pi / 2
        ends = _arc(end, radii, along - quarter, along + quarter)
        self.polygon([*ends, *_arc(start, radii, along + quarter, along + 3 * quarter)], colour)

    def _place(self, point: Point) -> Point:
        x, y = (self.scale * part for part in point)
        cosine, sine = math.cos(self.turn), math.sin(self.turn)
        return self.centre[0] + cosine * x - sine * y, self.centre[1] + sine * x + cosine * y


def _arc(centre: Point, radii: Point, first: float, last: float) -> list[Point]:
    angles = (first + (last - first) * place / _ROUND for place in range(_ROUND + 1))
    return [
        (centre[0] + radii[0] * math.cos(a), centre[1] + radii[1] * math.sin(a)) for a in angles
    ]


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (below 1) or lighter.

    >>> shade((200, 100, 0), 1.5)
    (255, 150, 0)
    """
    red, green, blue = (min(255, round(part * factor)) for part in colour)
    return red, green, blue


def mottled(image: Image.Image, draw: random.Random, *, grain: int, strength: float) -> Image.Image:
    """The picture under an uneven light.

    Args:
      image: RGB.
      draw: Where the light comes from.
      grain: About how far apart, in pixels, light and dark are.
      strength: How much of the result is light alone, in [0, 1].
    """
    width, height = (max(2, side // grain) for side in image.size)
    light = Image.frombytes("L", (width, height), draw.randbytes(width * height))
    light = light.resize(image.size, Image.Resampling.BICUBIC)
    return Image.blend(image, Image.merge("RGB", [light] * 3), strength)
