from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import image_dataset
from helpers.image_dataset import noise
from PIL import Image

from recordmill.runners.sheet import contact_sheet
from recordmill.schemas.errors import DataError, RecipeError

RED, BLUE, WHITE, GREY = (230, 25, 75), (0, 103, 197), (255, 255, 255), (100, 100, 100)


def pixel(sheet: Image.Image, x: int, y: int) -> Any:
    """A pixel of the first cell, which begins at (14, 40)."""
    return sheet.getpixel((14 + x, 40 + y))


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
