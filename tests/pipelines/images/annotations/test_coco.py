"""COCO files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recordmill.pipelines.config.image_format import ImageFormat
from recordmill.pipelines.config.input import Input
from recordmill.pipelines.images.annotations.coco import parse_coco
from recordmill.pipelines.images.annotations.common import Annotation
from recordmill.pipelines.images.annotations.listing import list_images
from recordmill.schemas.errors import DataError

CATEGORIES = [{"id": 1, "name": "cat"}, {"id": 7, "name": " dog "}, {"id": 8, "name": ""}]
IMAGE = {"id": 1, "file_name": "1.jpg", "width": 9, "height": 7}


def parse(annotations: list[Any], images: list[Any] | None = None) -> list[Annotation]:
    document = {"images": images or [IMAGE], "annotations": annotations, "categories": CATEGORIES}
    return parse_coco(json.dumps(document).encode(), path="a.json")


def box(*bbox: Any, category: Any = 1, **more: Any) -> dict[str, Any]:
    return {"id": 5, "image_id": 1, "category_id": category, "bbox": list(bbox), **more}


def problem(*args: Any, **kwargs: Any) -> tuple[str, str]:
    reject = parse(*args, **kwargs)[-1].problem
    assert reject
    return str(reject), reject.reason


def test_boxes_go_to_their_images() -> None:
    images = [IMAGE, {"id": "b", "file_name": "x/2.jpg"}, {"id": 3, "file_name": "3.jpg"}]
    mask = {"segmentation": {"counts": [1, 2], "size": [7, 9]}}
    annotations = [
        box(1, 2, 3.5, 4, category=7, **mask),
        {**box(0, 0, 1, 1), "image_id": "b"},
        box(5, 6, 7, 8, iscrowd=0),
        box(0, 0, 9, 7, iscrowd=1),
    ]
    first, second, third = parse(annotations, images)
    assert first.boxes == ((2.0, 1.0, 6.0, 4.5), (6.0, 5.0, 14.0, 12.0))
    assert (first.classes, first.stated_size, first.crowd) == (("dog", "cat"), (9, 7), 1)
    assert (second.image, second.boxes, second.stated_size) == (
        "x/2.jpg",
        ((0.0, 0.0, 1.0, 1.0),),
        None,
    )
    assert third == Annotation("3.jpg", "a.json", 1)


@pytest.mark.parametrize(
    "bbox",
    [
        [1, 2, 0, 4],
        [1, 2, 3, -4],
        [1, 2, 3],
        [1, 2, 3, 4, 5],
        [],
        ["1", "2", "3", "4"],
        [1, 2, 3, None],
        [1, 2, True, 4],
        [1, 2, 3, [4]],
        [1e300, 2, 1, 4],
        [10**400, 2, 1, 4],
    ],
)
def test_a_bad_box(bbox: list[Any]) -> None:
    assert problem([box(1, 1, 1, 1), box(*bbox)]) == (
        "a.json:1: annotation 5: expected a bbox of four numbers, x, y, and a width and a height "
        f"above 0, got {json.dumps(bbox)}",
        "bad_box",
    )


@pytest.mark.parametrize("bbox", [None, 5, {"x": 1}, "abcd", float("nan"), [float("inf"), 1, 1, 1]])
def test_a_box_of_another_form(bbox: Any) -> None:
    assert problem([{**box(), "bbox": bbox}])[1] == "bad_box"


@pytest.mark.parametrize("category", [2, 8, None, [1]])
def test_an_unknown_category(category: Any) -> None:
    assert problem([box(1, 1, 1, 1, category=category)]) == (
        "a.json:1: annotation 5: expected a category_id of a category with a name, got "
        f"{json.dumps(category)}",
        "bad_annotation",
    )


@pytest.mark.parametrize("name", [None, "", " ", 5, "\ud800.jpg", "a\0.jpg"])
def test_an_image_without_a_name(name: Any) -> None:
    assert problem([], images=[{"id": 1, "file_name": name}]) == (
        f"a.json:1: image 1: expected a file_name, got {json.dumps(name)}",
        "bad_annotation",
    )


def test_a_bad_size() -> None:
    assert problem([], images=[{**IMAGE, "width": -9}]) == (
        'a.json:1: column "width": expected a number of pixels, got -9',
        "bad_annotation",
    )


def test_a_box_of_no_image() -> None:
    annotations = parse([{**box(1, 1, 1, 1), "image_id": 2}])
    assert [annotation.image for annotation in annotations] == ["1.jpg", ""]
    assert problem([{**box(1, 1, 1, 1), "image_id": 2}]) == (
        "a.json:1: annotation 5: expected an image_id that is among the images, got 2",
        "missing_image",
    )


LISTS = (
    "expected a COCO file, a JSON object with the lists images, annotations, categories; missing"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a COCO file, got no JSON: Expecting value: line 1 column 1 (char 0)"),
        ("[" * 100_000, "expected a COCO file, got no JSON: maximum recursion depth exceeded"),
        ("[]", f"{LISTS} images, annotations, categories"),
        ('{"images": [], "annotations": {}}', f"{LISTS} annotations, categories"),
        (
            '{"images": [{"id": 1}, {"id": 1}], "annotations": [], "categories": []}',
            "two entries for image 1: expected one",
        ),
        (
            '{"images": [], "annotations": [], "categories": [{"name": "cat"}]}',
            'category without an id: {"name": "cat"}',
        ),
        (
            '{"images": [], "annotations": [3], "categories": []}',
            "annotation 0 of the list: expected a JSON object, got 3",
        ),
    ],
)
def test_no_coco_file(text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_coco(text.encode(), path="a.json")
    assert str(caught.value).startswith(f"a.json: {message}")


def test_a_listing(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"pixels")
    document = {
        "images": [IMAGE, {"id": 2, "file_name": "2.jpg"}],
        "annotations": [box(1, 1, 1, 1), box(1, 1, 1, 1, iscrowd=1), {"id": 6, "image_id": 9}],
        "categories": CATEGORIES,
    }
    (tmp_path / "a.json").write_text(json.dumps(document))
    listing = list_images(Input("train", str(tmp_path / "a.json")), ImageFormat())
    (image,) = listing.images
    assert (image.name, image.split, image.classes) == ("1.jpg", "train", ("cat",))
    assert [reject.reason for reject in listing.rejects] == ["missing_image"] * 2
    assert (listing.crowd, listing.source.records) == (1, 3)
