"""Small synthetic Boston housing file, in the format of the published one.

The values are random; only the columns and their ranges are those of the real data. The value of a
home depends on rooms, status, air, river and crime, so that a model has something to learn.
"""

from __future__ import annotations

import math
import os
import random

__all__ = ["ROWS", "write_housing_sample"]

ROWS = 500
"""Number of tracts."""

_HEADER = [
    "CRIM",
    "ZN",
    "INDUS",
    "CHAS",
    "NOX",
    "RM",
    "AGE",
    "DIS",
    "RAD",
    "TAX",
    "PTRATIO",
    "B",
    "LSTAT",
    "MEDV",
]
_ZONED = (0, 0, 0, 0, 12.5, 20, 25, 40, 80)
_ACCESS = (1, 2, 3, 4, 4, 5, 5, 6, 7, 8, 24, 24, 24)


def write_housing_sample(directory: str) -> str:
    """Write `housing.csv` (a header and 500 rows), always the same bytes.

    Args:
      directory: Folder to write; created if it does not exist.

    Returns:
      The path of the file.
    """
    os.makedirs(directory, exist_ok=True)
    draw = random.Random(1978)
    path = os.path.join(directory, "housing.csv")
    with open(path, "w", encoding="utf-8", newline="\n") as lines:
        lines.write(",".join(f'"{name}"' for name in _HEADER) + "\n")
        for _ in range(ROWS):
            lines.write(",".join(f"{value:g}" for value in _tract(draw)) + "\n")
    return path


def _tract(draw: random.Random) -> tuple[float, ...]:
    """Return the values of a tract, most of which depend on how urban it is, in [0, 1]."""
    urban = draw.betavariate(1.2, 1.8)
    access = draw.choice(_ACCESS) if urban < 0.6 else 24
    crime = min(90.0, math.exp(draw.gauss(6 * urban - 4, 1)))
    river = int(draw.random() < 0.07)
    nitric = min(0.87, 0.39 + 0.4 * urban + abs(draw.gauss(0, 0.03)))
    rooms = min(8.8, max(3.6, draw.gauss(6.5 - 0.5 * urban, 0.6)))
    status = min(38.0, max(1.7, draw.gauss(5 + 20 * urban, 4) - 3 * (rooms - 6.3)))
    value = 22 + 6 * (rooms - 6.3) - 0.5 * (status - 12) - 12 * (nitric - 0.55) + 3 * river
    return (
        round(crime, 5),
        0 if urban > 0.4 else draw.choice(_ZONED),
        round(min(27.7, 1 + 22 * urban + abs(draw.gauss(0, 2))), 2),
        river,
        round(nitric, 3),
        round(rooms, 3),
        round(min(100.0, max(2.9, draw.gauss(40 + 60 * urban, 18))), 1),
        round(max(1.1, draw.gauss(7.5 - 6 * urban, 1)), 4),
        access,
        666 if access == 24 else draw.randrange(190, 470),
        round(draw.gauss(17.5 + 2 * urban, 1.5), 1),
        round(396.9 - min(390.0, draw.expovariate(1 / (5 + 60 * urban))), 2),
        round(status, 2),
        round(min(50.0, max(5.0, draw.gauss(value - 0.1 * crime, 2.5))), 1),
    )
