"""Drawing for samples of images: rotated and scaled shapes, and uneven light."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image, ImageDraw

__all__ = ["Brush", "Colour", "Point", "add_uneven_light", "shade"]

Point = tuple[float, float]
Colour = tuple[int, int, int]

_ARC_SEGMENTS = 40
"""Number of line segments of an arc."""


@dataclass(frozen=True)
class Brush:
    """Shapes in a local coordinate system, with y downwards.

    The unit is about half the size of an object, whose middle is at (0, 0).

    Attributes:
      canvas: Image to draw on.
      centre: Position of (0, 0), in pixels.
      scale: Length of a unit, in pixels.
      turn: Clockwise rotation, in radians.
    """

    canvas: ImageDraw.ImageDraw
    centre: Point
    scale: float
    turn: float = 0.0

    def polygon(self, points: Iterable[Point], colour: Colour) -> None:
        """Fill a polygon."""
        self.canvas.polygon([self._to_pixels(point) for point in points], fill=colour)

    def mirrored(self, points: Iterable[Point], colour: Colour) -> None:
        """Fill a polygon and its mirror image on the other side of the y axis."""
        right = list(points)
        self.polygon(right, colour)
        self.polygon([(-x, y) for x, y in right], colour)

    def line(self, points: Iterable[Point], width: float, colour: Colour) -> None:
        """Draw a line through the points, with round corners."""
        pixels = [self._to_pixels(point) for point in points]
        self.canvas.line(pixels, fill=colour, width=round(width * self.scale), joint="curve")

    def ellipse(self, centre: Point, radii: Point, colour: Colour) -> None:
        """Fill an ellipse with its radii along x and y."""
        self.polygon(_arc(centre, radii, 0, 2 * math.pi), colour)

    def capsule(self, start: Point, end: Point, radius: float, colour: Colour) -> None:
        """Fill the points within a radius of the line between two different points."""
        angle = math.atan2(end[1] - start[1], end[0] - start[0])
        radii, quarter = (radius, radius), math.pi / 2
        end_arc = _arc(end, radii, angle - quarter, angle + quarter)
        start_arc = _arc(start, radii, angle + quarter, angle + 3 * quarter)
        self.polygon([*end_arc, *start_arc], colour)

    def _to_pixels(self, point: Point) -> Point:
        x, y = (self.scale * part for part in point)
        cosine, sine = math.cos(self.turn), math.sin(self.turn)
        return self.centre[0] + cosine * x - sine * y, self.centre[1] + sine * x + cosine * y


def _arc(centre: Point, radii: Point, first: float, last: float) -> list[Point]:
    angles = (first + (last - first) * i / _ARC_SEGMENTS for i in range(_ARC_SEGMENTS + 1))
    return [
        (centre[0] + radii[0] * math.cos(a), centre[1] + radii[1] * math.sin(a)) for a in angles
    ]


def shade(colour: Colour, factor: float) -> Colour:
    """Make a colour darker (factor below 1) or lighter.

    >>> shade((200, 100, 0), 1.5)
    (255, 150, 0)
    """
    red, green, blue = (min(255, round(part * factor)) for part in colour)
    return red, green, blue


def add_uneven_light(
    image: Image.Image, draw: random.Random, *, grain: int, strength: float
) -> Image.Image:
    """Return a picture under uneven light.

    Args:
      image: RGB.
      draw: Generator of the light.
      grain: Typical distance between light and dark, in pixels.
      strength: Weight of the light in the result, in [0, 1].
    """
    width, height = (max(2, side // grain) for side in image.size)
    light = Image.frombytes("L", (width, height), draw.randbytes(width * height))
    light = light.resize(image.size, Image.Resampling.BICUBIC)
    return Image.blend(image, Image.merge("RGB", [light] * 3), strength)
