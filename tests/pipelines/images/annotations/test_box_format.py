"""The conventions of boxes: the numbers of each, there and back, and in each kind of file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordmill.pipelines.config.image_format import BoxForm, ImageFormat
from recordmill.pipelines.config.input import Input
from recordmill.pipelines.images.annotations.box_format import (
    BOX_FORMATS,
    BoxFormat,
    edges_of,
    numbers_of,
)
from recordmill.pipelines.images.annotations.coco import parse_coco
from recordmill.pipelines.images.annotations.listing import list_images
from recordmill.pipelines.images.annotations.refs import Box
from recordmill.pipelines.images.annotations.voc import parse_voc
from recordmill.schemas.errors import RecipeError

BOX: Box = (20.0, 10.0, 26.0, 15.0)
NUMBERS: dict[BoxForm, list[float]] = {
    "xyxy": [10, 20, 15, 26],
    "xywh": [10, 20, 5, 6],
    "cxcywh": [12.5, 23, 5, 6],
}
"""The same box in each form."""

_side = st.integers(0, 4096).map(lambda pixels: pixels / 4)


@given(st.sampled_from(list(NUMBERS)), _side, _side, _side, _side)
def test_there_and_back(form: BoxForm, xmin: float, ymin: float, xmax: float, ymax: float) -> None:
    edges = (xmin, ymin, xmax, ymax)
    assert edges_of(form, *numbers_of(form, *edges)) == edges


def test_the_conventions_have_names() -> None:
    assert list(map(str, BOX_FORMATS)) == [
        *("xyxy in pixels", "xywh in pixels", "cxcywh in pixels"),
        *("relative xyxy", "relative xywh", "relative cxcywh"),
    ]


def coco(bbox: list[float]) -> bytes:
    document = {
        "images": [{"id": 1, "file_name": "1.jpg"}],
        "annotations": [{"id": 5, "image_id": 1, "category_id": 1, "bbox": bbox}],
        "categories": [{"id": 1, "name": "cat"}],
    }
    return json.dumps(document).encode()


def voc(numbers: list[float]) -> bytes:
    names = ("xmin", "ymin", "xmax", "ymax")
    edges = "".join(f"<{name}>{n}</{name}>" for name, n in zip(names, numbers, strict=True))
    thing = f"<object><name>cat</name><bndbox>{edges}</bndbox></object>"
    return f"<annotation><filename>1.jpg</filename>{thing}</annotation>".encode()


def table(numbers: list[float]) -> bytes:
    header = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
    return f"{header}1.jpg,,,cat,{','.join(map(str, numbers))}\n".encode()


KINDS = {"a.json": coco, "a.xml": voc, "a.csv": table}


def listed(folder: Path, name: str, numbers: list[float], **image_format: Any) -> Any:
    (folder / "1.jpg").write_bytes(b"pixels")
    (folder / name).write_bytes(KINDS[name](numbers))
    (image,) = list_images(Input(None, str(folder / name)), ImageFormat(**image_format)).images
    return image


class TestFiles:
    @pytest.mark.parametrize("form", NUMBERS)
    @pytest.mark.parametrize("name", KINDS)
    def test_a_stated_form_is_read(self, name: str, form: BoxForm, tmp_path: Path) -> None:
        image = listed(tmp_path, name, NUMBERS[form], box=form)
        assert (image.boxes, image.box_format) == ((BOX,), BoxFormat(form))

    @pytest.mark.parametrize(
        ("name", "usual"), [("a.json", "xywh"), ("a.xml", "xyxy"), ("a.csv", "xyxy")]
    )
    def test_each_kind_has_its_usual_form(self, name: str, usual: BoxForm, tmp_path: Path) -> None:
        image = listed(tmp_path, name, NUMBERS[usual])
        assert (image.boxes, image.box_format) == ((BOX,), BoxFormat(usual, "pixels"))

    @pytest.mark.parametrize("name", KINDS)
    def test_relative_boxes_stay_as_they_are(self, name: str, tmp_path: Path) -> None:
        image = listed(tmp_path, name, [0.25, 0.5, 0.75, 1], box="xyxy", units="relative")
        assert image.boxes == ((0.5, 0.25, 1.0, 0.75),)
        assert image.box_format == BoxFormat("xyxy", "relative")


class TestBadBoxes:
    @pytest.mark.parametrize(
        ("form", "bbox", "expected"),
        [
            ("xyxy", [3, 1, 2, 4], "xmin, ymin, and a larger xmax and ymax"),
            ("cxcywh", [3, 1, 2, 0], "x and y of the centre, and a width and a height above 0"),
        ],
    )
    def test_coco(self, form: BoxForm, bbox: list[float], expected: str) -> None:
        (annotation,) = parse_coco(coco(bbox), path="a.json", form=form)
        assert str(annotation.problem) == (
            f"a.json:1: annotation 5: expected a bbox of four numbers, {expected}, got {bbox}"
        )

    @pytest.mark.parametrize("form", ["xywh", "cxcywh"])
    @pytest.mark.parametrize("numbers", [[1, 2, 0, 4], [1, 2, 3, -1]])
    def test_voc(self, form: BoxForm, numbers: list[float]) -> None:
        annotation = parse_voc(voc(numbers), path="a.xml", form=form)
        assert str(annotation.problem) == (
            "a.xml:1: expected a width and a height above 0, got "
            f"{', '.join(map(str, numbers))} ({form})"
        )


class TestImageFormat:
    def test_a_form_that_there_is_not(self) -> None:
        with pytest.raises(RecipeError) as caught:
            ImageFormat(box="yxyx")  # type: ignore[arg-type]
        assert str(caught.value) == 'box: expected xywh, xyxy, cxcywh, got "yxyx"'

    def test_units_that_there_are_not(self) -> None:
        with pytest.raises(RecipeError) as caught:
            ImageFormat(units="percent")  # type: ignore[arg-type]
        assert str(caught.value) == 'units: expected pixels, relative, got "percent"'
