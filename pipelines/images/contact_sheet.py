"""`sheet_of`: the first pictures of a split on one sheet, with their labels and boxes.

A cell is a picture in a square, scaled down to fit or magnified by a whole number, and below it
its classes and its file name. A class has one colour, that of its boxes and of its swatch.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from ...schemas.errors import DataError

if TYPE_CHECKING:
    from ...transforms.dataset.loader import PreparedDataset

__all__ = ["Picture", "draw_sheet", "sheet_of", "thumbnail"]

_Font: TypeAlias = "ImageFont.FreeTypeFont | ImageFont.ImageFont"

_SIDE = 180
_GAP = 14
_TITLE = 40
_CAPTION = 36
_COLUMNS = 8
_SWATCH = 9
_MORE = 26

_PAPER, _INK, _PALE, _BED = "#ffffff", "#1a1a1a", "#6b6b6b", "#eeeeee"
_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "arial.ttf")
_COLOURS = (
    *("#e6194b", "#0067c5", "#008a3c", "#b8007a", "#d95f02"),
    *("#6a3d9a", "#007f86", "#8c510a", "#4b5fd1", "#5c7a00"),
)


@dataclass(frozen=True)
class Picture:
    """A record to draw.

    Attributes:
      thumbnail: The image as `thumbnail` makes it.
      filename: Where the image came from.
      labels: The class of the image, or of each box.
      colours: The place of each label among the classes.
      boxes: float32 [n, 4], (ymin, xmin, ymax, xmax) relative to the image; none for an image
        with one label.
    """

    thumbnail: Image.Image
    filename: str
    labels: tuple[str, ...]
    colours: tuple[int, ...]
    boxes: npt.NDArray[np.float32]


def sheet_of(data: PreparedDataset, *, split: str, count: int) -> tuple[Image.Image, int]:
    """Draws the first records of a split, in the order of the shards.

    Args:
      data: A prepared dataset of images.
      split: The split's name, such as "train".
      count: How many records; all of a split that has fewer.

    Returns:
      The sheet, see `draw_sheet`, and how many records are on it.

    Raises:
      DataError: The dataset is damaged.
      RecipeError: There is no such split.
    """
    pictures = _pictures(data, split, count)
    records = data.manifest.splits[split].records
    title = f"{data.manifest.name}, {split}: {len(pictures):,} of {records:,} records"
    return draw_sheet(pictures, title=title), len(pictures)


_NO_BOXES = np.zeros((0, 4), np.float32)


def _pictures(data: PreparedDataset, split: str, count: int) -> list[Picture]:
    import tensorflow as tf

    try:
        return list(_read_pictures(data, split, count))
    except tf.errors.OpError as error:
        raise DataError(
            f"{data.directory}: a record of {split} cannot be read ({error.message}). "
            "Prepare the dataset again."
        ) from error


def _read_pictures(data: PreparedDataset, split: str, count: int) -> Iterator[Picture]:
    import tensorflow as tf

    from ...transforms.dataset.image_records import record_pixels

    images, spec = data.manifest.images, data.feature_spec
    boxed = images["kind"] == "detection"
    of_what = "image/object/class" if boxed else "image/class"
    for record in data.records(split).take(count):
        parsed = tf.io.parse_single_example(record, spec)
        numbers = np.atleast_1d(parsed[f"{of_what}/label"].numpy())
        sides = [f"image/object/bbox/{side}" for side in ("ymin", "xmin", "ymax", "xmax")]
        boxes = np.stack([parsed[side] for side in sides], axis=1) if boxed else _NO_BOXES
        yield Picture(
            thumbnail=thumbnail(record_pixels(record, images).numpy()),
            filename=_line(parsed["image/filename"].numpy()),
            labels=tuple(map(_line, np.atleast_1d(parsed[f"{of_what}/text"].numpy()))),
            colours=tuple(int(number) - boxed for number in numbers),
            boxes=boxes,
        )


def _line(text: bytes) -> str:
    """Text on one line; what cannot be shown is "?"."""
    line = " ".join(text.decode("utf-8", "replace").split())
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def thumbnail(pixels: npt.NDArray[np.uint8]) -> Image.Image:
    """An image as large as a cell takes it: averaged down, or each pixel a square.

    Args:
      pixels: uint8 RGB [height, width, 3].

    Returns:
      An RGB image whose longer side has 91 to 180 pixels.
    """
    image = Image.fromarray(pixels)
    longest = max(image.size)
    if longest <= _SIDE:
        times = _SIDE // longest
        return image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    size = [max(round(side * _SIDE / longest), 1) for side in image.size]
    return image.resize((size[0], size[1]), Image.Resampling.LANCZOS, reducing_gap=3.0)


def draw_sheet(pictures: Sequence[Picture], *, title: str) -> Image.Image:
    """A sheet of pictures, row by row: at most 8 a row, about as many rows as columns.

    Args:
      pictures: In the order to draw; none gives the title alone.
      title: What stands above.

    Returns:
      An RGB image, 14 + 194 pixels wide for each column and 40 + 230 high for each row: cells
      begin at (14, 40), and there are at least 3 columns.
    """
    columns = min(max(math.ceil(math.sqrt(len(pictures))), 3), _COLUMNS)
    rows = math.ceil(len(pictures) / columns)
    width, height = _SIDE + _GAP, _SIDE + _CAPTION + _GAP
    sheet = Image.new("RGB", (_GAP + columns * width, _TITLE + rows * height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    _write(draw, title, (_GAP, 11), size=15, width=sheet.width - 2 * _GAP)
    for place, picture in enumerate(pictures):
        row, column = divmod(place, columns)
        _draw_cell(sheet, picture, _GAP + column * width, _TITLE + row * height)
    return sheet


def _draw_cell(sheet: Image.Image, picture: Picture, left: int, top: int) -> None:
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((left, top, left + _SIDE - 1, top + _SIDE - 1), _BED)
    image = picture.thumbnail
    x, y = left + (_SIDE - image.width) // 2, top + (_SIDE - image.height) // 2
    sheet.paste(image, (x, y))
    scale = np.array([image.height, image.width] * 2)
    corners = np.rint(np.clip(picture.boxes, 0, 1) * scale).astype(int) + np.array([y, x, y, x])
    sizes = np.prod(corners[:, 2:] - corners[:, :2], axis=1)
    for box in np.argsort(-sizes, kind="stable"):
        _draw_box(draw, corners[box].tolist(), _colour(picture.colours[box]))
    _draw_labels(draw, picture, left, top + _SIDE + 5)
    place = (left, top + _SIDE + 21)
    _write(draw, picture.filename, place, size=10, width=_SIDE, colour=_PALE, keep_end=True)


def _draw_box(draw: ImageDraw.ImageDraw, corners: Sequence[int], colour: str) -> None:
    """Two pixels of colour around what is in the box, and a light line around these."""
    top, left, bottom, right = corners
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    draw.rectangle((left - 3, top - 3, right + 2, bottom + 2), outline=_PAPER)
    draw.rectangle((left - 2, top - 2, right + 1, bottom + 1), outline=colour, width=2)


def _draw_labels(draw: ImageDraw.ImageDraw, picture: Picture, left: int, top: int) -> None:
    """The classes on one line, each after its colour and with how often it comes if not once."""
    counts = Counter(zip(picture.labels, picture.colours, strict=True))
    x, end = left, left + _SIDE
    if not counts:
        _write(draw, "no boxes", (x, top - 3), size=12, width=_SIDE, colour=_PALE)
    for place, ((label, number), times) in enumerate(counts.items()):
        text = f"{label or '?'} x{times}" if times > 1 else label or "?"
        left_out = len(counts) - place
        room = end - x - _SWATCH - 4 - (_MORE if left_out > 1 else 0)
        if place and _font(12, text.isascii()).getlength(text) > room:
            _write(draw, f"+{left_out}", (x, top - 3), size=12, width=end - x)
            break
        draw.rectangle((x, top, x + _SWATCH - 1, top + _SWATCH - 1), _colour(number))
        x += _SWATCH + 4
        x += 10 + _write(draw, text, (x, top - 3), size=12, width=room)


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def _write(
    draw: ImageDraw.ImageDraw,
    text: str,
    place: tuple[int, int],
    *,
    size: int,
    width: int,
    colour: str = _INK,
    keep_end: bool = False,
) -> int:
    """Write text, cut to a width, and return the width it takes."""
    font = _font(size, text.isascii())
    text = _cut(text, font, width, keep_end=keep_end)
    draw.text(place, text, colour, font)
    return math.ceil(font.getlength(text))


@cache
def _font(size: int, ascii_only: bool) -> _Font:
    """Pillow's own font; it has little but ASCII, so other text takes one of the system's."""
    for name in () if ascii_only else _FONTS:
        with suppress(OSError):
            return ImageFont.truetype(name, size)
    return ImageFont.load_default(size)


def _cut(text: str, font: _Font, width: float, *, keep_end: bool = False) -> str:
    """As much of the text as is no wider than that, with "…" for what is left out."""

    def shortened(length: int) -> str:
        start, end = text[:length].rstrip(), text[len(text) - length :]
        return f"…{end}" if keep_end else f"{start}…"

    if font.getlength(text) <= width:
        return text
    fits = bisect_right(range(len(text)), width, key=lambda n: font.getlength(shortened(n)))
    return shortened(max(fits - 1, 0))
