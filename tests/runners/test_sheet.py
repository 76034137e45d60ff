from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import image_dataset
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_dataset import noise
from PIL import Image

from recordmill.runners.sheet import Picture, contact_sheet, draw_sheet, thumbnail
from recordmill.schemas.errors import DataError, RecipeError

RED, BLUE, WHITE, BED = (230, 25, 75), (0, 103, 197), (255, 255, 255), (238, 238, 238)
GREY = (100, 100, 100)
LEFT, TOP = 14, 40
"""Where the first cell begins."""


def picture(height: int, width: int, *boxes: tuple[float, ...], **fields: Any) -> Picture:
    """A grey picture, or one of other `pixels`, with boxes of the classes 0, 1, …"""
    numbers = tuple(range(len(boxes)))
    pixels = fields.pop("pixels", np.full((height, width, 3), 100, np.uint8))
    found = {
        "thumbnail": thumbnail(pixels),
        "filename": "a.png",
        "labels": tuple(f"class {number}" for number in numbers),
        "colours": numbers,
        "boxes": np.array(boxes, np.float32).reshape(-1, 4),
    }
    return Picture(**(found | fields))


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
            assert [pixel(small, *place) for place in places] == [tuple(noise(2, 2)[y, x])] * 2

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
        one = picture(180, 180, labels=labels, colours=colours, filename="folder/" * 90)
        sheet = np.asarray(draw_sheet([one], title="t" * 999))
        assert (sheet[TOP + 180 :, LEFT + 182 :] == 255).all()
        assert (sheet[:TOP, -14:] == 255).all()
        assert (sheet[TOP + 180 : TOP + 216, LEFT : LEFT + 180] < 200).any()

    def test_is_the_same_each_time(self) -> None:
        pictures = [picture(30, 40, (0.1, 0.1, 0.5, 0.9), pixels=noise(30, 40))] * 2
        sheets = [draw_sheet(pictures, title="pets").tobytes() for _ in range(2)]
        assert sheets[0] == sheets[1]


@pytest.fixture(scope="module")
def boxed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pictures = [
        image_dataset.Picture(
            np.full((90, 180, 3), 100, np.uint8),
            boxes=((0.0, 0.5, 0.5, 1.0),) * (i == 0),
            classes=(2,) * (i == 0),
            filename=f"train/{i}\n.png",
        )
        for i in range(4)
    ]
    folder = tmp_path_factory.mktemp("boxed")
    return image_dataset.write_dataset(folder, pictures, kind="detection", storage="raw")


@given(st.integers(1, 5000), st.integers(1, 5000))
@settings(max_examples=50, deadline=None)
def test_thumbnail_fits_its_cell(height: int, width: int) -> None:
    found = thumbnail(np.zeros((height, width, 3), np.uint8))
    assert 91 <= max(found.size) <= 180
    assert min(found.size) >= 1
    if max(height, width) <= 180:
        assert found.width * height == found.height * width


class TestContactSheet:
    def test_boxes(self, boxed: Path, tmp_path: Path) -> None:
        path = tmp_path / "sheet.png"
        assert contact_sheet(str(boxed), split="train", count=2, path=str(path)) == 2
        sheet = Image.open(path)
        assert (sheet.format, sheet.size) == ("PNG", (14 + 3 * 194, 40 + 230))
        assert [pixel(sheet, x, 60) for x in (87, 88, 89, 90)] == [WHITE, BLUE, BLUE, GREY]
        assert pixel(sheet, 0, 185) == BLUE
        assert pixel(sheet, 194 + 88, 60) == GREY

    def test_more_than_there_are(self, boxed: Path, tmp_path: Path) -> None:
        path = str(tmp_path / "sheet.png")
        assert contact_sheet(str(boxed), split="train", count=400, path=path) == 4
        assert contact_sheet(str(boxed), split="eval", count=5, path=path) == 0
        assert Image.open(path).size == (14 + 3 * 194, 40)

    def test_labels(self, tmp_path: Path) -> None:
        pictures = [image_dataset.Picture(noise(4, 4), label=i % 2) for i in range(3)]
        folder = tmp_path / "labelled"
        image_dataset.write_dataset(folder, pictures, size=(4, 4), classes=("chat", "chien à pois"))
        path = tmp_path / "sheet.png"
        assert contact_sheet(str(folder), split="train", count=3, path=str(path)) == 3
        sheet = Image.open(path)
        assert [pixel(sheet, 194 * i, 185) for i in range(3)] == [RED, BLUE, RED]
        assert pixel(sheet, 0, 0) == tuple(noise(4, 4)[0, 0])

    @pytest.mark.parametrize("count", [0, 401])
    def test_a_wrong_count(self, boxed: Path, count: int) -> None:
        with pytest.raises(RecipeError) as error:
            contact_sheet(str(boxed), split="train", count=count, path="sheet.png")
        assert str(error.value) == f"expected 1 to 400 records on a contact sheet, got {count}"

    def test_no_such_split(self, boxed: Path, tmp_path: Path) -> None:
        with pytest.raises(RecipeError, match='has no split "trian"'):
            contact_sheet(str(boxed), split="trian", count=1, path=str(tmp_path / "sheet.png"))

    def test_a_damaged_record(self, boxed: Path, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(boxed, tmp_path / "dataset"))
        path = folder / "train/data-00000-of-00002.tfrecord"
        data = bytearray(path.read_bytes())
        data[100] ^= 1
        path.write_bytes(data)
        with pytest.raises(DataError) as error:
            contact_sheet(str(folder), split="train", count=1, path=str(tmp_path / "sheet.png"))
        assert str(error.value).startswith(f"{folder}: a record of train cannot be read (")
        assert not (tmp_path / "sheet.png").exists()

    def test_a_path_that_cannot_be_written(self, boxed: Path, tmp_path: Path) -> None:
        path = str(tmp_path / "missing" / "sheet.png")
        with pytest.raises(RecipeError) as error:
            contact_sheet(str(boxed), split="train", count=1, path=path)
        assert str(error.value).startswith(f"{path}: cannot be written: ")

    def test_a_table(self, boxed: Path, tmp_path: Path) -> None:
        path = boxed / "manifest.json"
        table = tmp_path / "table"
        (table / "transform_fn").parent.mkdir()
        (table / "transform_fn").symlink_to(boxed / "transform_fn")
        text = path.read_text()
        (table / "manifest.json").write_text(text[: text.index(',\n  "images"')] + "\n}\n")
        with pytest.raises(RecipeError) as error:
            contact_sheet(str(table), split="train", count=1, path=str(tmp_path / "sheet.png"))
        assert str(error.value) == (
            f"{table}: a contact sheet shows images, and this dataset has none"
        )
