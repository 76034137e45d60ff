"""Runs over boxes in other conventions, and over splits that have none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.small_images import TILED, digests, encoded, picture

from recordmill.pipelines import ImageFormat, Images, Input, Recipe, prepare
from recordmill.pipelines.images.annotations.box_format import BOX_FORMATS, BoxFormat, numbers_of
from recordmill.pipelines.verify import verify
from recordmill.schemas.errors import DataError
from recordmill.schemas.manifest import Manifest

pytestmark = pytest.mark.slow  # a run a test

SIZE = (80, 60)
EDGES = [(45, 35, 60, 50), (50, 10, 75, 30), (2, 4, 30, 18)]
"""xmin, ymin, xmax, ymax; read as xywh the first two extend beyond their picture."""

PLAIN = replace(TILED, images=Images(format=ImageFormat(root="images")))


def write_coco(folder: Path, written: BoxFormat, *, images: int = 4, name: str = "a") -> Path:
    """Pictures of which all but the last have three boxes each."""
    entries, boxes = [], []
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for index in range(images):
        file = f"{name}{index}.png"
        (folder / "images" / file).write_bytes(encoded(picture(index + ord(name), SIZE), "PNG"))
        entries.append({"id": index, "file_name": file, "width": SIZE[0], "height": SIZE[1]})
        for xmin, ymin, xmax, ymax in EDGES if index < images - 1 else ():
            numbers = numbers_of(written.form, xmin, ymin, xmax, ymax)
            scale = (*SIZE, *SIZE) if written.units == "relative" else (1,) * 4
            bbox = [number / side for number, side in zip(numbers, scale, strict=True)]
            boxes.append({"id": len(boxes), "image_id": index, "category_id": 2, "bbox": bbox})
    document = {
        "images": entries,
        "annotations": boxes,
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document))
    return path


def stated(**image_format: Any) -> Recipe:
    return replace(PLAIN, images=Images(format=ImageFormat(root="images", **image_format)))


def run(recipe: Recipe, output: Path, **inputs: Path | str) -> Manifest:
    return prepare(
        recipe,
        output=str(output),
        inputs=[Input(split, str(path)) for split, path in inputs.items()],
    )


def failure(recipe: Recipe, output: Path, **inputs: Path | str) -> list[str]:
    with pytest.raises(DataError) as caught:
        run(recipe, output, **inputs)
    assert not output.exists()
    return str(caught.value).splitlines()


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """The dataset of boxes that are written as COCO writes them."""
    folder = tmp_path_factory.mktemp("usual")
    return run(PLAIN, folder / "out", train=write_coco(folder, BoxFormat("xywh")))


def test_what_is_in_each_split_is_told(usual: Manifest) -> None:
    assert usual.images["counts"] == {
        "train": {
            "images": 4,
            "without_boxes": 1,
            "boxes": 9,
            "clipped": 0,
            "tiny": 0,
            "classes": {"cat": 0, "dog": 9},
        }
    }


@pytest.mark.parametrize("written", BOX_FORMATS, ids=str)
def test_a_convention_that_is_stated_gives_the_same_records(
    written: BoxFormat, usual: Manifest, tmp_path: Path
) -> None:
    recipe = stated(box=written.form, units=written.units)
    manifest = run(recipe, tmp_path / "out", train=write_coco(tmp_path, written))
    assert digests(manifest) == digests(usual)
    assert manifest.images["counts"] == usual.images["counts"]


@pytest.mark.parametrize(
    ("written", "wrong", "setting"),
    [
        (
            BoxFormat("xyxy"),
            "train: 6 of 9 boxes extend beyond their picture by more than a pixel (66.67%; "
            "max_clipped_ratio is 5.00%)",
            "{format: {box: xyxy}}",
        ),
        (
            BoxFormat("xyxy", "relative"),
            "train: 9 of 9 boxes have a side of less than 1.5 pixels in their picture (100.00%; "
            "max_tiny_ratio is 5.00%)",
            "{format: {box: xyxy, units: relative}}",
        ),
        (
            BoxFormat("xywh", "relative"),
            "train: 9 of 9 boxes have a side of less than 1.5 pixels in their picture (100.00%; "
            "max_tiny_ratio is 5.00%)",
            "{format: {box: xywh, units: relative}}",
        ),
    ],
    ids=str,
)
def test_another_convention_fails_and_is_named(
    written: BoxFormat, wrong: str, setting: str, tmp_path: Path
) -> None:
    path = write_coco(tmp_path, written)
    lines = failure(PLAIN, tmp_path / "out", train=path)
    assert lines[0] == wrong
    assert lines[1].startswith(f"The boxes look like {written}: read so, 9 of 9 are good.")
    assert f"Set images: {setting};" in lines[1]
    assert lines[2].startswith(f"  {path}:1: a0.png, 80 x 60 pixels: got ")
    assert lines[-1] == "Nothing was published."


def test_each_split_counts_for_itself(tmp_path: Path) -> None:
    train = write_coco(tmp_path, BoxFormat("xywh"), images=40, name="a")
    evaluation = write_coco(tmp_path, BoxFormat("xyxy"), images=2, name="b")
    lines = failure(PLAIN, tmp_path / "out", train=train, eval=evaluation)
    assert lines[0].startswith("eval: 2 of 3 boxes extend beyond their picture")


def test_what_is_meant_is_published_and_counted(tmp_path: Path) -> None:
    path = write_coco(tmp_path, BoxFormat("xyxy"))
    document = json.loads(path.read_text())
    document["annotations"][0]["bbox"] = [5, 5, 1, 30]
    path.write_text(json.dumps(document))
    images = replace(PLAIN.images, max_clipped_ratio=1.0, max_tiny_ratio=0.2)  # type: ignore[type-var]
    manifest = run(replace(PLAIN, images=images), tmp_path / "out", train=path)
    counts = manifest.images["counts"]["train"]
    assert (counts["boxes"], counts["clipped"], counts["tiny"]) == (9, 5, 1)
    assert verify(str(tmp_path / "out")).records == 4
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<td>9</td><td>5</td><td>1</td>" in page


def test_too_many_rejects_are_told_first(tmp_path: Path) -> None:
    path = write_coco(tmp_path, BoxFormat("xyxy"))
    (tmp_path / "images" / "a3.png").write_bytes(b"")
    assert failure(PLAIN, tmp_path / "out", train=path)[0].startswith(
        "1 of 4 records were rejected (25.00%; max_reject_ratio is 1.00%): 1 empty_file"
    )


class TestNoBoxes:
    def test_a_folder_of_pictures_beside_its_annotations(self, tmp_path: Path) -> None:
        path = write_coco(tmp_path, BoxFormat("xywh"))
        (tmp_path / "images" / "a0.png").write_bytes(b"no image: nothing is read")
        assert failure(PLAIN, tmp_path / "out", train=tmp_path / "images") == [
            f'train: none of the 4 files of "{tmp_path}/images" has a box, and the recipe is for '
            "detection: expected annotations with boxes, got pictures only. There are "
            "annotations of these images; give",
            f"  --input train={path}  (COCO)",
            "If images without any box are intended, set images: {allow_no_boxes: true}. "
            "Nothing was published.",
        ]

    def test_one_split_is_enough(self, tmp_path: Path) -> None:
        train = write_coco(tmp_path, BoxFormat("xywh"))
        negatives = write_coco(tmp_path, BoxFormat("xywh"), images=1, name="b")
        assert failure(PLAIN, tmp_path / "out", train=train, eval=negatives)[0].startswith(
            f'eval: none of the 1 images of "{negatives}" has a box'
        )

    def test_they_are_published_where_that_is_meant(self, tmp_path: Path) -> None:
        write_coco(tmp_path, BoxFormat("xywh"))
        recipe = replace(PLAIN, images=Images(allow_no_boxes=True))
        manifest = run(recipe, tmp_path / "out", train=tmp_path / "images")
        counts = manifest.images["counts"]["train"]
        assert (counts["images"], counts["without_boxes"], counts["boxes"]) == (4, 4, 0)

    def test_negatives_beside_boxes_in_a_split(self, tmp_path: Path) -> None:
        path = write_coco(tmp_path / "boxed", BoxFormat("xywh"))
        write_coco(tmp_path / "negatives", BoxFormat("xywh"), name="n")
        inputs = [Input("train", str(path)), Input("train", f"{tmp_path}/negatives/images")]
        manifest = prepare(PLAIN, output=str(tmp_path / "out"), inputs=inputs)
        counts = manifest.images["counts"]["train"]
        assert (counts["images"], counts["without_boxes"], counts["boxes"]) == (8, 5, 9)

    def test_content_gives_a_split_none(self, tmp_path: Path) -> None:
        """One image of twelve has boxes, so all but one split have none."""
        path = write_coco(tmp_path, BoxFormat("xywh"), images=2)
        document = json.loads(path.read_text())
        for index in range(2, 12):
            file = f"a{index}.png"
            (tmp_path / "images" / file).write_bytes(encoded(picture(500 + index, SIZE), "PNG"))
            document["images"].append({"id": index, "file_name": file})
        path.write_text(json.dumps(document))
        with pytest.raises(DataError) as caught:
            prepare(PLAIN, output=str(tmp_path / "out"), inputs=[Input(None, str(path))])
        message = str(caught.value)
        assert "images has a box: expected boxes, since the recipe is for detection." in message
        assert not (tmp_path / "out").exists()

    def test_a_split_that_loses_its_boxes_to_near_duplicates(self, tmp_path: Path) -> None:
        train = write_coco(tmp_path / "t", BoxFormat("xywh"), images=2)
        evaluation = write_coco(tmp_path / "e", BoxFormat("xywh"), images=2)
        (tmp_path / "t" / "images" / "a1.png").write_bytes(encoded(picture(999, SIZE), "PNG"))
        images = Images(format=ImageFormat(root="images"), near_duplicates="drop")
        recipe = replace(PLAIN, images=images)
        assert failure(recipe, tmp_path / "out", train=train, eval=evaluation)[0].startswith(
            "train: none of its 1 images has a box: expected boxes"
        )
