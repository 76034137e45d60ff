"""The first records of a dataset in words; `test_sheet` draws images."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.image_dataset import Picture, noise
from helpers.image_dataset import write_dataset as write_images
from helpers.plain_dataset import write_dataset

from recordmill.runners.show import show
from recordmill.schemas.errors import RecipeError


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(write_dataset(tmp_path / "data", range(3), range(3, 7)))


def shown(data: str, split: str = "train", records: int | None = None) -> int:
    return show(data, split=split, records=records, sheet=None)


def test_a_feature_a_line(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(data, records=2) == 0
    assert capsys.readouterr().out == (
        "train record 0\n"
        "  n/a   0.0\n"
        "  word  0\n"
        "  x     0.0\n"
        "  label label: 0\n"
        "train record 1\n"
        "  n/a   0.0\n"
        "  word  1\n"
        "  x     0.6931472\n"
        "  label label: 1\n"
    )


@pytest.mark.parametrize(("records", "count"), [(None, 5), (0, 0), (100, 7)])
def test_the_number_of_records(
    records: int | None, count: int, data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown(data, records=records)
    assert capsys.readouterr().out.count("train record") == count


def test_no_such_split(data: str) -> None:
    with pytest.raises(RecipeError, match="evel"):
        shown(data, split="evel")


def test_a_table_is_not_drawn(data: str) -> None:
    with pytest.raises(RecipeError) as error:
        show(data, split="train", records=None, sheet="a.png")
    assert str(error.value) == f"{data}: --sheet is for a dataset of images"


def test_images_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / "pets", [Picture(noise(8, 8, seed=n)) for n in range(3)], size=(8, 8))
    assert show("pets", split="train", records=2, sheet=None) == 0
    assert capsys.readouterr().out == "pets: drew 2 records of train in pets-train.png\n"
    assert (tmp_path / "pets-train.png").is_file()
