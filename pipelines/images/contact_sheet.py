"""Draw the first pictures of a split on one sheet, with their labels and boxes.

A cell is a picture in a square, scaled down to fit or magnified by a whole number, and below it
its classes and its file name. The boxes and the swatch of a class have the same colour.
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
    """Record to draw.

    Attributes:
      thumbnail: Image as `thumbnail` returns it.
      filename: Name of the image file.
      labels: Class of the image, or of each box.
      colours: Index of each label among the classes, which chooses its colour.
      boxes: (ymin, xmin, ymax, xmax) relative to the image; float32, [n, 4]; none for an image
        with one label.
    """

    thumbnail: Image.Image
    filename: str
    labels: tuple[str, ...]
    colours: tuple[int, ...]
    boxes: npt.NDArray[np.float32]


def sheet_of(data: PreparedDataset, *, split: str, count: int) -> tuple[Image.Image, int]:
    """Draw the first records of a split, in the order of the shards.

    Args:
      data: Prepared dataset of images.
      split: Name of the split, such as "train".
      count: Number of records; a smaller split is drawn as a whole.

    Returns:
      The sheet, see `draw_sheet`, and the number of records on it.

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
    prefix = "image/object/class" if boxed else "image/class"
    for record in data.records(split).take(count):
        parsed = tf.io.parse_single_example(record, spec)
        numbers = np.atleast_1d(parsed[f"{prefix}/label"].numpy())
        sides = [f"image/object/bbox/{side}" for side in ("ymin", "xmin", "ymax", "xmax")]
        boxes = np.stack([parsed[side] for side in sides], axis=1) if boxed else _NO_BOXES
        yield Picture(
            thumbnail=thumbnail(record_pixels(record, images).numpy()),
            filename=_line(parsed["image/filename"].numpy()),
            labels=tuple(map(_line, np.atleast_1d(parsed[f"{prefix}/text"].numpy()))),
            colours=tuple(int(number) - boxed for number in numbers),  # ids of boxes begin at 1
            boxes=boxes,
        )


def _line(text: bytes) -> str:
    """Join text to one line, with "?" for characters that cannot be printed."""
    line = " ".join(text.decode("utf-8", "replace").split())
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def thumbnail(pixels: npt.NDArray[np.uint8]) -> Image.Image:
    """Scale an image to a cell: averaged down, or magnified by a whole number.

    Args:
      pixels: RGB samples; uint8, [height, width, 3].

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
    """Draw a sheet of pictures, row by row: at most 8 a row, about as many rows as columns.

    Args:
      pictures: Pictures, in order; none gives the title alone.
      title: Title above the pictures.

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
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
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
    # The largest boxes first, so that they do not cover small ones.
    for box in np.argsort(-sizes, kind="stable"):
        _draw_box(draw, corners[box].tolist(), _colour(picture.colours[box]))
    _draw_labels(draw, picture, left, top + _SIDE + 5)
    position = (left, top + _SIDE + 21)
    _write(draw, picture.filename, position, size=10, width=_SIDE, colour=_PALE, keep_end=True)


def _draw_box(draw: ImageDraw.ImageDraw, corners: Sequence[int], colour: str) -> None:
    """Draw two pixels of colour around the content of a box, and a light line around these."""
    top, left, bottom, right = corners
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    draw.rectangle((left - 3, top - 3, right + 2, bottom + 2), outline=_PAPER)
    draw.rectangle((left - 2, top - 2, right + 1, bottom + 1), outline=colour, width=2)


def _draw_labels(draw: ImageDraw.ImageDraw, picture: Picture, left: int, top: int) -> None:
    """Draw the classes on one line, each after its swatch, with its count if above 1."""
    counts = Counter(zip(picture.labels, picture.colours, strict=True))
    x, end = left, left + _SIDE
    if not counts:
        _write(draw, "no boxes", (x, top - 3), size=12, width=_SIDE, colour=_PALE)
    for index, ((label, number), times) in enumerate(counts.items()):
        text = f"{label or '?'} x{times}" if times > 1 else label or "?"
        left_out = len(counts) - index
        room = end - x - _SWATCH - 4 - (_MORE if left_out > 1 else 0)
        if index and _font(12, text.isascii()).getlength(text) > room:
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
    position: tuple[int, int],
    *,
    size: int,
    width: int,
    colour: str = _INK,
    keep_end: bool = False,
) -> int:
    """Write text, cut to a width, and return the width it takes."""
    font = _font(size, text.isascii())
    text = _cut(text, font, width, keep_end=keep_end)
    draw.text(position, text, colour, font)
    return math.ceil(font.getlength(text))


@cache
def _font(size: int, ascii_only: bool) -> _Font:
    """Load Pillow's font, which has little but ASCII; other text takes a font of the system."""
    for name in () if ascii_only else _FONTS:
        with suppress(OSError):
            return ImageFont.truetype(name, size)
    return ImageFont.load_default(size)


def _cut(text: str, font: _Font, width: float, *, keep_end: bool = False) -> str:
    """Cut a text to a width, with "…" in place of the rest."""

    def shortened(length: int) -> str:
        start, end = text[:length].rstrip(), text[len(text) - length :]
        return f"…{end}" if keep_end else f"{start}…"

    if font.getlength(text) <= width:
        return text
    fits = bisect_right(range(len(text)), width, key=lambda n: font.getlength(shortened(n)))
    return shortened(max(fits - 1, 0))
